"""Elementwise ops of several inputs that do not broadcast: sums of many, clipping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import ClassVar

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.base import MANY, InferError, Layout, Lowering, Op, OpContext
from graphdoctor.ops.broadcast import (
    FLOATS,
    NUMBERS,
    WIDE,
    compute_dtype,
    data_dtype,
    narrowed,
    quiet,
    same_dtype,
    widened,
    with_partial,
)
from graphdoctor.ops.dims import same_shape
from graphdoctor.types import Array, Shape

_CHUNK = 8
"""TensorFlow adds eight inputs at a time; more are added in an order that depends on their number."""


class AddN(Op):
    """The sum of N inputs of one shape."""

    names = ("AddN",)
    arity = (1, MANY)
    count = ("N", 0)
    onnx = ("Sum", "Add", "Identity")
    layout = Layout("same")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape: Shape = None
        for spec in ctx.inputs:
            shape = same_shape(shape, spec.shape)
        return with_partial(self, ctx, TensorSpec(same_dtype(ctx, range(len(ctx.inputs))), shape))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        dtype = ctx.dtype()
        if dtype.is_float and len(values) > _CHUNK:
            return None
        return quiet(lambda: reduce(np.add, values), dtype)

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        if len(low.inputs) == 1:
            return [low.op("Identity", low.inputs)]
        compute_dtype(low, dtype, NUMBERS, "Sum")
        if dtype in FLOATS:
            return [low.op("Sum", low.inputs)]
        return [reduce(lambda a, b: low.op("Add", [a, b]), low.inputs)]


class ClipByValue(Op):
    """min(x, high), then at least low; the bounds are scalars or have the shape of x."""

    names = ("ClipByValue",)
    arity = (3, 3)
    types: ClassVar[Mapping[str, int]] = {"T": 0}
    onnx = ("Clip", "Min", "Max", "Cast")
    layout = Layout("same", data=(0, 1, 2))

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = ctx.spec(0).shape
        for index in (1, 2):
            bound = ctx.spec(index).shape
            if shape is not None and bound is not None and len(bound) not in (0, len(shape)):
                raise InferError(f"bound {index} has rank {len(bound)}, the data {len(shape)}")
        return with_partial(self, ctx, TensorSpec(same_dtype(ctx, (0, 1, 2)), shape))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, low, high = values
        return quiet(lambda: np.maximum(np.minimum(x, high), low), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        chosen = compute_dtype(low, dtype, WIDE, "Clip")
        x, minimum, maximum = widened(low, low.inputs, dtype, chosen)
        if _ordered_scalars(low):
            return [narrowed(low, low.op("Clip", [x, minimum, maximum]), chosen, dtype)]
        y = low.op("Max", [low.op("Min", [x, maximum]), minimum])
        return [narrowed(low, y, chosen, dtype)]


def _ordered_scalars(low: Lowering) -> bool:
    """True if both bounds are constant scalars in order: what ONNX's Clip means by its bounds."""
    bounds = low.constant(1), low.constant(2)
    if any(b is None or b.ndim for b in bounds):
        return False
    return bool(bounds[0] <= bounds[1])  # type: ignore[operator]
