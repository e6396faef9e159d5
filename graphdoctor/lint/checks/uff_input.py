"""What nodes of a UFF file read: how many, whether it is there, and ids that two nodes have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.uff_subject import live_nodes, subject
from graphdoctor.wire.uff.ops import CORE_OPS
from graphdoctor.words import plural

_MANY_OUTPUTS = frozenset(
    "Split SplitV Unpack Unstack TopK TopKV2 Switch RefSwitch Unique UniqueV2 UniqueWithCounts Moments "
    "NonMaxSuppressionV4 NonMaxSuppressionV5 CombinedNonMaxSuppression SampleDistortedBoundingBox IteratorGetNext "
    "BatchNormWithGlobalNormalizationGrad FusedBatchNormGrad CTCGreedyDecoder CTCBeamSearchDecoder".split()
)
"""TensorFlow ops whose outputs beyond the first are what graphs read them for."""


def check(ctx: CheckContext, *, ask: str = "count") -> Iterator[Hit]:
    """One hit for each node that ``ask`` is true of.

    ``count``: it reads more or fewer than its op. ``missing``: it reads what is not in the file, dead nodes too.
    ``twice``: another node has its id. ``outputs``: it has several outputs, of which readers cannot name one.
    """
    yield from {"count": _count, "missing": _missing, "twice": _twice, "outputs": _outputs}[ask](ctx)


def _count(ctx: CheckContext) -> Iterator[Hit]:
    for node, place in live_nodes(ctx):
        op = CORE_OPS.get(node.op)
        if op is None:
            continue
        low, high = op.inputs
        if low <= len(node.inputs) <= (len(node.inputs) if high is None else high):
            continue
        wanted = f"at least {low}" if high is None else str(low)
        extra = ", ".join(node.inputs[low:][:3])
        hint = f"; {extra} may be what a control input named" if high is not None and len(node.inputs) > high else ""
        yield Hit(place, f"{node.op} reads {plural(len(node.inputs), 'value')}, and {wanted} are wanted{hint}")


def _missing(ctx: CheckContext) -> Iterator[Hit]:
    of = subject(ctx)
    for id_, node in of.nodes.items():
        gone = dict.fromkeys(i for i in node.inputs if i not in of.nodes)
        if gone:
            more = f" (nor are {len(gone) - 1} more)" if len(gone) > 1 else ""
            yield Hit(of.node(id_), f"it reads {next(iter(gone))!r}, which is not in the file{more}")


def _twice(ctx: CheckContext) -> Iterator[Hit]:
    of = subject(ctx)
    counts = Counter(n.id for n in of.model.nodes())
    for id_, count in counts.items():
        if count > 1:
            yield Hit(of.node(id_), f"{count} nodes have this id")


def _outputs(ctx: CheckContext) -> Iterator[Hit]:
    for node, place in live_nodes(ctx):
        if node.is_custom and node.op[1:] in _MANY_OUTPUTS:
            readers = len(ctx.graph.consumers(place))
            yield Hit(
                place, f"{node.op[1:]} has several outputs, and {plural(readers, 'node reads', 'nodes read')} the first"
            )
