"""Attributes read with care: whatever a file holds under a name, the answer has the promised type."""

from __future__ import annotations

from typing import Any, Protocol

from graphdoctor.ops.base import InferError, OpContext
from graphdoctor.ops.dims import valid_dim
from graphdoctor.types import DType, Shape
from graphdoctor.wire.attrs import RefDType, ShapeValue, UnknownDType


class HasAttrs(Protocol):
    """What has attributes: an :class:`OpContext` and a :class:`Lowering`."""

    def attr(self, key: str) -> Any:
        """Attribute ``key``, or its default."""


def int_attr(ctx: HasAttrs, key: str, default: int = 0) -> int:
    """Integer attribute ``key``.

    Raises:
        InferError: it is no integer.
    """
    value = ctx.attr(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, (bool, DType)):
        raise InferError(f"attribute {key} is no integer")
    return value


def bool_attr(ctx: HasAttrs, key: str) -> bool:
    """Boolean attribute ``key``, absent false.

    Raises:
        InferError: it is no boolean.
    """
    value = ctx.attr(key)
    if value is not None and not isinstance(value, bool):
        raise InferError(f"attribute {key} is neither true nor false")
    return bool(value)


def ints_attr(ctx: HasAttrs, key: str) -> tuple[int, ...]:
    """List of integers ``key``, absent empty.

    Raises:
        InferError: it is no list of integers.
    """
    value = ctx.attr(key)
    items = () if value is None else value
    if not isinstance(items, tuple) or any(not isinstance(i, int) or isinstance(i, (bool, DType)) for i in items):
        raise InferError(f"attribute {key} is no list of integers")
    return items


def dtype_attr(ctx: HasAttrs, key: str, default: DType = DType.INVALID) -> DType:
    """Type attribute ``key``; a reference gives what it refers to, a type nobody knows INVALID.

    Raises:
        InferError: it is no type.
    """
    value = ctx.attr(key)
    return default if value is None else _dtype(value, key)


def input_dtype(ctx: OpContext, key: str = "T", slot: int = 0) -> DType:
    """The dtype of input ``slot``, which type attribute ``key`` repeats.

    Raises:
        InferError: input and attribute disagree.
    """
    stated, seen = dtype_attr(ctx, key), ctx.spec(slot).dtype
    if stated is not seen and DType.INVALID not in (stated, seen):
        raise InferError(f"input {slot} is {seen.label}, attribute {key} says {stated.label}")
    return seen if stated is DType.INVALID else stated


def dtypes_attr(ctx: HasAttrs, key: str) -> tuple[DType, ...]:
    """List of types ``key``, absent empty.

    Raises:
        InferError: it is no list of types.
    """
    return tuple(_dtype(v, key) for v in _items(ctx, key, "types"))


def shape_attr(ctx: HasAttrs, key: str = "shape") -> Shape:
    """Shape attribute ``key``; absent or of unknown rank ``None``.

    Raises:
        InferError: it is no shape, or has a negative dimension.
    """
    value = ctx.attr(key)
    return None if value is None else _dims(value, key)


def shapes_attr(ctx: HasAttrs, key: str) -> tuple[Shape, ...]:
    """List of shapes ``key``, absent empty.

    Raises:
        InferError: it is no list of shapes.
    """
    return tuple(_dims(v, key) for v in _items(ctx, key, "shapes"))


def _items(ctx: HasAttrs, key: str, what: str) -> tuple[object, ...]:
    value = ctx.attr(key)
    if value is None:
        return ()
    if not isinstance(value, tuple):
        raise InferError(f"attribute {key} is no list of {what}")
    return value


def _dtype(value: object, key: str) -> DType:
    if isinstance(value, RefDType):
        return value.base
    if isinstance(value, UnknownDType):
        return DType.INVALID
    if not isinstance(value, DType):
        raise InferError(f"attribute {key} is no type")
    return value


def _dims(value: object, key: str) -> Shape:
    if not isinstance(value, ShapeValue):
        raise InferError(f"attribute {key} is no shape")
    if value.dims is None:
        return None
    return tuple(valid_dim(None if d == -1 else d) for d in value.dims)
