"""Ops that pick elements by index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import HasAttrs, input_dtype, int_attr
from graphdoctor.ops.base import InferError, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import NUMBERS, compute_dtype
from graphdoctor.ops.dims import axis_of, int_of, same_dim
from graphdoctor.ops.values import as_dtype, carried, computed, int64_input, limited, scalar, wants_rank, wants_scalar
from graphdoctor.types import Array, Dim, DType, Shape

_CHOOSES = NUMBERS - {DType.INT16, DType.UINT16, DType.UINT64}
"""What ONNX Runtime has Where for."""


class Gather(Op):
    """Slices of ``params`` along an axis, by index; the indices' dimensions take the axis' place.

    With ``batch_dims`` b the first b dimensions of both go together. Indices out of range are an error on the CPU.
    """

    names = ("Gather", "GatherV2")
    arity = (2, 3)
    types = {"Tparams": 0, "Tindices": 1, "Taxis": 2}
    onnx = ("Gather", "GatherND", "Unsqueeze", "Transpose", "Cast")
    uff = ("Gather", "GatherV2")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype, axis = input_dtype(ctx, "Tparams"), _axis(ctx)
        params, indices = ctx.spec(0).shape, ctx.spec(1).shape
        if params is None or indices is None:
            return [TensorSpec(dtype)]
        batch = _batch_dims(ctx, len(indices))
        if batch > len(params):
            raise InferError(f"batch_dims is {batch}, params have rank {len(params)}")
        if axis is None:
            return [TensorSpec(dtype, (None,) * (len(params) + len(indices) - batch - 1))]
        at = axis_of(axis, len(params))
        if at < batch:
            raise InferError(f"axis {axis} lies within the {batch} batch dimensions")
        shape = _gathered_shape(params, indices, at, batch)
        return carried(self, ctx, [TensorSpec(dtype, shape)], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        axis = values[2] if len(values) > 2 else np.zeros((), np.int32)
        return computed(lambda: [_gathered(values[0], values[1], scalar(axis), _batch_dims(ctx, values[1].ndim))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        axis = wants_scalar(low, 2, "its axis") if len(low.inputs) > 2 else 0
        batch = int_attr(low, "batch_dims")
        indices = low.inputs[1]
        if low.specs[1].dtype is DType.INT16:
            indices = low.cast(indices, DType.INT32)
        if batch == 0:
            return [low.op("Gather", [low.inputs[0], indices], axis=axis)]
        ranks = wants_rank(low, 0), wants_rank(low, 1)
        return [_gathered_in_batches(low, axis_of(axis, ranks[0]), _batch_dims(low, ranks[1]), ranks)]

    def to_uff(self, low: UffLowering) -> None:
        if int_attr(low, "batch_dims"):
            low.fail("UFF's Gather has no batch dimensions")
        inputs = [low.input(0), low.input(1)]
        types = {"indices_dtype": _uff_dtype(low, 1), "params_dtype": _uff_dtype(low, 0)}
        if low.node.op == "Gather":
            low.emit("Gather", inputs, **types, validate_indices=low.attr("validate_indices") is not False)
        else:
            low.emit("GatherV2", inputs, axis=wants_scalar(low, 2, "its axis"), **types)


def _axis(ctx: OpContext) -> int | None:
    return 0 if len(ctx.inputs) < 3 else int_of(ctx.spec(2))


def _batch_dims(ctx: HasAttrs, rank: int) -> int:
    batch = int_attr(ctx, "batch_dims")
    if not -rank <= batch <= rank:
        raise InferError(f"batch_dims is {batch}, indices have rank {rank}")
    return batch + rank if batch < 0 else batch


def _uff_dtype(low: UffLowering, index: int) -> DType:
    """The dtype of data input ``index`` as it is written: an int64 constant is written as int32."""
    dtype = low.specs[index].dtype
    return DType.INT32 if dtype is DType.INT64 and low.constant(index) is not None else dtype


def _gathered_shape(params: tuple[Dim, ...], indices: tuple[Dim, ...], axis: int, batch: int) -> Shape:
    shared = tuple(same_dim(a, b) for a, b in zip(params[:batch], indices[:batch], strict=True))
    return (*shared, *params[batch:axis], *indices[batch:], *params[axis + 1 :])


def _gathered(params: Array, indices: Array, axis: int, batch: int) -> Array:
    at = axis_of(axis, params.ndim)
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < params.shape[at]:
        raise IndexError("an index is out of range")
    shape = limited([d or 0 for d in _gathered_shape(params.shape, indices.shape, at, batch) or ()])
    if batch == 0:
        return np.asarray(np.take(params, indices, at), dtype=params.dtype).reshape(shape)
    rows = params.reshape(-1, *params.shape[batch:])
    picks = indices.reshape(-1, *indices.shape[batch:])
    parts = [np.take(r, i, at - batch) for r, i in zip(rows, picks, strict=True)]
    return np.asarray(parts, dtype=params.dtype).reshape(shape)


def _gathered_in_batches(low: Lowering, axis: int, batch: int, ranks: tuple[int, int]) -> str:
    """GatherND with batch dimensions picks along the first axis behind them: the wanted axis is moved there."""
    indices = low.op("Unsqueeze", [int64_input(low, 1), low.const([-1])])
    rank, params = ranks[0], low.inputs[0]
    if axis != batch:
        order = [*range(batch), axis, *(k for k in range(batch, rank) if k != axis)]
        params = low.op("Transpose", [params], perm=order)
    picked = low.op("GatherND", [params, indices], batch_dims=batch)
    if axis == batch:
        return picked
    new, moved = ranks[1] - batch, axis - batch
    middle = range(batch + new, batch + new + moved)
    behind = range(batch + new + moved, rank - 1 + new)
    return low.op("Transpose", [picked], perm=[*range(batch), *middle, *range(batch, batch + new), *behind])


class GatherNd(Op):
    """Slices of ``params``, each named by the index vector in the last dimension of ``indices``."""

    names = ("GatherNd",)
    arity = (2, 2)
    types = {"Tparams": 0, "Tindices": 1}
    onnx = ("GatherND", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype = input_dtype(ctx, "Tparams")
        params, indices = ctx.spec(0).shape, ctx.spec(1).shape
        if indices is not None and not indices:
            raise InferError("indices are a scalar")
        if params is None or indices is None or indices[-1] is None:
            return [TensorSpec(dtype)]
        if indices[-1] > len(params):
            raise InferError(f"index vectors of {indices[-1]} for params of rank {len(params)}")
        return carried(self, ctx, [TensorSpec(dtype, (*indices[:-1], *params[indices[-1] :]))], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [_gathered_nd(*values)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.op("GatherND", [low.inputs[0], int64_input(low, 1)])]


def _gathered_nd(params: Array, indices: Array) -> Array:
    depth = indices.shape[-1]
    shape = limited([*indices.shape[:-1], *params.shape[depth:]])
    if indices.size and (indices.min() < 0 or np.any(indices >= np.asarray(params.shape[:depth]))):
        raise IndexError("an index is out of range")
    if depth == 0:
        return np.broadcast_to(params, shape)
    return np.asarray(params[tuple(np.moveaxis(indices, -1, 0))], dtype=params.dtype).reshape(shape)


class OneHot(Op):
    """``on_value`` where a new axis of ``depth`` equals the index, else ``off_value``.

    ONNX's OneHot counts negative indices from the end, TensorFlow gives ``off_value`` for them; so it becomes a
    comparison.
    """

    names = ("OneHot",)
    arity = (4, 4)
    defaults = {"axis": -1}
    types = {"T": 2, "TI": 0}
    onnx = ("Unsqueeze", "Equal", "Where", "Cast", "Range", "Reshape")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype, shape, depth = input_dtype(ctx, slot=2), ctx.spec(0).shape, int_of(ctx.spec(1))
        if depth is not None and depth < 0:
            raise InferError(f"depth is {depth}")
        if shape is None:
            return [TensorSpec(dtype)]
        at = _one_hot_axis(ctx, len(shape))
        return [TensorSpec(dtype, (*shape[:at], depth, *shape[at:]))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [_one_hot(values, _one_hot_axis(ctx, values[0].ndim))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        last = int_attr(low, "axis", -1) == -1
        rank = 0 if last else wants_rank(low)
        at = -1 if last else _one_hot_axis(low, rank)
        number = DType.INT64 if low.specs[0].dtype is DType.INT64 else DType.INT32
        index = as_dtype(low, low.inputs[0], low.specs[0].dtype, number)
        index = low.op("Unsqueeze", [index, low.const([at])])
        hot = low.op("Equal", [index, _steps(low, number, 0 if last else rank - at)])
        dtype = low.outputs[0].dtype
        wide = compute_dtype(low, dtype, _CHOOSES, "Where")
        values = [as_dtype(low, x, dtype, wide) for x in low.inputs[2:]]
        return [as_dtype(low, low.op("Where", [hot, *values]), wide, dtype)]


def _one_hot_axis(ctx: HasAttrs, rank: int) -> int:
    return axis_of(int_attr(ctx, "axis", -1), rank + 1)


def _steps(low: Lowering, dtype: DType, behind: int) -> str:
    """0, 1, ... depth - 1 along an axis with ``behind`` axes behind it."""
    depth = low.constant(1)
    if depth is not None:
        steps = np.arange(int(depth.reshape(())), dtype=dtype.numpy)
        return low.const(steps.reshape(-1, *(1,) * behind))
    zero, one = (low.const(np.asarray(n, dtype=dtype.numpy)) for n in (0, 1))
    steps_name = low.op("Range", [zero, as_dtype(low, low.inputs[1], DType.INT32, dtype), one])
    return low.op("Reshape", [steps_name, low.const([-1] + [1] * behind)]) if behind else steps_name


def _one_hot(values: Sequence[Array], at: int) -> Array:
    indices, depth, on, off = values
    count = scalar(depth)
    limited([*indices.shape, count])
    hot = np.expand_dims(indices, at) == np.arange(count).reshape(-1, *(1,) * (indices.ndim - at))
    return np.where(hot, on.reshape(()), off.reshape(())).astype(on.dtype, copy=False)


class Where(Op):
    """The coordinates of the elements that are not zero, row by row."""

    names = ("Where",)
    types = {"T": 0}
    onnx = ("NonZero", "Transpose", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        input_dtype(ctx)
        return [TensorSpec(DType.INT64, (None, ctx.spec(0).rank))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x = values[0]
        return None if x.dtype == object or x.ndim == 0 else [np.argwhere(x).astype(np.int64)]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        flags = as_dtype(low, low.inputs[0], low.specs[0].dtype, DType.BOOL)
        return [low.op("Transpose", [low.op("NonZero", [flags])], perm=[1, 0])]
