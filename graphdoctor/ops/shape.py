"""Ops about a tensor's shape that leave its elements in their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import TensorSpec, partial_ints
from graphdoctor.ops.attributes import dtype_attr, input_dtype, ints_attr, shape_attr
from graphdoctor.ops.base import MANY, InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import broadcast
from graphdoctor.ops.dims import axis_of, int_of, ints_of, same_shape, shape_of_value
from graphdoctor.ops.values import (
    as_dtype,
    carried,
    computed,
    int64_input,
    limited,
    scalar,
    wants_scalar,
)
from graphdoctor.types import Array, Dim, DType, Shape, element_count


def _shape_spec(spec: TensorSpec, dtype: DType) -> TensorSpec:
    """The shape of ``spec`` as a vector of ``dtype``; no value where a dimension does not fit."""
    if spec.shape is None:
        return TensorSpec(dtype, (None,))
    fits = dtype.numpy is not None and all((d or 0) <= np.iinfo(dtype.numpy).max for d in spec.shape)
    known = any(d is not None for d in spec.shape) or not spec.shape
    return TensorSpec(dtype, (len(spec.shape),), partial_ints(spec.shape, dtype) if fits and known else None)


def _out_type(ctx: OpContext) -> DType:
    dtype = dtype_attr(ctx, "out_type", DType.INT32)
    if dtype not in (DType.INT32, DType.INT64):
        raise InferError(f"out_type is {dtype.label}, neither int32 nor int64")
    return dtype


class _Shapes(Op):
    defaults = {"out_type": DType.INT32}
    onnx = ("Shape", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype = _out_type(ctx)
        return [_shape_spec(s, dtype) for s in ctx.inputs]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        kind = _out_type(ctx).numpy
        return computed(lambda: [np.asarray(v.shape, dtype=kind) for v in values])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        want = low.outputs[0].dtype
        return [as_dtype(low, low.op("Shape", [x]), DType.INT64, want) for x in low.inputs]


class ShapeOf(_Shapes):
    """The shape of the input as a vector of ``out_type``."""

    names = ("Shape",)
    uff = ("Shape",)

    def to_uff(self, low: UffLowering) -> None:
        low.emit("Shape", [low.input()])


class ShapeN(_Shapes):
    """The shape of each input, as one vector each."""

    names = ("ShapeN",)
    arity = (1, MANY)
    count = ("N", 0)


class Size(Op):
    """The number of elements."""

    names = ("Size",)
    defaults = {"out_type": DType.INT32}
    onnx = ("Size", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype, count = _out_type(ctx), element_count(ctx.spec(0).shape)
        if count is None or dtype.numpy is None or count > np.iinfo(dtype.numpy).max:
            return [TensorSpec(dtype, ())]
        return [TensorSpec(dtype, (), np.asarray(count, dtype=dtype.numpy))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [np.asarray(values[0].size, dtype=_out_type(ctx).numpy)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [as_dtype(low, low.op("Size", [low.inputs[0]]), DType.INT64, low.outputs[0].dtype)]


class Rank(Op):
    """The number of dimensions."""

    names = ("Rank",)
    onnx = ("Shape", "Size", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        rank = ctx.spec(0).rank
        return [TensorSpec(DType.INT32, (), None if rank is None else np.asarray(rank, dtype=np.int32))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return [np.asarray(values[0].ndim, dtype=np.int32)]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.cast(low.op("Size", [low.op("Shape", [low.inputs[0]])]), DType.INT32)]


class Squeeze(Op):
    """Takes away the dimensions ``squeeze_dims``, which are 1; all that are 1 where none are named."""

    names = ("Squeeze",)
    onnx = ("Squeeze",)
    uff = ("Squeeze",)
    layout = Layout("axes_attr", per_dim=("squeeze_dims",))

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = _squeezed(ctx.spec(0).shape, ints_attr(ctx, "squeeze_dims"))
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), shape)])

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x = values[0]
        return computed(lambda: [x.reshape(_numbers(_squeezed(x.shape, ints_attr(ctx, "squeeze_dims"))))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dims = ints_attr(low, "squeeze_dims")
        shape = low.specs[0].shape
        if not dims and shape is not None and None not in shape:
            dims = tuple(k for k, d in enumerate(shape) if d == 1)
            if not dims:
                return [low.inputs[0]]
        return [low.op("Squeeze", [low.inputs[0], low.const(dims)] if dims else [low.inputs[0]])]

    def to_uff(self, low: UffLowering) -> None:
        low.emit("Squeeze", [low.input()], axes=list(ints_attr(low, "squeeze_dims")))


def _squeezed(shape: Shape, dims: tuple[int, ...]) -> Shape:
    if shape is None:
        return None
    if not dims:
        return None if None in shape else tuple(d for d in shape if d != 1)
    axes = {axis_of(a, len(shape)) for a in dims}
    for a in axes:
        if shape[a] not in (1, None):
            raise InferError(f"dimension {a} is {shape[a]} and cannot be squeezed, only 1 can")
    return tuple(d for k, d in enumerate(shape) if k not in axes)


def _numbers(shape: Shape) -> tuple[int, ...]:
    """A shape of numpy, where nothing is unknown."""
    return tuple(d or 0 for d in shape or ())


class ExpandDims(Op):
    """A dimension of 1 in front of axis ``dim``, the constant input 1; -1 appends one."""

    names = ("ExpandDims",)
    arity = (2, 2)
    types = {"T": 0, "Tdim": 1}
    onnx = ("Unsqueeze",)
    uff = ("ExpandDims",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape, axis = ctx.spec(0).shape, int_of(ctx.spec(1))
        if shape is None:
            out: Shape = None
        elif axis is None:
            out = (None,) * (len(shape) + 1)
        else:
            out = _expanded(shape, axis)
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), out)], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, axis = values
        return computed(lambda: [x.reshape(_numbers(_expanded(x.shape, scalar(axis))))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        axis = wants_scalar(low, 1, "its axis")
        return [low.op("Unsqueeze", [low.inputs[0], low.const([axis])])]

    def to_uff(self, low: UffLowering) -> None:
        low.emit("ExpandDims", [low.input()], axis=wants_scalar(low, 1, "its axis"))


def _expanded(shape: tuple[Dim, ...], axis: int) -> tuple[Dim, ...]:
    at = axis_of(axis, len(shape) + 1)
    return (*shape[:at], 1, *shape[at:])


class BroadcastTo(Op):
    """Input 0 repeated along dimensions of 1 until it has the shape that input 1 says."""

    names = ("BroadcastTo",)
    arity = (2, 2)
    types = {"T": 0, "Tidx": 1}
    onnx = ("Cast", "Expand")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        out = shape_of_value(ctx.spec(1))
        _check_broadcast(ctx.spec(0).shape, out)
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), out)], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [np.broadcast_to(values[0], limited(values[1].reshape(-1).tolist()))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.op("Expand", [low.inputs[0], int64_input(low, 1)])]


def _check_broadcast(shape: Shape, out: Shape) -> None:
    if shape is None or out is None:
        return
    if len(shape) > len(out):
        raise InferError(f"rank {len(shape)} cannot be broadcast to rank {len(out)}")
    for have, want in zip(reversed(shape), reversed(out), strict=False):
        if have not in (1, None, want) and want is not None:
            raise InferError(f"a dimension of {have} cannot be broadcast to {want}")


class BroadcastArgs(Op):
    """The shape that two shapes broadcast to, all three as vectors."""

    names = ("BroadcastArgs",)
    arity = (2, 2)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype = input_dtype(ctx)
        a, b = ints_of(ctx.spec(0)), ints_of(ctx.spec(1))
        if a is None or b is None:
            return [TensorSpec(dtype, (None,))]
        dims = broadcast(a, b) or ()
        known = any(d is not None for d in dims) or not dims
        return [TensorSpec(dtype, (len(dims),), partial_ints(dims, dtype) if known else None)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        a, b = (tuple(v.reshape(-1).tolist()) for v in values)
        return computed(lambda: [np.asarray(broadcast(a, b) or (), dtype=values[0].dtype)])


class EnsureShape(Op):
    """The input, which must have the shape that the attribute says."""

    names = ("EnsureShape",)
    onnx = ()

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        spec = ctx.spec(0)
        return [TensorSpec(input_dtype(ctx), same_shape(spec.shape, shape_attr(ctx)), spec.value)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x = values[0]
        return computed(lambda: [x] if same_shape(x.shape, shape_attr(ctx)) is not None else [])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.inputs[0]]
