"""Ops that order, count up or scatter elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import bool_attr, dtype_attr, input_dtype, int_attr
from graphdoctor.ops.base import MANY, InferError, Lowering, Op, OpContext
from graphdoctor.ops.broadcast import compute_dtype
from graphdoctor.ops.dims import axis_of, int_of, ints_of, same_shape, shape_of_value, with_rank
from graphdoctor.ops.values import as_dtype, computed, int64_input, limited, scalar, wants_scalar
from graphdoctor.types import Array, Dim, DType, Shape

_SCANS = frozenset((DType.FLOAT, DType.DOUBLE, DType.INT32, DType.INT64))
"""What ONNX Runtime has CumSum and TopK for."""


class TopK(Op):
    """The k largest elements along the last axis, the first of equal ones first, and where they stood."""

    names = ("TopK", "TopKV2")
    arity = (1, 2)
    defaults = {"sorted": True, "index_type": DType.INT32}
    types = {"T": 0, "Tk": 1}
    onnx = ("TopK", "Cast", "Reshape")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype, shape = input_dtype(ctx), ctx.spec(0).shape
        k = int_of(ctx.spec(1)) if len(ctx.inputs) > 1 else int_attr(ctx, "k")
        if k is not None and k < 0:
            raise InferError(f"k is {k}")
        if shape is not None:
            if not shape or (k or 0) > (shape[-1] if shape[-1] is not None else k or 0):
                raise InferError(f"{ctx.spec(0)} has no {k} elements in its last dimension")
            shape = (*shape[:-1], k)
        return [TensorSpec(dtype, shape), TensorSpec(dtype_attr(ctx, "index_type"), shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        kind = dtype_attr(ctx, "index_type").numpy
        return computed(lambda: _largest(values[0], scalar(values[1]) if len(values) > 1 else int_attr(ctx, "k"), kind))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = low.specs[0].dtype
        wide = compute_dtype(low, dtype, _SCANS, "TopK")
        x = as_dtype(low, low.inputs[0], dtype, wide)
        # Unsorted is any order: the sorted one is as good, and the only one that every target has.
        found, where = low.multi("TopK", [x, _count(low)], 2, axis=-1, largest=1, sorted=1)
        return [as_dtype(low, found, wide, dtype), as_dtype(low, where, DType.INT64, low.outputs[1].dtype)]


def _count(low: Lowering) -> str:
    """K as a vector of one element; an initializer where it is known, as NVIDIA's parsers want it."""
    if len(low.inputs) < 2:
        return low.const([int_attr(low, "k")])
    known = low.constant(1)
    if known is not None:
        return low.const([int(known)])
    return low.op("Reshape", [int64_input(low, 1), low.const([1])])


def _largest(x: Array, k: int, kind: np.dtype[np.generic] | None) -> list[Array]:
    if x.dtype.kind not in "iuf" or np.isnan(x).any() or not 0 <= k <= x.shape[-1]:
        raise ValueError("no order is defined for these elements")
    backwards = np.argsort(x[..., ::-1], axis=-1, kind="stable")
    where = (x.shape[-1] - 1 - backwards)[..., ::-1][..., :k]
    return [np.take_along_axis(x, where, axis=-1), where.astype(kind)]


class Unique(Op):
    """The elements that differ, in the order of their first appearance, and for each element which it is."""

    names = ("Unique",)
    defaults = {"out_idx": DType.INT32}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        (length,) = with_rank(ctx.spec(0), 1)
        return [TensorSpec(input_dtype(ctx), (None,)), TensorSpec(dtype_attr(ctx, "out_idx"), (length,))]


class Cumsum(Op):
    """Running sums along an axis."""

    names = ("Cumsum",)
    arity = (2, 2)
    types = {"T": 0, "Tidx": 1}
    onnx = ("CumSum", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape, axis = ctx.spec(0).shape, int_of(ctx.spec(1))
        if shape is not None and axis is not None:
            axis_of(axis, len(shape))
        return [TensorSpec(input_dtype(ctx), shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        flags = bool_attr(ctx, "exclusive"), bool_attr(ctx, "reverse")
        return computed(lambda: [_running(values[0], scalar(values[1]), *flags)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = low.specs[0].dtype
        wide = compute_dtype(low, dtype, _SCANS, "CumSum")
        exclusive, reverse = int(bool_attr(low, "exclusive")), int(bool_attr(low, "reverse"))
        axis = low.const(np.asarray(wants_scalar(low, 1, "its axis"), dtype=np.int64))
        x = as_dtype(low, low.inputs[0], dtype, wide)
        sums = low.op("CumSum", [x, axis], exclusive=exclusive, reverse=reverse)
        return [as_dtype(low, sums, wide, dtype)]


def _running(x: Array, axis: int, exclusive: bool, reverse: bool) -> Array:
    if x.dtype.kind not in "iuf" or x.dtype == np.float16:
        raise ValueError("rounding would differ")
    at = axis_of(axis, x.ndim)
    line = np.flip(x, at) if reverse else x
    sums = np.cumsum(line, at, dtype=x.dtype)
    if exclusive:
        first = np.zeros_like(np.take(sums, [0], at)) if x.shape[at] else sums
        sums = np.concatenate([first, np.delete(sums, -1, at)], at) if x.shape[at] else sums
    return np.flip(sums, at) if reverse else sums


class ScatterNd(Op):
    """Zeros in the shape that input 2 says, with the updates added at the indices."""

    names = ("ScatterNd",)
    arity = (3, 3)
    types = {"T": 1, "Tindices": 0}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape, indices, updates = shape_of_value(ctx.spec(2)), ctx.spec(0).shape, ctx.spec(1).shape
        dtype = input_dtype(ctx, slot=1)
        if indices is not None and not indices:
            raise InferError("indices are a scalar")
        if shape is not None and indices is not None and indices[-1] is not None:
            if indices[-1] > len(shape):
                raise InferError(f"index vectors of {indices[-1]} for a result of rank {len(shape)}")
            same_shape(updates, (*indices[:-1], *shape[indices[-1] :]))
        return [TensorSpec(dtype, shape)]


class DynamicStitch(Op):
    """N index tensors, then N data tensors: element or slice ``k`` of ``data`` goes to place ``indices[k]``."""

    names = ("DynamicStitch", "ParallelDynamicStitch")
    arity = (2, MANY)
    types = {"T": -1}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        half = len(ctx.inputs) // 2
        if len(ctx.inputs) % 2:
            raise InferError("there are not as many index tensors as data tensors")
        rest: Shape = None
        for indices, data in zip(ctx.inputs[:half], ctx.inputs[half:], strict=True):
            rest = same_shape(rest, _slice_shape(indices.shape, data.shape))
        size = _stitched_size([ints_of(s) for s in ctx.inputs[:half]])
        shape = None if rest is None else (size, *rest)
        return [TensorSpec(input_dtype(ctx, slot=len(ctx.inputs) - 1), shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        half = len(values) // 2
        return computed(lambda: [_stitched(values[:half], values[half:])])


def _slice_shape(indices: Shape, data: Shape) -> Shape:
    """The shape of one slice of ``data``, whose first dimensions are those of ``indices``."""
    if indices is None or data is None:
        return None
    same_shape(indices, data[: len(indices)])
    return data[len(indices) :]


def _stitched_size(indices: list[tuple[Dim, ...] | None]) -> Dim:
    """One more than the largest index."""
    known = [i for items in indices for i in (items or ()) if i is not None]
    if any(i < 0 for i in known):
        raise InferError("an index is negative")
    complete = all(items is not None and None not in items for items in indices)
    return max(known, default=-1) + 1 if complete else None


def _stitched(indices: Sequence[Array], data: Sequence[Array]) -> Array:
    size = _stitched_size([tuple(i.reshape(-1).tolist()) for i in indices])
    rest = data[0].shape[indices[0].ndim :]
    out = np.zeros(limited([size or 0, *rest]), dtype=data[0].dtype)
    if len(np.unique(np.concatenate([i.reshape(-1) for i in indices]))) != size:
        raise ValueError("places without data are not defined")
    for i, d in zip(indices, data, strict=True):
        out[i.reshape(-1)] = d.reshape(-1, *rest)
    return out
