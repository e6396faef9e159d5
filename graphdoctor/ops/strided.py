"""StridedSlice with all its masks, and Slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import HasAttrs, input_dtype, int_attr
from graphdoctor.ops.base import InferError, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.dims import INT64_MAX, INT64_MIN, axis_of, ints_of
from graphdoctor.ops.values import as_dtype, carried, computed, int64_input, wants_rank
from graphdoctor.types import Array, Dim, DType

_MAX_TERMS = 64
_Part = int | tuple[Dim, int]
"""One bound: a number, or a number that may be unknown and its place in the input."""


@dataclass(frozen=True, slots=True)
class _Term:
    """What one position of the result, or of the input, becomes.

    ``keep``: the whole axis; ``slice``: a part of it; ``index``: one element of it, the axis vanishes;
    ``new``: an axis of 1 that the input does not have. ``at`` is the position in begin, end and strides.
    """

    kind: Literal["keep", "slice", "index", "new"]
    axis: int
    at: int


@dataclass(frozen=True, slots=True)
class _Masks:
    begin: int
    end: int
    ellipsis: int
    new: int
    shrink: int

    @classmethod
    def of(cls, ctx: HasAttrs) -> _Masks:
        names = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
        return cls(*(int_attr(ctx, n) for n in names))


def _terms(masks: _Masks, count: int, rank: int) -> list[_Term]:
    """The slicing expression of ``count`` positions, spelled out for an input of ``rank`` dimensions.

    Raises:
        InferError: it has two ellipses, or more positions than the input has dimensions.
    """
    ellipses = [i for i in range(count) if masks.ellipsis >> i & 1]
    if len(ellipses) > 1:
        raise InferError("ellipsis_mask names more than one ellipsis")
    taken = _taken(masks, count)
    if taken > rank:
        raise InferError(f"{taken} indices are given for a tensor of rank {rank}")
    terms: list[_Term] = []
    axis = 0
    for i in range(count):
        if i in ellipses:
            terms += [_Term("keep", axis + k, i) for k in range(rank - taken)]
            axis += rank - taken
        elif masks.new >> i & 1:
            terms.append(_Term("new", axis, i))
        else:
            terms.append(_Term("index" if masks.shrink >> i & 1 else "slice", axis, i))
            axis += 1
    return terms + [_Term("keep", k, count) for k in range(axis, rank)]


def _taken(masks: _Masks, count: int) -> int:
    """How many dimensions of the input the positions name, the ellipsis aside."""
    return sum(1 for i in range(count) if not (masks.ellipsis | masks.new) >> i & 1)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """begin, end and strides with ``None`` at unknown elements, and the masks that replace some."""

    begin: Sequence[Dim]
    end: Sequence[Dim]
    strides: Sequence[Dim]
    masks: _Masks

    def dim(self, term: _Term, dim: Dim) -> Dim:
        """The length of a sliced axis of ``dim``, or the unknown length if something is not known."""
        step = self.strides[term.at]
        if step == 0:
            raise InferError(f"stride {term.at} is 0")
        ends = self.ends(term)
        if step is None or dim is None or ends is None:
            whole = ends == (None, None) and step in (1, -1)
            return dim if whole else None
        return len(range(*slice(*ends, step).indices(dim)))

    def ends(self, term: _Term) -> tuple[int | None, int | None] | None:
        """First and last index, ``None`` for an open end; ``None`` altogether if one is unknown."""
        open_begin, open_end = self.masks.begin >> term.at & 1, self.masks.end >> term.at & 1
        begin, end = self.begin[term.at], self.end[term.at]
        if (begin is None and not open_begin) or (end is None and not open_end):
            return None
        return None if open_begin else begin, None if open_end else end

    def check_index(self, term: _Term, dim: Dim) -> None:
        """Raises InferError if a known index lies outside a known axis, or has a stride that goes backwards."""
        index, step = self.begin[term.at], self.strides[term.at]
        if step is not None and step < 1:
            raise InferError(f"stride {term.at} is {step} at an axis of which one element is taken")
        if index is not None and dim is not None:
            axis_of(index, dim)


class StridedSlice(Op):
    """Python's ``x[begin:end:strides]``; bits of the five masks turn a position into ``...`` or something else."""

    names = ("StridedSlice",)
    arity = (4, 4)
    types = {"T": 0, "Index": 1}
    onnx = ("Slice", "Squeeze", "Unsqueeze", "Gather", "Cast", "Concat")
    uff = ("StridedSlice",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype, shape, masks = input_dtype(ctx), ctx.spec(0).shape, _Masks.of(ctx)
        bounds = _bounds(ctx.inputs, masks)
        if shape is None or bounds is None:
            return [TensorSpec(dtype)]
        dims: list[Dim] = []
        for term in _terms(masks, len(bounds.begin), len(shape)):
            dim = 1 if term.kind == "new" else shape[term.axis]
            if term.kind == "index":
                bounds.check_index(term, dim)
            else:
                dims.append(bounds.dim(term, dim) if term.kind == "slice" else dim)
        return carried(self, ctx, [TensorSpec(dtype, tuple(dims))], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [_sliced(values, _Masks.of(ctx))])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        masks = _Masks.of(low)
        bounds = _bounds(low.specs, masks)
        if bounds is None:
            low.fail("the number of its indices is unknown")
        if None in bounds.strides:
            low.fail("its strides are computed at run time, which ONNX does not allow")
        count = len(bounds.begin)
        rank = wants_rank(low) if masks.ellipsis else low.specs[0].rank
        terms = _terms(masks, count, _taken(masks, count) if rank is None else rank)
        x = _lowered_slices(low, bounds, [t for t in terms if t.kind == "slice"])
        for term in reversed([t for t in terms if t.kind == "index"]):
            x = low.op("Gather", [x, _element(low, bounds.begin, term)], axis=term.axis)
        new = [k for k, t in enumerate(t for t in terms if t.kind != "index") if t.kind == "new"]
        return [low.op("Unsqueeze", [x, low.const(new)]) if new else x]

    def to_uff(self, low: UffLowering) -> None:
        masks = _Masks.of(low)
        if masks.ellipsis or masks.new:
            low.fail("UFF's StridedSlice knows no ellipsis and no new axis")
        inputs = [low.input(k) for k in range(4)]
        low.emit("StridedSlice", inputs, begin_mask=masks.begin, end_mask=masks.end, shrink_axis_mask=masks.shrink)


def _bounds(specs: Sequence[TensorSpec], masks: _Masks) -> _Bounds | None:
    """What is known of the bounds; ``None`` if not even their number is."""
    vectors = [ints_of(s) for s in specs[1:4]]
    lengths = {len(v) for v in vectors if v is not None}
    if not lengths:
        return None
    if len(lengths) > 1 or max(lengths) > _MAX_TERMS:
        raise InferError(f"begin, end and strides have {sorted(lengths)} elements")
    blank = (None,) * lengths.pop()
    begin, end, strides = (blank if v is None else v for v in vectors)
    return _Bounds(begin, end, strides, masks)


def _sliced(values: Sequence[Array], masks: _Masks) -> Array:
    x = values[0]
    begin, end, strides = ([int(i) for i in v.reshape(-1)] for v in values[1:4])
    bounds = _Bounds(begin, end, strides, masks)
    key: list[slice | int | None] = []
    for term in _terms(masks, len(begin), x.ndim):
        if term.kind == "slice":
            first, last = bounds.ends(term) or (None, None)
            key.append(slice(first, last, strides[term.at]))
        elif term.kind == "index":
            bounds.check_index(term, x.shape[term.axis])
            key.append(begin[term.at])
        else:
            key.append(None if term.kind == "new" else slice(None))
    return np.asarray(x[tuple(key)], dtype=x.dtype)


def _element(low: Lowering, known: Sequence[Dim], term: _Term) -> str:
    """Where ``begin`` points in the axis of ``term``, as a scalar; from the front where the axis is known."""
    value = known[term.at]
    if value is None:
        return low.op("Gather", [low.inputs[1], low.const(np.asarray(term.at, dtype=np.int64))], axis=0)
    shape = low.specs[0].shape
    size = None if shape is None else shape[term.axis]
    # TensorRT 8.0 takes no negative index.
    front = value + size if value < 0 and size is not None else value
    return low.const(np.asarray(front, dtype=np.int64))


def _lowered_slices(low: Lowering, bounds: _Bounds, terms: list[_Term]) -> str:
    """Input 0 after one Slice over the axes of ``terms`` that it does not keep whole."""
    starts: list[_Part] = []
    ends: list[_Part] = []
    axes: list[int] = []
    steps: list[int] = []
    for term in terms:
        step = bounds.strides[term.at] or 1
        if bounds.ends(term) == (None, None) and step == 1:
            continue
        first, last = (0, INT64_MAX) if step > 0 else (INT64_MAX, INT64_MIN)
        starts.append(first if bounds.masks.begin >> term.at & 1 else (bounds.begin[term.at], term.at))
        ends.append(last if bounds.masks.end >> term.at & 1 else (bounds.end[term.at], term.at))
        axes.append(term.axis)
        steps.append(step)
    if not axes:
        return low.inputs[0]
    bound = [_index_vector(low, 1, starts), _index_vector(low, 2, ends)]
    return low.op("Slice", [low.inputs[0], *bound, low.const(axes), low.const(steps)])


def _index_vector(low: Lowering, source: int, parts: Sequence[_Part]) -> str:
    """``parts`` as an int64 vector; what is unknown is taken from input ``source``."""
    numbers = [p if isinstance(p, int) else p[0] for p in parts]
    known = [n for n in numbers if n is not None]
    if len(known) == len(parts):
        return low.const(known)
    whole = as_dtype(low, low.inputs[source], low.specs[source].dtype, DType.INT64)
    in_order = all(not isinstance(p, int) and p[1] == k for k, p in enumerate(parts))
    if in_order and low.specs[source].shape == (len(parts),):
        return whole
    return low.op("Concat", [_piece(low, whole, p) for p in parts], axis=0)


def _piece(low: Lowering, whole: str, part: _Part) -> str:
    number, at = (part, 0) if isinstance(part, int) else part
    if number is not None:
        return low.const([number])
    return low.op("Slice", [whole, low.const([at]), low.const([at + 1]), low.const([0])])


class Slice(Op):
    """``size`` elements from ``begin`` on along each axis; -1 is all that follow."""

    names = ("Slice",)
    arity = (3, 3)
    types = {"T": 0, "Index": 1}
    onnx = ("Slice", "Cast", "Add", "Equal", "Where")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape, dtype = ctx.spec(0).shape, input_dtype(ctx)
        begin, size = ints_of(ctx.spec(1)), ints_of(ctx.spec(2))
        lengths = {len(v) for v in (shape, begin, size) if v is not None}
        if len(lengths) > 1:
            raise InferError(f"rank, begin and size have {sorted(lengths)} elements")
        if not lengths:
            return [TensorSpec(dtype)]
        blank = (None,) * lengths.pop()
        each = zip(shape or blank, begin or blank, size or blank, strict=True)
        out = tuple(_slice_dim(d, b, s) for d, b, s in each)
        return carried(self, ctx, [TensorSpec(dtype, out)], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [_cut_out(*values)])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        rank = low.outputs[0].rank
        if rank is None:
            low.fail("the rank of input 0 is unknown; give the shape of the graph's inputs")
        if rank == 0:
            return [low.inputs[0]]
        begin, size = ints_of(low.specs[1]), ints_of(low.specs[2])
        if begin is not None and size is not None and None not in begin and None not in size:
            ends = [INT64_MAX if s == -1 else (b or 0) + (s or 0) for b, s in zip(begin, size, strict=True)]
            first, last = low.const([b or 0 for b in begin]), low.const(ends)
        else:
            first, last = _ends_at_run_time(low, size)
        return [low.op("Slice", [low.inputs[0], first, last, low.const(list(range(rank)))])]


def _ends_at_run_time(low: Lowering, size: Sequence[Dim] | None) -> tuple[str, str]:
    first, length = int64_input(low, 1), int64_input(low, 2)
    last = low.op("Add", [first, length])
    if size is None or -1 in size or None in size:
        rest = low.op("Equal", [length, low.const([-1])])
        last = low.op("Where", [rest, low.const([INT64_MAX]), last])
    return first, last


def _slice_dim(dim: Dim, begin: Dim, size: Dim) -> Dim:
    if (begin is not None and begin < 0) or (size is not None and size < -1):
        raise InferError(f"begin {begin} and size {size} cannot be negative")
    if dim is not None and max(begin or 0, (begin or 0) + (size or 0)) > dim:
        raise InferError(f"{size} elements from {begin} on are more than the dimension of {dim}")
    if size == -1:
        return None if dim is None or begin is None else dim - begin
    return size


def _cut_out(x: Array, begin: Array, size: Array) -> Array:
    firsts, sizes = ([int(i) for i in v.reshape(-1)] for v in (begin, size))
    lengths = [_slice_dim(d, b, s) or 0 for d, b, s in zip(x.shape, firsts, sizes, strict=True)]
    return x[tuple(slice(b, b + n) for b, n in zip(firsts, lengths, strict=True))]
