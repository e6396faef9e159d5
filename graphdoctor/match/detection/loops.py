"""Values that pass in and out of ``tf.map_fn``: a while loop over the images of a batch, with TensorArrays.

::

    stored --TensorArrayScatterV3--> flow --Enter--> TensorArrayReadV3 = one image's part of stored
    written --TensorArrayWriteV3--> NextIteration --> Merge --> Switch --> Exit --> TensorArrayGatherV3 = all of them
"""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node, Value
from graphdoctor.match.constants import source_of

READ = "TensorArrayReadV3"
GATHER = "TensorArrayGatherV3"
_MERGES = frozenset({"Merge", "RefMerge"})
_FARTHEST = 4096


def stored_in(read: Node) -> Value | None:
    """What the loop reads one image's part of at ``read``; ``None`` for another form."""
    if read.op != READ or len(read.inputs) != 3:
        return None
    scatter = source_of(read.inputs[2]).node
    return scatter.inputs[2] if scatter.op == "TensorArrayScatterV3" and len(scatter.inputs) == 4 else None


def written_to(gather: Node) -> Value | None:
    """What the loop writes for one image of what ``gather`` gives for all; ``None`` for another form."""
    if gather.op != GATHER or len(gather.inputs) != 3:
        return None
    switch = source_of(gather.inputs[2]).node
    if switch.op != "Switch" or not switch.inputs or switch.inputs[0].node.op not in _MERGES:
        return None
    back = (v.node for v in switch.inputs[0].node.inputs if v.node.op == "NextIteration" and v.node.inputs)
    write = next((source_of(n.inputs[0]).node for n in back), None)
    if write is None or write.op != "TensorArrayWriteV3" or len(write.inputs) != 4:
        return None
    return write.inputs[2]


def behind(value: Value, stop: frozenset[str] = frozenset()) -> Iterator[Node]:
    """The nodes that ``value`` is computed from, nearest first, each once; shapes of values are not followed.

    What stands behind a node of an op in ``stop``, or behind a read of a loop, is not given.
    """
    waiting, seen = [value.node], {value.node}
    for node in waiting:
        yield node
        if node.op in stop or node.op == READ or node.op in _ONLY_SHAPE or len(seen) > _FARTHEST:
            continue
        for producer in (v.node for v in node.inputs):
            if producer not in seen:
                seen.add(producer)
                waiting.append(producer)


_ONLY_SHAPE = frozenset({"Shape", "ShapeN", "Size", "Rank"})
