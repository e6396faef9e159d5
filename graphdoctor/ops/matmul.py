"""Matrix products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import bool_attr, dtype_attr
from graphdoctor.ops.base import InferError, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import (
    FLOATS,
    WIDE,
    broadcast,
    compute_dtype,
    data_dtype,
    narrowed,
    quiet,
    same_dtype,
    widened,
)
from graphdoctor.ops.dims import same_dim, same_shape, with_rank
from graphdoctor.types import Array, Dim, DType, Shape


class MatMul(Op):
    """Product of two matrices, either of them transposed first."""

    names = ("MatMul",)
    arity = (2, 2)
    defaults: ClassVar[Mapping[str, Any]] = {"transpose_a": False, "transpose_b": False}
    onnx = ("MatMul", "Gemm", "Transpose", "Cast")
    uff = ("FullyConnected",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        rows, inner = _turned(with_rank(ctx.spec(0), 2, "input 0"), bool_attr(ctx, "transpose_a"))
        other, columns = _turned(with_rank(ctx.spec(1), 2, "input 1"), bool_attr(ctx, "transpose_b"))
        _check_inner(inner, other)
        return [TensorSpec(same_dtype(ctx, (0, 1)), (rows, columns))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        a, b = (v.T if ctx.attr(k) else v for v, k in zip(values, ("transpose_a", "transpose_b"), strict=True))
        return _integer_product(a, b, ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        chosen = compute_dtype(low, dtype, WIDE, "MatMul")
        a, b = widened(low, low.inputs, dtype, chosen)
        turn = bool_attr(low, "transpose_a"), bool_attr(low, "transpose_b")
        if chosen in FLOATS and any(turn):
            return [narrowed(low, low.op("Gemm", [a, b], transA=int(turn[0]), transB=int(turn[1])), chosen, dtype)]
        a, b = (low.op("Transpose", [n], perm=[1, 0]) if t else n for n, t in zip((a, b), turn, strict=True))
        return [narrowed(low, low.op("MatMul", [a, b]), chosen, dtype)]

    def to_uff(self, low: UffLowering) -> None:
        left = "CN" if bool_attr(low, "transpose_a") else "NC"
        right = "KC" if bool_attr(low, "transpose_b") else "CK"
        low.emit("FullyConnected", [low.input(0), low.input(1)], inputs_orders=[left, right])


class BatchMatMul(Op):
    """Products of the last two dimensions, either input transposed first; the first version does not broadcast."""

    names: ClassVar[tuple[str, ...]] = ("BatchMatMul", "BatchMatMulV2")
    arity = (2, 2)
    defaults: ClassVar[Mapping[str, Any]] = {"adj_x": False, "adj_y": False}
    onnx = ("MatMul", "Transpose", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(same_dtype(ctx, (0, 1)), _batch_shape(ctx))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        pairs = zip(values, ("adj_x", "adj_y"), strict=True)
        a, b = (np.swapaxes(v, -1, -2) if ctx.attr(k) and v.ndim > 1 else v for v, k in pairs)
        return _integer_product(a, b, ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        chosen = compute_dtype(low, dtype, WIDE, "MatMul")
        a, b = (_adjoint(low, k, key) for k, key in enumerate(("adj_x", "adj_y")))
        return [narrowed(low, low.op("MatMul", widened(low, [a, b], dtype, chosen)), chosen, dtype)]


class BatchMatMulV3(BatchMatMul):
    """BatchMatMulV2 with a dtype for each input and one for the output."""

    names = ("BatchMatMulV3",)
    types: ClassVar[Mapping[str, int]] = {"Ta": 0, "Tb": 1}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(dtype_attr(ctx, "Tout"), _batch_shape(ctx))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return None

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtypes = {data_dtype(low, 0), data_dtype(low, 1), dtype_attr(low, "Tout")}
        if len(dtypes) > 1:
            low.fail("the inputs and the output have different dtypes")
        return super().to_onnx(low)


def _turned(dims: Sequence[Dim], turn: bool) -> tuple[Dim, Dim]:
    return (dims[1], dims[0]) if turn else (dims[0], dims[1])


def _check_inner(inner: Dim, other: Dim) -> None:
    try:
        same_dim(inner, other)
    except InferError as e:
        raise InferError(f"the inner dimensions {inner} and {other} are not equal") from e


def _batch_shape(ctx: OpContext) -> Shape:
    x, y = ctx.spec(0).shape, ctx.spec(1).shape
    if any(s is not None and len(s) < 2 for s in (x, y)):
        raise InferError("a matrix product wants at least two dimensions")
    if x is None or y is None:
        return None
    rows, inner = _turned(x[-2:], bool_attr(ctx, "adj_x"))
    other, columns = _turned(y[-2:], bool_attr(ctx, "adj_y"))
    _check_inner(inner, other)
    merge = same_shape if ctx.node.op == "BatchMatMul" else broadcast
    return (*(merge(x[:-2], y[:-2]) or ()), rows, columns)


def _integer_product(a: Array, b: Array, dtype: DType) -> list[Array] | None:
    """Exact for integers; a float sum depends on the order, so floats are left to the runtime."""
    return quiet(lambda: np.matmul(a, b), dtype) if dtype.is_integer else None


def _adjoint(low: Lowering, index: int, key: str) -> str:
    """Input ``index`` with its last two dimensions swapped if attribute ``key`` says so."""
    if not bool_attr(low, key):
        return low.inputs[index]
    value, rank = low.constant(index), low.specs[index].rank
    if value is not None:
        return low.const(np.ascontiguousarray(np.swapaxes(value, -1, -2)), hint="adjoint")
    if rank is None:
        low.fail(f"the rank of input {index}, which is to be transposed, is unknown")
    return low.op("Transpose", [low.inputs[index]], perm=[*range(rank - 2), rank - 1, rank - 2])
