"""Ops that join tensors and take them apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import reduce

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import dtype_attr, input_dtype, int_attr
from graphdoctor.ops.base import MANY, InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.dims import INT64_MAX, axis_of, int_of, ints_of, plus, same_dim, same_shape
from graphdoctor.ops.values import carried, computed, scalar, wants_constant, wants_scalar
from graphdoctor.types import Array, Dim, DType, Shape


class _Joined(Op):
    """Several inputs of one dtype."""

    def dtype(self, ctx: OpContext, indices: Sequence[int]) -> DType:
        dtype = dtype_attr(ctx, "T")
        for seen in (ctx.spec(k).dtype for k in indices):
            if DType.INVALID not in (dtype, seen) and dtype is not seen:
                raise InferError(f"{dtype.label} and {seen.label} cannot be joined")
            dtype = seen if dtype is DType.INVALID else dtype
        return dtype


class _Concat(_Joined):
    """The inputs one after the other along an axis, which is the last input (the first one of ``Concat``)."""

    arity = (2, MANY)
    count = ("N", 1)
    onnx = ("Concat",)
    uff = ("Concat",)

    def split_inputs(self, count: int) -> tuple[int, list[int]]:
        """Where among ``count`` inputs the axis is, and where the data are."""
        return count - 1, list(range(count - 1))

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        if len(ctx.inputs) < 2:
            raise InferError(f"{ctx.node.op} has {len(ctx.inputs)} inputs, not 2")
        at, data = self.split_inputs(len(ctx.inputs))
        shape = _joined([ctx.spec(k).shape for k in data], int_of(ctx.spec(at)))
        return carried(self, ctx, [TensorSpec(self.dtype(ctx, data), shape)], data)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        at, data = self.split_inputs(len(values))
        return computed(lambda: [np.concatenate([values[k] for k in data], scalar(values[at]))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        at, data = self.split_inputs(len(low.inputs))
        axis = wants_scalar(low, at, "its axis")
        return [low.op("Concat", [low.inputs[k] for k in data], axis=axis)]

    def to_uff(self, low: UffLowering) -> None:
        at, data = self.split_inputs(len(low.specs))
        low.emit("Concat", [low.input(k) for k in data], axis=wants_scalar(low, at, "its axis"))


class ConcatV2(_Concat):
    """Concatenation with the axis last.

    For the UFF converter the axis may also be an attribute, which graphsurgeon writes: then all inputs are data, and
    one edge from a plugin stands for all of its outputs, so that nothing is known of the result but its dtype.
    """

    names = ("ConcatV2",)
    arity = (1, MANY)
    types = {"T": 0, "Tidx": -1}
    layout = Layout("axes", arg=-1)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        if "axis" in ctx.node.attrs:
            return [TensorSpec(dtype_attr(ctx, "T"))]
        return super().infer(ctx)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return None if "axis" in ctx.node.attrs else super().fold(ctx, values)

    def to_uff(self, low: UffLowering) -> None:
        if "axis" not in low.node.attrs:
            super().to_uff(low)
            return
        low.emit("Concat", [low.input(k) for k in range(len(low.specs))], axis=int_attr(low, "axis"))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        if "axis" in low.node.attrs:
            low.fail("its axis is an attribute, which only the UFF converter takes")
        return super().to_onnx(low)


class Concat(_Concat):
    """Concatenation with the axis first."""

    names = ("Concat",)
    types = {"T": 1}
    layout = Layout("axes", arg=0)

    def split_inputs(self, count: int) -> tuple[int, list[int]]:
        return 0, list(range(1, count))


def _joined(shapes: list[Shape], axis: int | None) -> Shape:
    known = [s for s in shapes if s is not None]
    if not known:
        return None
    rank = len(known[0])
    if any(len(s) != rank for s in known) or rank == 0:
        raise InferError(f"ranks {[len(s) for s in known]} cannot be concatenated")
    if axis is None:
        return (None,) * rank
    at = axis_of(axis, rank)
    try:
        merged = [reduce(same_dim, (s[k] for s in known), None) if k != at else None for k in range(rank)]
    except InferError as e:
        raise InferError(f"beside axis {at}, {e}") from e
    merged[at] = plus(*(s[at] for s in known)) if len(known) == len(shapes) else None
    return tuple(merged)


class Pack(_Joined):
    """Inputs of one shape stacked along a new axis."""

    names = ("Pack",)
    arity = (1, MANY)
    count = ("N", 0)
    onnx = ("Unsqueeze", "Concat")
    uff = ("Stack",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = reduce(same_shape, (s.shape for s in ctx.inputs), None)
        axis = int_attr(ctx, "axis")
        if shape is not None:
            at = axis_of(axis, len(shape) + 1)
            shape = (*shape[:at], len(ctx.inputs), *shape[at:])
        return carried(self, ctx, [TensorSpec(self.dtype(ctx, range(len(ctx.inputs))), shape)])

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [np.stack(values, int_attr(ctx, "axis"))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        axis = int_attr(low, "axis")
        parts = [low.op("Unsqueeze", [x, low.const([axis])]) for x in low.inputs]
        return [low.op("Concat", parts, axis=axis)]

    def to_uff(self, low: UffLowering) -> None:
        low.emit("Stack", [low.input(k) for k in range(len(low.specs))], axis=int_attr(low, "axis"))


class Unpack(Op):
    """The slices of the input along an axis, one an output."""

    names = ("Unpack",)
    onnx = ("Split", "Squeeze")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        number, axis = _outputs(ctx, "num"), int_attr(ctx, "axis")
        shape = ctx.spec(0).shape
        if shape is not None:
            at = axis_of(axis, len(shape))
            same_dim(shape[at], number)
            shape = (*shape[:at], *shape[at + 1 :])
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), shape)] * number)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: _slices(values[0], int_attr(ctx, "axis"), _outputs(ctx, "num")))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        axis, number = int_attr(low, "axis"), len(low.outputs)
        if number == 0:
            return []
        parts = low.multi("Split", [low.inputs[0]], number, axis=axis) if number > 1 else low.inputs
        return [low.op("Squeeze", [p, low.const([axis])]) for p in parts]


def _slices(x: Array, axis: int, number: int) -> list[Array]:
    first = np.moveaxis(x, axis, 0)
    if len(first) != number:
        raise ValueError(f"{len(first)} slices, not {number}")
    return list(first)


def _outputs(ctx: OpContext, key: str) -> int:
    number = int_attr(ctx, key)
    if not 0 <= number <= MANY:
        raise InferError(f"attribute {key} asks for {number} outputs")
    return number


class Split(Op):
    """Input 1 in ``num_split`` equal parts along the axis that input 0 says."""

    names = ("Split",)
    arity = (2, 2)
    types = {"T": 1}
    onnx = ("Split",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        number, axis = _outputs(ctx, "num_split"), int_of(ctx.spec(0))
        if number == 0:
            raise InferError("attribute num_split is 0")
        shape = ctx.spec(1).shape
        if shape is not None:
            shape = (None,) * len(shape) if axis is None else _part(shape, axis_of(axis, len(shape)), number)
        return carried(self, ctx, [TensorSpec(input_dtype(ctx, slot=1), shape)] * number, data=(1,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: np.split(values[1], _outputs(ctx, "num_split"), scalar(values[0])))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        axis = wants_scalar(low, 0, "its axis")
        if len(low.outputs) == 1:
            return [low.inputs[1]]
        return low.multi("Split", [low.inputs[1]], len(low.outputs), axis=axis)


def _part(shape: tuple[Dim, ...], at: int, number: int) -> tuple[Dim, ...]:
    dim = shape[at]
    if dim is not None and dim % number:
        raise InferError(f"dimension {at} of {dim} cannot be split into {number} equal parts")
    return (*shape[:at], None if dim is None else dim // number, *shape[at + 1 :])


class SplitV(Op):
    """Input 0 in parts of the sizes that input 1 says (one -1 is the rest) along the axis that input 2 says."""

    names = ("SplitV",)
    arity = (3, 3)
    types = {"T": 0, "Tlen": 1}
    onnx = ("Split", "Slice")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        number, axis = _outputs(ctx, "num_split"), int_of(ctx.spec(2))
        sizes, shape = ints_of(ctx.spec(1)), ctx.spec(0).shape
        if sizes is not None and len(sizes) != number:
            raise InferError(f"{len(sizes)} sizes are given for {number} parts")
        dtype = input_dtype(ctx)
        if shape is None or axis is None or sizes is None:
            rank = None if shape is None else (None,) * len(shape)
            return [TensorSpec(dtype, rank)] * number
        at = axis_of(axis, len(shape))
        parts = _part_sizes(sizes, shape[at])
        specs = [TensorSpec(dtype, (*shape[:at], d, *shape[at + 1 :])) for d in parts]
        return carried(self, ctx, specs, data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: _cut(values[0], values[1], scalar(values[2])))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        axis, shape = wants_scalar(low, 2, "its axis"), low.specs[0].shape
        sizes = [int(s) for s in wants_constant(low, 1, "the size of a part").reshape(-1)]
        whole = None if shape is None else shape[axis]
        if -1 in sizes and whole is None:
            return _cut_at_run_time(low, sizes, axis)
        if len(sizes) == 1:
            return [low.inputs[0]]
        known = [d or 0 for d in _part_sizes(sizes, whole)]
        return low.multi("Split", [low.inputs[0], low.const(known)], len(known), axis=axis)


def _part_sizes(sizes: Sequence[Dim], whole: Dim) -> list[Dim]:
    """The sizes with -1 replaced by the rest of ``whole``.

    Raises:
        InferError: they do not add up.
    """
    if any(s is not None and s < -1 for s in sizes) or list(sizes).count(-1) > 1:
        raise InferError(f"part sizes {list(sizes)} are negative")
    total = plus(*(s for s in sizes if s != -1))
    if -1 not in sizes:
        same_dim(total, whole)
        return list(sizes)
    rest = None if total is None or whole is None else whole - total
    if rest is not None and rest < 0:
        raise InferError(f"parts of {total} are more than the dimension of {whole}")
    return [rest if s == -1 else s for s in sizes]


def _cut(x: Array, sizes: Array, axis: int) -> list[Array]:
    parts = [d or 0 for d in _part_sizes([int(s) for s in sizes.reshape(-1)], x.shape[axis])]
    return np.split(x, np.cumsum(parts)[:-1], axis) if parts else []


def _cut_at_run_time(low: Lowering, sizes: list[int], axis: int) -> list[str]:
    """Slices counted from the front before the part of unknown size, and from the back behind it."""
    rest = sizes.index(-1)
    before = list(itertools.accumulate(sizes[:rest], initial=0))
    behind = [-n or INT64_MAX for n in itertools.accumulate(reversed(sizes[rest + 1 :]), initial=0)][::-1]
    edges = [*itertools.pairwise(before), (before[-1], behind[0]), *itertools.pairwise(behind)]
    axes = low.const([axis])
    return [low.op("Slice", [low.inputs[0], low.const([a]), low.const([b]), axes]) for a, b in edges]
