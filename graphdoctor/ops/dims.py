"""Axes, dimensions and shapes that op families compute with; ``None`` is unknown throughout."""

from __future__ import annotations

from graphdoctor.ir import TensorSpec
from graphdoctor.ir.spec import PARTIAL_LIMIT
from graphdoctor.ops.base import InferError
from graphdoctor.types import Array, Dim, DType, Shape, dims_text, element_count

INT64_MAX = (1 << 63) - 1
INT64_MIN = -(1 << 63)


def valid_dim(dim: Dim) -> Dim:
    """``dim`` if it can be one.

    Raises:
        InferError: it is negative, or over what an int64 holds.
    """
    if dim is not None and not 0 <= dim <= INT64_MAX:
        raise InferError(f"a dimension cannot be {dim}")
    return dim


def axis_of(axis: int, rank: int) -> int:
    """``axis`` counted from the front.

    Raises:
        InferError: a tensor of ``rank`` dimensions has no such axis.
    """
    if not -rank <= axis < rank:
        raise InferError(f"axis {axis} is out of range for rank {rank}")
    return axis + rank if axis < 0 else axis


def same_dim(a: Dim, b: Dim) -> Dim:
    """The dimension that both are.

    Raises:
        InferError: they differ.
    """
    if a is not None and b is not None and a != b:
        raise InferError(f"dimensions {a} and {b} are not equal")
    return b if a is None else a


def same_shape(a: Shape, b: Shape) -> Shape:
    """The shape that both are.

    Raises:
        InferError: they differ.
    """
    if a is None or b is None:
        return b if a is None else a
    if len(a) != len(b) or any(x != y for x, y in zip(a, b, strict=True) if x is not None and y is not None):
        raise InferError(f"shapes {dims_text(a)} and {dims_text(b)} do not match")
    return tuple(same_dim(x, y) for x, y in zip(a, b, strict=True))


def with_rank(spec: TensorSpec, rank: int, what: str = "the input") -> tuple[Dim, ...]:
    """The dimensions of ``spec``, unknown ones where its rank is unknown.

    Raises:
        InferError: it has another rank.
    """
    if spec.shape is None:
        return (None,) * rank
    if len(spec.shape) != rank:
        raise InferError(f"{what} has rank {len(spec.shape)}, not {rank}")
    return spec.shape


def plus(*dims: Dim) -> Dim:
    """The sum, unknown if a part is."""
    total = 0
    for d in dims:
        if d is None:
            return None
        total += d
    return total


def times(*dims: Dim) -> Dim:
    """The product, unknown if a part is."""
    total = 1
    for d in dims:
        if d is None:
            return None
        total *= d
    return total


def ints_of(spec: TensorSpec) -> tuple[Dim, ...] | None:
    """Elements of a small integer tensor, ``None`` at unknown ones; ``None`` if their number is unknown.

    Raises:
        InferError: the tensor is known to hold something else than integers.
    """
    if spec.dtype is not DType.INVALID and not spec.dtype.is_integer:
        raise InferError(f"{spec.dtype.label} stands where integers are wanted")
    if spec.value is not None and spec.value.dtype.kind in "iuO":
        return spec.ints()
    count = element_count(spec.shape)
    return None if count is None or count > PARTIAL_LIMIT else (None,) * count


def int_of(spec: TensorSpec) -> int | None:
    """The only element of an integer tensor, ``None`` if unknown.

    Raises:
        InferError: it is no integer, or not one element.
    """
    items = ints_of(spec)
    if items is None:
        return None
    if len(items) != 1:
        raise InferError(f"{spec} stands where one integer is wanted")
    return items[0]


def shape_of_value(spec: TensorSpec) -> Shape:
    """The shape that the integer vector ``spec`` says.

    Raises:
        InferError: it is no integer vector, or says a negative dimension.
    """
    if spec.shape is not None and len(spec.shape) > 1:
        raise InferError(f"a shape is a vector, not {spec}")
    items = ints_of(spec)
    return None if items is None else tuple(valid_dim(d) for d in items)


def axes_of(array: Array, rank: int) -> tuple[int, ...]:
    """Axes that a constant holds, counted from the front.

    Raises:
        InferError: one is out of range, or stands twice.
    """
    axes = tuple(axis_of(int(a), rank) for a in array.reshape(-1).tolist())
    if len(set(axes)) != len(axes):
        raise InferError(f"axes {list(axes)} name one axis twice")
    return axes
