"""Reshape: what can be said of its result, and how to keep it free of a fixed batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphdoctor.ir import Node, TensorSpec
from graphdoctor.ops.attributes import input_dtype
from graphdoctor.ops.base import InferError, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.dims import ints_of, valid_dim
from graphdoctor.ops.origin import dim_origin, element_origin
from graphdoctor.ops.values import carried, computed, int64_input
from graphdoctor.types import Array, Dim, Shape, dims_text, element_count


class Reshape(Op):
    """Input 0 in the shape that input 1 says, where one -1 stands for whatever is left over."""

    names = ("Reshape",)
    arity = (2, 2)
    types = {"T": 0, "Tshape": 1}
    onnx = ("Reshape", "Cast")
    uff = ("Reshape", "Flatten")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        wanted = _wanted(ctx.spec(1))
        shape = None if wanted is None else _result(ctx.node, ctx.spec(0).shape, wanted)
        return carried(self, ctx, [TensorSpec(input_dtype(ctx), shape)], data=(0,))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return computed(lambda: [values[0].reshape(values[1].reshape(-1).tolist())])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dims = _lowered_dims(low)
        if dims is None:
            return [low.op("Reshape", [low.inputs[0], int64_input(low, 1)])]
        zero: dict[str, Any] = {} if _copies(low, dims) or 0 not in dims else {"allowzero": 1}
        return [low.op("Reshape", [low.inputs[0], low.const(dims)], **zero)]

    def to_uff(self, low: UffLowering) -> None:
        if is_flatten(low.node) and low.outputs[0].rank == 2 and _has_one_order(low.specs[0].shape):
            low.emit("Flatten", [low.input()])
        else:
            low.emit("Reshape", [low.input(0), low.input(1)])


def is_flatten(node: Node) -> bool:
    """True for a Reshape of which the old UFF converter makes a Flatten, dropping the shape: its scope says flatten."""
    return node.op == "Reshape" and "flatten" in node.scope.rpartition("/")[2].lower()


def _has_one_order(shape: Shape) -> bool:
    """True if it is the same whether the channels stand first or last: one channel, or one place."""
    return shape is not None and (len(shape) < 3 or shape[-1] == 1 or element_count(shape[1:-1]) == 1)


def settled_dims(wanted: Sequence[Dim], result: Shape) -> tuple[int, ...] | None:
    """The shape to give in place of ``wanted``: in full, or with one -1 that follows from the number of elements.

    Args:
        wanted: the elements of the shape input, as far as they are known; at most one is -1.
        result: what is known of the shape of the result. A -1 that it settles is no longer open.

    Returns:
        ``None`` where two dimensions stay open, and where one does beside a 0: then nothing follows from the count.
    """
    if result is None or len(result) != len(wanted):
        result = tuple(None if d == -1 else d for d in wanted)
    dims = [r if d in (None, -1) else d for d, r in zip(wanted, result, strict=True)]
    if dims.count(None) > 1 or (None in dims and 0 in dims):
        return None
    return tuple(-1 if d is None else d for d in dims)


def _wanted(spec: TensorSpec) -> tuple[Dim, ...] | None:
    """The elements of the shape input, at most one -1 among them."""
    if spec.rank is not None and spec.rank > 1:
        raise InferError(f"the shape is a vector, not {spec}")
    items = ints_of(spec)
    if items is None:
        return None
    if items.count(-1) > 1:
        raise InferError(f"shape {dims_text(items)} has more than one -1")
    for d in items:
        if d != -1:
            valid_dim(d)
    return items


@dataclass(slots=True)
class _Side:
    """One side of the equation that both shapes have as many elements: a known factor, and unknown ones."""

    factor: int
    unknown: int

    @classmethod
    def of(cls, dims: Sequence[Dim]) -> _Side:
        factor = 1
        for d in dims:
            factor *= 1 if d is None else d
        return cls(factor, sum(d is None for d in dims))


def _result(node: Node, shape: Shape, wanted: tuple[Dim, ...]) -> Shape:
    """The shape of the result, with what follows from both having as many elements."""
    if shape is None:
        return tuple(None if d == -1 else d for d in wanted)
    if None in wanted and None in shape:
        shape, rest = _cancelled(node, shape, wanted)
    else:
        rest = wanted
    have, want = _Side.of(shape), _Side.of([d for d in rest if d != -1])
    if -1 in wanted:
        return tuple(_left_over(have, want) if d == -1 else d for d in wanted)
    free = [k for k, d in enumerate(wanted) if d is None]
    if want.unknown == 1 == len(free) and have.unknown == 0 and want.factor:
        return tuple(_left_over(have, want) if d is None else d for d in wanted)
    _check_count(have, want, shape, rest)
    return wanted


def _cancelled(node: Node, shape: tuple[Dim, ...], wanted: tuple[Dim, ...]) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
    """Both shapes without the unknown dimensions that are provably the same."""
    left, right = list(shape), list(wanted)
    for at, axis in _kept_dims(node, shape, wanted).items():
        left[axis] = right[at] = 1
    return tuple(left), tuple(right)


def _kept_dims(node: Node, shape: tuple[Dim, ...], wanted: Sequence[Dim]) -> dict[int, int]:
    """Position in ``wanted`` -> unknown axis of the input that the unknown element there provably is."""
    if len(node.inputs) != 2:
        return {}
    axes = {dim_origin(node.inputs[0], k): k for k, d in enumerate(shape) if d is None}
    kept: dict[int, int] = {}
    for at, d in enumerate(wanted):
        origin = element_origin(node.inputs[1], at) if d is None else None
        if origin in axes:
            kept[at] = axes.pop(origin)
    return kept


def _left_over(have: _Side, want: _Side) -> Dim:
    """The dimension that -1 stands for; beside a 0 it is left unknown."""
    if have.unknown or want.unknown or want.factor == 0:
        return None
    if have.factor % want.factor:
        raise InferError(f"{have.factor} elements cannot be divided into {want.factor}")
    return have.factor // want.factor


def _check_count(have: _Side, want: _Side, shape: Shape, wanted: Shape) -> None:
    exact = not have.unknown and not want.unknown and have.factor != want.factor
    over = want.unknown == 0 and have.unknown and (want.factor % have.factor if have.factor else want.factor)
    under = have.unknown == 0 and want.unknown and (have.factor % want.factor if want.factor else have.factor)
    if exact or over or under:
        raise InferError(f"{dims_text(shape)} cannot be reshaped to {dims_text(wanted)}: not as many elements")


def _lowered_dims(low: Lowering) -> list[int] | None:
    """A constant shape for ONNX, with at most one -1, and 0 where the input's dimension is kept in its place."""
    items, shape = ints_of(low.specs[1]), low.outputs[0].shape
    if items is None or (shape is not None and len(shape) != len(items)):
        return None
    known = [None if d == -1 else d for d in items]
    if shape is not None:
        known = [s if d is None else d for d, s in zip(known, shape, strict=True)]
    free = [k for k, d in enumerate(known) if d is None]
    if len(free) > 1 and 0 not in known:
        for at in _kept_in_place(low):
            if len(free) > 1 and at in free:
                known[at] = 0
                free.remove(at)
    if len(free) > 1 or (free and 0 in known and not _copies(low, known)):
        return None
    return [-1 if d is None else d for d in known]


def _kept_in_place(low: Lowering) -> list[int]:
    shape, items = low.specs[0].shape, ints_of(low.specs[1])
    if shape is None or items is None:
        return []
    return [at for at, axis in _kept_dims(low.node, shape, items).items() if at == axis]


def _copies(low: Lowering, dims: Sequence[Dim]) -> bool:
    """True if every 0 in ``dims`` means that the input's dimension is kept."""
    kept = _kept_in_place(low)
    return all(at in kept for at, d in enumerate(dims) if d == 0)
