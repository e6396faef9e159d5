"""Ops that move whole axes and slices: transpose, tile, reverse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import input_dtype, int_attr
from graphdoctor.ops.base import InferError, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.dims import INT64_MIN, axes_of, axis_of, ints_of, same_dim, times, with_rank
from graphdoctor.ops.values import carried, computed, int64_input, limited, wants_constant
from graphdoctor.types import Array, Dim, DType, Shape


class Transpose(Op):
    """Axis k of the result is axis ``perm[k]`` of the input; ``ConjugateTranspose`` also conjugates."""

    names = ("Transpose", "ConjugateTranspose")
    arity = (2, 2)
    types = {"T": 0, "Tperm": 1}
    onnx = ("Transpose",)
    uff = ("Transpose",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape, perm = ctx.spec(0).shape, ints_of(ctx.spec(1))
        if shape is not None and perm is not None and len(shape) != len(perm):
            raise InferError(f"perm has {len(perm)} elements for a tensor of rank {len(shape)}")
        if shape is None or perm is None:
            known = shape if perm is None else perm
            out: Shape = None if known is None else (None,) * len(known)
        else:
            out = _permuted(shape, perm)
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), out)], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, perm = values
        conjugate = ctx.node.op == "ConjugateTranspose" and x.dtype.kind == "c"
        return computed(lambda: [np.conj(_turned(x, perm)) if conjugate else _turned(x, perm)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        given = wants_constant(low, 1, "its permutation")
        perm = axes_of(given, given.size)
        return [low.op("Transpose", [low.inputs[0]], perm=list(perm)) if perm else low.inputs[0]]

    def to_uff(self, low: UffLowering) -> None:
        given = wants_constant(low, 1, "its permutation")
        low.emit("Transpose", [low.input()], permutation=list(axes_of(given, given.size)))


def _permuted(shape: tuple[Dim, ...], perm: tuple[Dim, ...]) -> Shape:
    known = [axis_of(p, len(shape)) for p in perm if p is not None]
    if len(set(known)) != len(known):
        raise InferError(f"perm {list(perm)} names one axis twice")
    return tuple(None if p is None else shape[axis_of(p, len(shape))] for p in perm)


def _turned(x: Array, perm: Array) -> Array:
    return x.transpose(axes_of(perm, x.ndim))


class Tile(Op):
    """The input repeated ``multiples[k]`` times along axis k."""

    names = ("Tile",)
    arity = (2, 2)
    types = {"T": 0, "Tmultiples": 1}
    onnx = ("Tile", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape, multiples = ctx.spec(0).shape, ints_of(ctx.spec(1))
        out: Shape = shape if shape is None else (None,) * len(shape)
        if multiples is not None:
            if any(m is not None and m < 0 for m in multiples):
                raise InferError(f"multiples {list(multiples)} are negative")
            dims = with_rank(ctx.spec(0), len(multiples))
            out = tuple(0 if 0 in (d, m) else times(d, m) for d, m in zip(dims, multiples, strict=True))
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), out)], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [_tiled(*values)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.op("Tile", [low.inputs[0], int64_input(low, 1)])]


def _tiled(x: Array, multiples: Array) -> Array:
    limited([d * m for d, m in zip(x.shape, multiples.reshape(-1).tolist(), strict=True)])
    return np.tile(x, multiples.reshape(-1))


class ReverseV2(Op):
    """The input backwards along the axes that input 1 names."""

    names = ("ReverseV2",)
    arity = (2, 2)
    types = {"T": 0, "Tidx": 1}
    onnx = ("Slice",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape, axes = ctx.spec(0).shape, ctx.constant(1)
        ints_of(ctx.spec(1))
        if shape is not None and axes is not None:
            axes_of(axes, len(shape))
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), shape)], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, axes = values
        return computed(lambda: [np.flip(x, axes_of(axes, x.ndim))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        axes = [int(a) for a in wants_constant(low, 1, "the list of axes").reshape(-1)]
        if not axes:
            return [low.inputs[0]]
        steps = [low.const([n] * len(axes)) for n in (-1, INT64_MIN)]
        return [low.op("Slice", [low.inputs[0], *steps, low.const(axes), steps[0]])]


class ReverseSequence(Op):
    """The first ``seq_lengths[b]`` slices along ``seq_dim`` backwards, for each b along ``batch_dim``."""

    names = ("ReverseSequence",)
    arity = (2, 2)
    types = {"T": 0, "Tlen": 1}
    onnx = ("ReverseSequence", "Cast")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = ctx.spec(0).shape
        (length,) = with_rank(ctx.spec(1), 1, "seq_lengths")
        seq, batch = int_attr(ctx, "seq_dim"), int_attr(ctx, "batch_dim")
        if seq == batch:
            raise InferError(f"seq_dim and batch_dim are both {seq}")
        if shape is not None:
            if not (0 <= seq < len(shape) and 0 <= batch < len(shape)):
                raise InferError(f"seq_dim {seq} or batch_dim {batch} is out of range for rank {len(shape)}")
            dim = same_dim(shape[batch], length)
            shape = (*shape[:batch], dim, *shape[batch + 1 :])
        return [TensorSpec(input_dtype(ctx), shape)]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        seq, batch = int_attr(low, "seq_dim"), int_attr(low, "batch_dim")
        if {seq, batch} != {0, 1}:
            low.fail("ONNX reverses sequences in the first two dimensions only")
        inputs = [low.inputs[0], int64_input(low, 1)]
        return [low.op("ReverseSequence", inputs, time_axis=seq, batch_axis=batch)]


class InvertPermutation(Op):
    """``y[x[k]] = k``."""

    names = ("InvertPermutation",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        (length,) = with_rank(ctx.spec(0), 1)
        items = ints_of(ctx.spec(0))
        if items is not None and None not in items and sorted(i or 0 for i in items) != list(range(len(items))):
            raise InferError(f"{list(items[:8])} is no permutation")
        return [TensorSpec(input_dtype(ctx), (length,))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x = values[0]
        if x.ndim != 1 or not np.array_equal(np.sort(x), np.arange(x.size)):
            return None
        return [np.argsort(x).astype(x.dtype)]


class MatrixBandPart(Op):
    """The innermost matrices with everything outside a band around the diagonal set to zero."""

    names = ("MatrixBandPart",)
    arity = (3, 3)
    types = {"T": 0, "Tindex": 1}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = ctx.spec(0).shape
        if shape is not None and len(shape) < 2:
            raise InferError(f"{ctx.spec(0)} holds no matrices")
        return [TensorSpec(input_dtype(ctx), shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, lower, upper = values
        return None if ctx.dtype() is DType.STRING else computed(lambda: [_band(x, int(lower), int(upper))])


def _band(x: Array, lower: int, upper: int) -> Array:
    rows, columns = x.shape[-2:]
    above = np.arange(columns)[None, :] - np.arange(rows)[:, None]
    inside = ((lower < 0) | (-above <= lower)) & ((upper < 0) | (above <= upper))
    return np.where(inside, x, np.zeros((), x.dtype))
