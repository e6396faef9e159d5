"""A batch size written into the shape of a Reshape, behind an input whose batch is open."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.constants import PASS_THROUGH
from graphdoctor.types import dims_text

_KEEPS_BATCH = frozenset(
    "Conv2D DepthwiseConv2dNative MaxPool AvgPool FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 BiasAdd MatMul "
    "Relu Relu6 Elu Selu LeakyRelu Sigmoid Tanh Softmax Add AddV2 Sub Mul RealDiv Maximum Minimum Pad Squeeze Cast "
    "Mean Max Min Sum ConcatV2 ResizeBilinear ResizeNearestNeighbor ExpandDims LRN".split()
)
_PLACEHOLDERS = ("Placeholder", "PlaceholderWithDefault")
_FARTHEST = 5000


_RESHAPE = {"Reshape": (0, 1)}
_OTHERS = {"Conv2DBackpropInput": (2, 0), "BroadcastTo": (0, 1)}
"""Op -> the inputs that are the data and the shape."""


def check(ctx: CheckContext, *, elsewhere: bool = False) -> Iterator[Hit]:
    """One hit for each live Reshape of an open batch to a shape that starts with a number, or each other such op."""
    for op, (data_at, shape_at) in (_OTHERS if elsewhere else _RESHAPE).items():
        for node in ctx.live_nodes(op):
            specs = ctx.specs.inputs(node)
            if len(specs) <= max(data_at, shape_at):
                continue
            data, wanted = specs[data_at].shape, specs[shape_at].ints()
            if not data or data[0] is not None or not wanted or wanted[0] is None or wanted[0] < 1:
                continue
            if _placeholder(ctx, node) is not None:
                yield Hit(node, f"{dims_text(data)} becomes {list(wanted)}")


def _placeholder(ctx: CheckContext, node: Node) -> Node | None:
    """The placeholder whose batch reaches ``node`` unchanged."""
    for _ in range(_FARTHEST):
        found = next((v for v in node.inputs if _is_open(ctx, v.node, v.index)), None)
        if found is None:
            return None
        node = found.node
        if node.op in _PLACEHOLDERS:
            return node
        if node.op not in _KEEPS_BATCH and node.op not in PASS_THROUGH:
            return None
    return None


def _is_open(ctx: CheckContext, node: Node, index: int) -> bool:
    shape = ctx.specs.output(node, index).shape
    return bool(shape) and shape is not None and shape[0] is None
