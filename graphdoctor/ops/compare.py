"""Comparisons, logic, and choosing between values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext
from graphdoctor.ops.broadcast import (
    NUMBERS,
    broadcast_all,
    compute_dtype,
    data_dtype,
    narrowed,
    quiet,
    same_dtype,
    widened,
    with_partial,
)
from graphdoctor.ops.dims import same_dim, same_shape
from graphdoctor.types import Array, DType, Shape

Function = Callable[[Array, Array], Array]
_BOTH = Layout("same", data=(0, 1))
_SELECTABLE = NUMBERS - {DType.INT16, DType.UINT16, DType.UINT64}


class Comparison(Op):
    """Two inputs of one dtype, broadcast to a boolean output."""

    names = ("Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual")
    arity = (2, 2)
    defaults: ClassVar = {"incompatible_shape_error": True}
    onnx = ("Equal", "Not", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
    layout = _BOTH
    functions: ClassVar[Mapping[str, tuple[Function, str]]] = {
        "Equal": (np.equal, "Equal"),
        "NotEqual": (np.not_equal, "Equal"),
        "Less": (np.less, "Less"),
        "LessEqual": (np.less_equal, "LessOrEqual"),
        "Greater": (np.greater, "Greater"),
        "GreaterEqual": (np.greater_equal, "GreaterOrEqual"),
    }

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        same_dtype(ctx, (0, 1))
        return with_partial(self, ctx, TensorSpec(DType.BOOL, self._shape(ctx)))

    def _shape(self, ctx: OpContext) -> Shape:
        """Without ``incompatible_shape_error``, shapes that do not broadcast give one scalar."""
        if ctx.attr("incompatible_shape_error") is not False or "Equal" not in ctx.node.op.removeprefix("Not"):
            return broadcast_all(ctx.inputs)
        if not all(s.is_static for s in ctx.inputs):
            return None
        try:
            return broadcast_all(ctx.inputs)
        except InferError:
            return ()  # and the value is known: not equal

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        function, _ = self.functions[ctx.node.op]
        return quiet(lambda: function(values[0], values[1]), DType.BOOL)

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        if low.attr("incompatible_shape_error") is False and not all(s.is_static for s in low.specs):
            low.fail("incompatible_shape_error is false and the shapes are not all known")
        if low.outputs and low.outputs[0].shape == () and any(s.rank for s in low.specs):
            low.fail("the shapes do not broadcast, which ONNX cannot compare")
        dtype = data_dtype(low)
        _, name = self.functions[low.node.op]
        domain = NUMBERS | {DType.BOOL} if name == "Equal" else NUMBERS
        compute_dtype(low, dtype, domain, name)
        result = low.op(name, low.inputs)
        return [low.op("Not", [result])] if low.node.op == "NotEqual" else [result]


class Logical(Op):
    """And, or: two boolean inputs, broadcast."""

    names = ("LogicalAnd", "LogicalOr")
    arity = (2, 2)
    types: ClassVar[Mapping[str, int]] = {}
    onnx = ("And", "Or")
    layout = _BOTH

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        for index in (0, 1):
            if ctx.spec(index).dtype not in (DType.BOOL, DType.INVALID):
                raise InferError(f"input {index} is {ctx.spec(index).dtype.label} where bool is wanted")
        return with_partial(self, ctx, TensorSpec(DType.BOOL, broadcast_all(ctx.inputs)))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        function = np.logical_and if ctx.node.op == "LogicalAnd" else np.logical_or
        return quiet(lambda: function(values[0], values[1]), DType.BOOL)

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.op("And" if low.node.op == "LogicalAnd" else "Or", low.inputs)]


class SelectV2(Op):
    """Elements of input 1 where input 0 is true, else of input 2; all three broadcast."""

    names = ("SelectV2",)
    arity = (3, 3)
    types: ClassVar[Mapping[str, int]] = {"T": 1}
    onnx = ("Where", "Cast")
    layout = Layout("same", data=(0, 1, 2))

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        _want_bool(ctx)
        return with_partial(self, ctx, TensorSpec(same_dtype(ctx, (1, 2)), broadcast_all(ctx.inputs)))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return quiet(lambda: np.where(values[0], values[1], values[2]), DType.from_numpy(values[1].dtype))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [_where(low, low.inputs[0])]


class Select(Op):
    """Like SelectV2, but the inputs have one shape; the condition may also be a scalar, or choose whole rows."""

    names = ("Select",)
    arity = (3, 3)
    types: ClassVar[Mapping[str, int]] = {"T": 1}
    onnx = ("Where", "Unsqueeze", "Cast")
    layout = Layout("same", data=(0, 1, 2))

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        _want_bool(ctx)
        shape = same_shape(ctx.spec(1).shape, ctx.spec(2).shape)
        condition = ctx.spec(0).shape
        if shape is not None and condition is not None and len(condition) == 1 and len(shape) > 1:
            shape = (same_dim(shape[0], condition[0]), *shape[1:])
        elif condition:
            shape = same_shape(shape, condition if len(condition) > 1 else shape)
        return with_partial(self, ctx, TensorSpec(same_dtype(ctx, (1, 2)), shape))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        condition, x, y = values
        if condition.ndim == 1 and x.ndim > 1:
            condition = condition.reshape(-1, *(1,) * (x.ndim - 1))
        return quiet(lambda: np.where(condition, x, y), DType.from_numpy(x.dtype))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        condition, shape = low.specs[0].shape, low.specs[1].shape or low.specs[2].shape
        if condition is None or (len(condition) == 1 and shape is None):
            low.fail("the rank of the condition or of the data is unknown")
        name = low.inputs[0]
        if len(condition) == 1 and shape is not None and len(shape) > 1:
            name = low.op("Unsqueeze", [name, low.const(list(range(1, len(shape))))])
        elif shape is not None and any(c == 1 != d for c, d in zip(condition, shape, strict=False)):
            low.fail("the condition has another shape than the data")
        return [_where(low, name)]


def _want_bool(ctx: OpContext) -> None:
    dtype = ctx.spec(0).dtype
    if dtype not in (DType.BOOL, DType.INVALID):
        raise InferError(f"the condition is {dtype.label}, not bool")


def _where(low: Lowering, condition: str) -> str:
    dtype = data_dtype(low, 1)
    chosen = compute_dtype(low, dtype, _SELECTABLE, "Where")
    x, y = widened(low, low.inputs[1:], dtype, chosen)
    return narrowed(low, low.op("Where", [condition, x, y]), chosen, dtype)
