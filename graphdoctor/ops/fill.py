"""Ops that make a tensor out of a few numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import input_dtype
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext
from graphdoctor.ops.dims import int_of, shape_of_value, valid_dim, with_rank
from graphdoctor.ops.values import as_dtype, carried, computed, int64_input, is_large, limited, scalar
from graphdoctor.types import Array, Dim, DType


class Fill(Op):
    """The scalar input 1 in the shape that input 0 says."""

    names = ("Fill",)
    arity = (2, 2)
    types = {"T": 1, "index_type": 0}
    onnx = ("Expand", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype, shape, value = input_dtype(ctx, slot=1), shape_of_value(ctx.spec(0)), ctx.constant(1)
        if ctx.spec(1).rank not in (0, None) and ctx.spec(1).shape != (1,):
            raise InferError(f"the value is a scalar, not {ctx.spec(1)}")
        if value is not None and value.size == 1 and shape is not None and not is_large(shape):
            whole = np.full([d or 0 for d in shape], value.reshape(-1)[0], dtype=value.dtype)
            return [TensorSpec(dtype, shape, whole)]
        return carried(self, ctx, [TensorSpec(dtype, shape)], data=(1,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        dims, value = values
        if ctx.spec(1).dtype is DType.STRING:
            return None
        return computed(lambda: [_filled(dims, value)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.op("Expand", [low.inputs[1], int64_input(low, 0)])]


def _filled(dims: Array, value: Array) -> Array:
    out = np.empty(limited(dims.reshape(-1).tolist()), dtype=value.dtype)
    out[...] = value.reshape(())
    return out


class Like(Op):
    """Ones or zeros in the input's shape."""

    names = ("OnesLike", "ZerosLike")
    onnx = ("Shape", "Expand")
    layout = Layout("same")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype, shape = input_dtype(ctx), ctx.spec(0).shape
        if shape is None or is_large(shape) or dtype.numpy is None or dtype is DType.STRING:
            return [TensorSpec(dtype, shape)]
        value = np.full([d or 0 for d in shape], _one_or_zero(ctx.node.op), dtype.numpy)
        return [TensorSpec(dtype, shape, value)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x = values[0]
        return None if x.dtype == object else [np.full(x.shape, _one_or_zero(ctx.node.op), dtype=x.dtype)]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype, shape = low.outputs[0].dtype, low.specs[0].shape
        if dtype.numpy is None:
            low.fail(f"a constant of {dtype.label} cannot be written")
        value = low.const(np.asarray(_one_or_zero(low.node.op), dtype=dtype.numpy), dtype=dtype)
        static = shape is not None and None not in shape
        dims = low.const([d or 0 for d in shape or ()]) if static else low.op("Shape", [low.inputs[0]])
        return [low.op("Expand", [value, dims])]


def _one_or_zero(op: str) -> int:
    return 1 if op == "OnesLike" else 0


class Range(Op):
    """start, start + delta, ... up to, without, limit."""

    names = ("Range",)
    arity = (3, 3)
    types = {"Tidx": 0}
    onnx = ("Range", "Cast")
    onnx_types = frozenset((DType.FLOAT, DType.DOUBLE, DType.INT16, DType.INT32, DType.INT64))

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        for spec in ctx.inputs:
            if spec.rank not in (0, None) and spec.shape != (1,):
                raise InferError(f"start, limit and delta are scalars, not {spec}")
        bounds = [ctx.constant(k) for k in range(3)]
        known = [b for b in bounds if b is not None and b.size == 1]
        count = _range_length(known) if len(known) == 3 else None
        return [TensorSpec(input_dtype(ctx, "Tidx"), (count,))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [_ranged(values)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = low.outputs[0].dtype
        wide = dtype if dtype in self.onnx_types else DType.FLOAT if dtype.is_float else DType.INT64
        bounds = [as_dtype(low, x, dtype, wide) for x in low.inputs]
        return [as_dtype(low, low.op("Range", bounds), wide, dtype)]


def _range_length(bounds: Sequence[Array]) -> Dim:
    """The number of elements, counted as TensorFlow does: for floats in their own precision."""
    if any(b.dtype.kind not in "iuf" or not np.isfinite(b).all() for b in bounds):
        return None
    start, limit, delta = (b.reshape(-1)[0].item() for b in bounds)
    if delta == 0 or (limit - start) * delta < 0:
        raise InferError(f"from {start} one does not come to {limit} in steps of {delta}")
    if isinstance(start, int):
        return valid_dim(-(-abs(limit - start) // abs(delta)))
    first, last, step = (b.reshape(()) for b in bounds)
    with np.errstate(all="ignore"):
        count = float(np.ceil(np.abs((last - first) / step)))
    return valid_dim(int(count)) if math.isfinite(count) else None


def _ranged(values: Sequence[Array]) -> Array:
    start, _, delta = (v.reshape(()) for v in values)
    (length,) = limited([_range_length(values) or 0])
    steps = np.arange(length).astype(start.dtype)
    return np.asarray(start + steps * delta, dtype=start.dtype)


class LinSpace(Op):
    """``num`` values at equal distances from start to stop, both included."""

    names = ("LinSpace",)
    arity = (3, 3)
    types = {"T": 0, "Tidx": 2}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        number = int_of(ctx.spec(2))
        for k, name in enumerate(("start", "stop", "num")):
            with_rank(ctx.spec(k), 0, name)
        if number is not None and number < 1:
            raise InferError(f"num is {number}")
        return [TensorSpec(input_dtype(ctx), (number,))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [_spaced(*values)])


def _spaced(start: Array, stop: Array, number: Array) -> Array:
    (count,) = limited([scalar(number)])
    if count == 1:
        return start.reshape(1)
    step = (stop - start) / np.asarray(count - 1, dtype=start.dtype)
    out = np.asarray(start + step * np.arange(count).astype(start.dtype), dtype=start.dtype)
    out[-1] = stop
    return out
