"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import HasAttrs, bool_attr, dtype_attr, input_dtype
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import FLOATS, WIDE, compute_dtype
from graphdoctor.ops.dims import axes_of, axis_of, int_of, ints_of
from graphdoctor.ops.values import as_dtype, computed, scalar, wants_constant, wants_scalar
from graphdoctor.types import Array, Dim, DType, Shape

_ORDERED = frozenset((DType.FLOAT, DType.DOUBLE, DType.INT8, DType.UINT8, DType.INT32, DType.INT64))
"""What ONNX Runtime compares in ReduceMax, ReduceMin, ArgMax and ArgMin."""


def _keeps(ctx: HasAttrs) -> bool:
    return bool_attr(ctx, "keep_dims")


def _reduced(shape: Shape, axes: tuple[Dim, ...] | None, keep: bool) -> Shape:
    """The shape without ``axes``, or with 1 at them.

    Raises:
        InferError: an axis is out of range or stands twice.
    """
    if shape is None:
        return None
    if axes is None or None in axes:
        if keep:
            return (None,) * len(shape)
        return None if axes is None or len(axes) > len(shape) else (None,) * (len(shape) - len(axes))
    gone = axes_of(np.asarray(axes, dtype=np.int64), len(shape))
    if keep:
        return tuple(1 if k in gone else d for k, d in enumerate(shape))
    return tuple(d for k, d in enumerate(shape) if k not in gone)


class _Reduction(Op):
    """A reduction over the axes that input 1 names; no axes, no reduction."""

    arity = (2, 2)
    types = {"T": 0, "Tidx": 1}
    layout = Layout("axes", arg=1)

    def dtype(self, ctx: OpContext) -> DType:
        """The dtype of the result."""
        return input_dtype(ctx)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = _reduced(ctx.spec(0).shape, ints_of(ctx.spec(1)), _keeps(ctx))
        return [TensorSpec(self.dtype(ctx), shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, axes = values
        return computed(lambda: [self.reduced(ctx.node.op, x, axes, _keeps(ctx))])

    def reduced(self, op: str, x: Array, axes: Array, keep: bool) -> Array:
        """``x`` reduced; raises ValueError where numpy and TensorFlow could differ."""
        raise NotImplementedError

    def to_uff(self, low: UffLowering) -> None:
        if not self.uff:
            low.fail(f"UFF has no op for {low.node.op}")
        axes = wants_constant(low, 1, "the list of axes").reshape(-1)
        low.emit("Reduce", [low.input()], func=low.node.op.lower(), axes=axes.tolist(), keepdims=_keeps(low))


def _over_axes(low: Lowering, x: str, onnx: str) -> str:
    """The ONNX reduction ``onnx`` of ``x``; opset 13 made axes an input of ReduceSum alone."""
    axes = [int(a) for a in wants_constant(low, 1, "the list of axes").reshape(-1)]
    keep = int(_keeps(low))
    if not axes:
        return x
    if onnx == "ReduceSum":
        return low.op(onnx, [x, low.const(axes)], keepdims=keep)
    return low.op(onnx, [x], axes=axes, keepdims=keep)


class Reduce(_Reduction):
    """Sum, product, extremes."""

    names = ("Sum", "Prod", "Max", "Min")
    onnx = ("ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin", "Cast")
    uff = ("Reduce",)
    functions: ClassVar[Mapping[str, Callable[..., Array]]] = {
        "Sum": np.sum,
        "Prod": np.prod,
        "Max": np.max,
        "Min": np.min,
    }

    def reduced(self, op: str, x: Array, axes: Array, keep: bool) -> Array:
        over = axes_of(axes, x.ndim)
        orders = op in ("Max", "Min")
        if x.dtype.kind not in "iuf" or x.dtype == np.float16 or (orders and (not x.size or np.isnan(x).any())):
            raise ValueError("numpy and TensorFlow could differ")
        kind = {} if orders else {"dtype": x.dtype}
        return np.asarray(self.functions[op](x, axis=over, keepdims=keep, **kind))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        op, dtype = low.node.op, low.specs[0].dtype
        wide = compute_dtype(low, dtype, _ORDERED if op in ("Max", "Min") else WIDE - {DType.HALF}, f"Reduce{op}")
        x = as_dtype(low, low.inputs[0], dtype, wide)
        return [as_dtype(low, _over_axes(low, x, f"Reduce{op}"), wide, dtype)]


class Mean(_Reduction):
    """The mean; of integers it is cut off towards zero."""

    names = ("Mean",)
    onnx = ("ReduceMean",)
    uff = ("Reduce",)

    def reduced(self, op: str, x: Array, axes: Array, keep: bool) -> Array:
        if x.dtype not in (np.float32, np.float64) or not x.size:
            raise ValueError("numpy and TensorFlow could differ")
        return np.asarray(np.mean(x, axis=axes_of(axes, x.ndim), keepdims=keep, dtype=x.dtype))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        if low.specs[0].dtype not in FLOATS:
            low.fail(f"ONNX has no mean of {low.specs[0].dtype.label} that rounds as TensorFlow's does")
        return [_over_axes(low, low.inputs[0], "ReduceMean")]


class EuclideanNorm(_Reduction):
    """The square root of the sum of squares."""

    names = ("EuclideanNorm",)
    onnx = ("ReduceL2", "Abs")

    def reduced(self, op: str, x: Array, axes: Array, keep: bool) -> Array:
        if x.dtype not in (np.float32, np.float64):
            raise ValueError("numpy and TensorFlow could differ")
        squares = np.sum(np.square(x), axis=axes_of(axes, x.ndim), keepdims=keep, dtype=x.dtype)
        return np.asarray(np.sqrt(squares))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        if low.specs[0].dtype not in FLOATS:
            low.fail(f"ONNX has no norm of {low.specs[0].dtype.label}")
        norm = _over_axes(low, low.inputs[0], "ReduceL2")
        return [low.op("Abs", [norm]) if norm == low.inputs[0] else norm]


class Logical(_Reduction):
    """Whether all, or any, of the elements are true."""

    names = ("All", "Any")
    types = {"Tidx": 1}
    onnx = ("Cast", "ReduceMin", "ReduceMax")

    def dtype(self, ctx: OpContext) -> DType:
        if ctx.spec(0).dtype not in (DType.BOOL, DType.INVALID):
            raise InferError(f"{ctx.spec(0)} is not bool")
        return DType.BOOL

    def reduced(self, op: str, x: Array, axes: Array, keep: bool) -> Array:
        function = np.all if op == "All" else np.any
        return np.asarray(function(x, axis=axes_of(axes, x.ndim), keepdims=keep))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        numbers = low.cast(low.inputs[0], DType.INT32)
        onnx = "ReduceMin" if low.node.op == "All" else "ReduceMax"
        return [low.cast(_over_axes(low, numbers, onnx), DType.BOOL)]


class ArgExtreme(Op):
    """Where the first largest, or smallest, element along an axis stands."""

    names = ("ArgMax", "ArgMin")
    arity = (2, 2)
    defaults = {"output_type": DType.INT64}
    types = {"T": 0, "Tidx": 1}
    onnx = ("ArgMax", "ArgMin", "Cast")
    uff = ("ArgMax", "ArgMin")
    layout = Layout("axes", arg=1)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        input_dtype(ctx)
        axis = int_of(ctx.spec(1))
        shape = _reduced(ctx.spec(0).shape, (axis,), keep=False)
        return [TensorSpec(dtype_attr(ctx, "output_type"), shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        kind = dtype_attr(ctx, "output_type").numpy
        return computed(lambda: [_arg_extreme(ctx.node.op, values[0], scalar(values[1])).astype(kind)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = low.specs[0].dtype
        wide = compute_dtype(low, dtype, _ORDERED, low.node.op)
        axis = wants_scalar(low, 1, "its axis")
        x = as_dtype(low, low.inputs[0], dtype, wide)
        return [as_dtype(low, low.op(low.node.op, [x], axis=axis, keepdims=0), DType.INT64, low.outputs[0].dtype)]

    def to_uff(self, low: UffLowering) -> None:
        low.emit(low.node.op, [low.input()], axis=wants_scalar(low, 1, "its axis"))


def _arg_extreme(op: str, x: Array, axis: int) -> Array:
    if x.dtype.kind not in "iufb" or np.isnan(x).any():
        raise ValueError("no order is defined for these elements")
    function = np.argmax if op == "ArgMax" else np.argmin
    return np.asarray(function(x, axis=axis_of(axis, x.ndim)))


class L2Loss(Op):
    """Half the sum of squares of all elements, a scalar."""

    names = ("L2Loss",)
    onnx = ("ReduceSumSquare", "Mul", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(input_dtype(ctx), ())]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x = values[0]
        if x.dtype not in (np.float32, np.float64):
            return None
        return computed(lambda: [np.asarray(np.sum(np.square(x), dtype=x.dtype) / 2, dtype=x.dtype)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = low.specs[0].dtype
        wide = compute_dtype(low, dtype, frozenset((DType.FLOAT, DType.DOUBLE)), "ReduceSumSquare")
        total = low.op("ReduceSumSquare", [as_dtype(low, low.inputs[0], dtype, wide)], keepdims=0)
        half = low.op("Mul", [total, low.const(np.asarray(0.5, dtype=wide.numpy))])
        return [as_dtype(low, half, wide, dtype)]
