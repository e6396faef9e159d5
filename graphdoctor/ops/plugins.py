"""Plugins of TensorRT as scripts write them into graphs. Inference only: no framework runs them."""

from __future__ import annotations

from math import floor

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.base import Op, OpContext
from graphdoctor.ops.dims import with_rank
from graphdoctor.types import DType

_LARGEST = 1 << 16


class ResizeNearestPlugin(Op):
    """Pixels repeated, in NCHW, by one factor for height and width (NVIDIA/TensorRT, plugin/resizeNearestPlugin)."""

    names = ("ResizeNearest_TRT",)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        batch, channels, *image = with_rank(ctx.spec(0), 4, "images")
        factor = _factor(ctx.node.attr("scale_u_float"))
        sizes = [None if factor is None or d is None else floor(d * factor) for d in image]
        return [TensorSpec(DType.FLOAT, (batch, channels, *sizes))]


def _factor(stated: object) -> float | None:
    """The factor, ``None`` where the field is absent or no factor: rules say that."""
    if isinstance(stated, float | int) and not isinstance(stated, bool) and 0 < stated <= _LARGEST:
        return float(stated)
    return None
