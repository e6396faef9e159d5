"""Which axis of a value holds the channels, told from the ops around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import PASS_THROUGH
from graphdoctor.match.results import CannotTell

FORMAT_OPS = frozenset(
    "Conv2D DepthwiseConv2dNative Conv2DBackpropInput MaxPool AvgPool FusedBatchNorm FusedBatchNormV2 "
    "FusedBatchNormV3 DepthToSpace SpaceToDepth MaxPoolV2 Conv3D MaxPool3D AvgPool3D".split()
)
"""Ops whose ``data_format`` says the layout of their data input and output; absent, it is NHWC."""
_NHWC_ONLY = frozenset(
    "ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea LRN SpaceToBatchND BatchToSpaceND "
    "CropAndResize".split()
)
_KEEPS_LAYOUT = (
    frozenset(
        "Relu Relu6 Elu Selu LeakyRelu Sigmoid Tanh Softplus Softsign Add AddV2 AddN Sub Mul RealDiv Div Maximum "
        "Minimum BiasAdd Pad PadV2 MirrorPad ConcatV2 Square Sqrt Rsqrt Exp Log Abs Neg Cast FakeQuantWithMinMaxVars "
        "FakeQuantWithMinMaxArgs SquaredDifference Split Slice".split()
    )
    | PASS_THROUGH
)
_DATA_INPUT = {"Conv2DBackpropInput": 2, "Split": 1}
_FARTHEST = 400
"""Nodes looked at before giving up."""


def data_format(graph: GraphView, value: Value) -> str | CannotTell:
    """``NHWC`` or ``NCHW`` for a rank-4 ``value``, from the nearest ops that say it, before and behind.

    Ops that keep the layout are looked through. ``CannotTell`` where nothing near says it, or two ops disagree.
    """
    return Layouts(graph).of(value)


class Layouts:
    """The layouts of the values of one graph, each looked for once; stale after any change of the graph."""

    def __init__(self, graph: GraphView) -> None:
        self._graph = graph
        self._readers: dict[Node, list[Node]] = {}
        self._known: dict[Value, str | CannotTell] = {}

    def of(self, value: Value) -> str | CannotTell:
        """See :func:`data_format`."""
        if value not in self._known:
            self._known[value] = self._find(value)
        return self._known[value]

    def _find(self, value: Value) -> str | CannotTell:
        said: dict[str, Node] = {}
        nearest: int | None = None
        for node, distance in self._around(value):
            if nearest is not None and distance > nearest:
                break
            spoken = _said_by(node)
            if spoken is not None:
                nearest = distance
                said.setdefault(spoken, node)
        if len(said) == 1:
            return next(iter(said))
        if said:
            nodes = " and ".join(f"{n.name} says {f}" for f, n in sorted(said.items()))
            return CannotTell(f"the layout is contradictory: {nodes}", value.node.name)
        return CannotTell("no op near says whether it is NHWC or NCHW", value.node.name)

    def _around(self, value: Value) -> Iterator[tuple[Node, int]]:
        """Nodes before and behind ``value``, nearest first, reached through ops that keep the layout."""
        queue = deque([(value.node, 0), *((n, 1) for n in self._read_by(value.node))])
        seen = {node for node, _ in queue}
        while queue and len(seen) < _FARTHEST:
            node, distance = queue.popleft()
            yield node, distance
            if node.op not in _KEEPS_LAYOUT:
                continue
            near = [v.node for i, v in enumerate(node.inputs[:_FARTHEST]) if _reads_data(node, i)]
            for other in (*near, *self._read_by(node)):
                if other not in seen:
                    seen.add(other)
                    queue.append((other, distance + 1))

    def _read_by(self, node: Node) -> list[Node]:
        """The first nodes that read ``node`` as data."""
        if node not in self._readers:
            uses = (u.node for u in self._graph.uses(node) if _reads_data(u.node, u.slot))
            self._readers[node] = list(islice(dict.fromkeys(uses), _FARTHEST))
        return self._readers[node]


def _said_by(node: Node) -> str | None:
    if node.op in _NHWC_ONLY:
        return "NHWC"
    if node.op in FORMAT_OPS:
        stated = node.attr("data_format", "NHWC")
        return {"NHWC": "NHWC", "NDHWC": "NHWC", "NCHW": "NCHW", "NCDHW": "NCHW"}.get(str(stated))
    return None


def _reads_data(node: Node, slot: int) -> bool:
    if node.op in FORMAT_OPS or node.op in _NHWC_ONLY or node.op in _DATA_INPUT:
        return slot == _DATA_INPUT.get(node.op, 0)
    return slot >= 0
