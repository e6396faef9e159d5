"""Padding with a value or with the tensor's own mirror image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import HasAttrs, input_dtype
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import NUMBERS, compute_dtype
from graphdoctor.ops.dims import ints_of, plus, same_dim
from graphdoctor.ops.values import as_dtype, carried, computed, int64_input, limited, wants_constant
from graphdoctor.types import Array, Dim, DType, Shape

_PADS = (NUMBERS | {DType.BOOL}) - {DType.INT16, DType.UINT16}
"""What ONNX Runtime has Pad for."""
Rows = tuple[tuple[Dim, Dim], ...]
"""What is added in front of and behind each dimension."""


def pad_rows(spec: TensorSpec, shape: Shape) -> Rows | None:
    """The paddings input [rank, 2] row by row; ``None`` if not even their number is known.

    Raises:
        InferError: there is not one row per dimension of ``shape``, or a padding is negative.
    """
    rank = None if shape is None else len(shape)
    if spec.shape is not None:
        if len(spec.shape) != 2:
            raise InferError(f"paddings are a matrix [rank, 2], not {spec}")
        rank = same_dim(rank, spec.shape[0])
        same_dim(spec.shape[1], 2)
    items = ints_of(spec)
    if items is None:
        return None if rank is None or shape is None else ((None, None),) * rank
    if any(i is not None and i < 0 for i in items):
        raise InferError("a padding is negative")
    return tuple(zip(items[::2], items[1::2], strict=True))


class _Padded(Op):
    types = {"T": 0, "Tpaddings": 1}
    layout = Layout("paddings", arg=1)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = ctx.spec(0).shape
        rows = pad_rows(ctx.spec(1), shape)
        out: Shape = None
        if rows is not None:
            dims = shape or (None,) * len(rows)
            self.check(ctx, dims, rows)
            out = tuple(plus(d, a, b) for d, (a, b) in zip(dims, rows, strict=True))
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), out)], data=(0,))

    def check(self, ctx: OpContext, dims: Sequence[Dim], rows: Rows) -> None:
        """Raises InferError if the paddings do not fit the dimensions."""

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        if ctx.dtype() is DType.STRING:
            return None
        return computed(lambda: [self.padded(ctx, values, _limited_rows(*values[:2]))])

    def padded(self, ctx: OpContext, values: Sequence[Array], rows: list[tuple[int, int]]) -> Array:
        """``values[0]`` with ``rows`` added."""
        raise NotImplementedError


def _limited_rows(x: Array, paddings: Array) -> list[tuple[int, int]]:
    rows = [(int(a), int(b)) for a, b in paddings.reshape(-1, 2)]
    limited([d + a + b for d, (a, b) in zip(x.shape, rows, strict=True)])
    return rows


class Pad(_Padded):
    """The input in a frame of zeros, or of the value that input 2 of ``PadV2`` says."""

    names = ("Pad", "PadV2")
    arity = (2, 3)
    onnx = ("Pad", "Cast", "Transpose", "Reshape")
    uff = ("Pad",)

    def padded(self, ctx: OpContext, values: Sequence[Array], rows: list[tuple[int, int]]) -> Array:
        fill = values[2].reshape(-1)[0] if len(values) > 2 else 0
        return np.pad(values[0], rows, constant_values=fill)

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [_padded(low, "constant")]

    def to_uff(self, low: UffLowering) -> None:
        if low.node.op != "Pad":
            fill = low.constant(2)
            if fill is None or fill.any():
                low.fail("UFF pads with zeros alone")
        low.emit("Pad", [low.input(0), low.input(1)])


def _padded(low: Lowering, mode: str) -> str:
    dtype = low.specs[0].dtype
    wide = compute_dtype(low, dtype, _PADS, "Pad")
    x, *value = (as_dtype(low, low.inputs[k], dtype, wide) for k in range(len(low.inputs)) if k != 1)
    return as_dtype(low, low.op("Pad", [x, _onnx_pads(low), *value], mode=mode), wide, dtype)


def _onnx_pads(low: Lowering) -> str:
    """All paddings in front, then all behind."""
    rows = low.constant(1)
    if rows is not None:
        return low.const(np.asarray(rows, dtype=np.int64).T.reshape(-1))
    columns = low.op("Transpose", [int64_input(low, 1)], perm=[1, 0])
    return low.op("Reshape", [columns, low.const([-1])])


class MirrorPad(_Padded):
    """The input continued by its mirror image, without (``REFLECT``) or with (``SYMMETRIC``) the edge itself."""

    names = ("MirrorPad",)
    arity = (2, 2)
    onnx = ("Pad", "Cast", "Transpose", "Reshape", "Slice", "Concat")

    def check(self, ctx: OpContext, dims: Sequence[Dim], rows: Rows) -> None:
        edge = 1 if _mode(ctx) == "REFLECT" else 0
        for dim, row in zip(dims, rows, strict=True):
            if dim is not None and max(row[0] or 0, row[1] or 0) > max(dim - edge, 0):
                raise InferError(f"a dimension of {dim} has no mirror image of {row[0]} and {row[1]}")

    def padded(self, ctx: OpContext, values: Sequence[Array], rows: list[tuple[int, int]]) -> Array:
        self.check(ctx, values[0].shape, tuple(rows))
        return np.pad(values[0], rows, mode="reflect" if _mode(ctx) == "REFLECT" else "symmetric")

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        if _mode(low) == "REFLECT":
            return [_padded(low, "reflect")]
        x = low.inputs[0]
        for axis, (front, behind) in enumerate(wants_constant(low, 1, "the padding")):
            x = _symmetric(low, x, axis, int(front), int(behind))
        return [x]


def _mode(ctx: HasAttrs) -> str:
    mode = ctx.attr("mode")
    if mode not in ("REFLECT", "SYMMETRIC"):
        raise InferError("attribute mode is neither REFLECT nor SYMMETRIC")
    return str(mode)


def _symmetric(low: Lowering, x: str, axis: int, front: int, behind: int) -> str:
    """``x`` with its first ``front`` and last ``behind`` slices mirrored; ONNX has no mode for it."""
    axes, back = low.const([axis]), low.const([-1])
    parts = [x]
    if front:
        stop = np.iinfo(np.int64).min
        parts.insert(0, low.op("Slice", [x, low.const([front - 1]), low.const([stop]), axes, back]))
    if behind:
        parts.append(low.op("Slice", [x, low.const([-1]), low.const([-behind - 1]), axes, back]))
    return low.op("Concat", parts, axis=axis) if len(parts) > 1 else x
