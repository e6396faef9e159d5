"""TensorRT's plugins of single-shot detectors, as graphsurgeon writes them. TensorFlow has no such ops; inference only.

Shapes are those of NVIDIA/TensorRT, plugin/{flattenConcat,gridAnchorPlugin,nmsPlugin}, with the batch in front.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.base import MANY, Op, OpContext
from graphdoctor.ops.dims import plus, times
from graphdoctor.types import Dim, DType

_FIRST = 3
"""Anchors in a cell of the first map."""
_BOX = 4
_ROW = 7
"""Image, class, score and four sides of a box."""


class FlattenConcat(Op):
    """Each input flattened behind the batch, and all joined: [N, sum, 1, 1]."""

    names = ("FlattenConcat_TRT",)
    arity = (1, MANY)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shapes = [s.shape for s in ctx.inputs]
        sizes = [times(*s[1:]) if s else None for s in shapes]
        batch: Dim = shapes[0][0] if shapes[0] else None
        return [TensorSpec(ctx.spec(0).dtype, (batch, plus(*sizes), 1, 1))]


class GridAnchor(Op):
    """Prior boxes of each feature map, [N, 2, boxes * 4, 1]: the boxes, and the variances."""

    names = ("GridAnchor_TRT", "GridAnchorRect_TRT")
    arity = (0, MANY)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        sides = _numbers(ctx, "featureMapShapes_u_ilist")
        each = 2 if ctx.node.op == "GridAnchorRect_TRT" else 1
        ratios = len(_numbers(ctx, "aspectRatios_u_flist"))
        cells = [h * w for h, w in zip(sides[::each], sides[each - 1 :: each], strict=False)]
        counts = [n * (ratios + 1 if k else _FIRST) * _BOX for k, n in enumerate(cells)]
        return [TensorSpec(DType.FLOAT, (None, 2, n, 1)) for n in counts] or [TensorSpec(DType.FLOAT)]


class Nms(Op):
    """The best boxes of an image, [N, 1, keepTopK, 7], and how many of the rows mean something, [N, 1, 1, 1]."""

    names = ("NMS_TRT",)
    arity = (0, MANY)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        kept = ctx.attr("keepTopK_u_int")
        rows = kept if isinstance(kept, int) and kept > 0 else None
        batch = next((s.shape[0] for s in ctx.inputs if s.shape and s.shape[0] is not None), None)
        return [TensorSpec(DType.FLOAT, (batch, 1, rows, _ROW)), TensorSpec(DType.FLOAT, (batch, 1, 1, 1))]


def _numbers(ctx: OpContext, key: str) -> Sequence[int]:
    value = ctx.attr(key)
    items = value if isinstance(value, tuple) else ()
    return [int(v) if isinstance(v, int) else 0 for v in items if isinstance(v, (int, float))]
