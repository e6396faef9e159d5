"""What elementwise ops share: broadcast shapes, partly known values, and dtypes that ONNX Runtime computes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import HasAttrs
from graphdoctor.ops.base import InferError, Lowering, Op, OpContext
from graphdoctor.ops.values import computed
from graphdoctor.types import Array, Dim, DType, Shape, dims_text

FLOATS = frozenset((DType.HALF, DType.FLOAT, DType.DOUBLE))
"""Floating-point types with ONNX Runtime kernels for most ops."""
SINGLE = frozenset((DType.HALF, DType.FLOAT))
"""What is left for ops that ONNX Runtime's CPU kernels lack in float64."""
WIDE = FLOATS | {DType.INT32, DType.INT64}
"""Types that every arithmetic op of ONNX takes."""
NUMBERS = WIDE | {DType.INT8, DType.UINT8, DType.INT16, DType.UINT16, DType.UINT32, DType.UINT64}

_WIDER = {
    DType.INT8: DType.INT32,
    DType.UINT8: DType.INT32,
    DType.INT16: DType.INT32,
    DType.UINT16: DType.INT32,
    DType.INT32: DType.INT64,
    DType.UINT32: DType.INT64,
    DType.HALF: DType.FLOAT,
    DType.BOOL: DType.INT32,
}


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of an elementwise result, as numpy and TensorFlow broadcast.

    Raises:
        InferError: two known dimensions differ and neither is 1.
    """
    if a is None or b is None:
        return None
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    try:
        return tuple(_broadcast_dim(x, y) for x, y in pairs)
    except InferError as e:
        raise InferError(f"{dims_text(a)} and {dims_text(b)} do not broadcast: {e}") from e


def _broadcast_dim(x: Dim, y: Dim) -> Dim:
    if x == 1 or y == 1:
        return y if x == 1 else x
    if x is not None and y is not None and x != y:
        raise InferError(f"{x} is not {y}")
    return y if x is None else x


def broadcast_all(specs: Iterable[TensorSpec]) -> Shape:
    """The shape that ``specs`` broadcast to.

    Raises:
        InferError: they do not.
    """
    shape: Shape = ()
    known = True
    for spec in specs:
        if spec.shape is None:
            known = False
        else:
            shape = broadcast(shape, spec.shape)
    return shape if known else None


def same_dtype(ctx: OpContext, indices: Iterable[int], key: str = "T") -> DType:
    """The dtype that attribute ``key`` or the inputs ``indices`` have.

    Raises:
        InferError: they have different ones.
    """
    declared = ctx.attr(key)
    found = declared if isinstance(declared, DType) else DType.INVALID
    for index in indices:
        dtype = ctx.spec(index).dtype
        if found is DType.INVALID:
            found = dtype
        elif dtype not in (DType.INVALID, found):
            raise InferError(f"input {index} is {dtype.label} where {found.label} is wanted")
    return found


def float_attr(node: HasAttrs, key: str) -> float:
    """Float attribute ``key``, or its default.

    Raises:
        InferError: it is no number.
    """
    value = node.attr(key)
    if not isinstance(value, (int, float)) or isinstance(value, (bool, DType)):
        raise InferError(f"attribute {key} is no number")
    return float(value)


def with_partial(op: Op, ctx: OpContext, spec: TensorSpec) -> list[TensorSpec]:
    """``spec`` of the only output of an elementwise op, with the elements that follow from known ones."""
    values = [s.value for s in ctx.inputs]
    known = [v for v in values if v is not None]
    whole = spec.dtype.is_integer or spec.dtype is DType.BOOL
    if not whole or len(known) < len(values) or all(v.dtype != object for v in known):
        return [spec]
    folded = op.fold(ctx, [_filled(v, s.dtype) for v, s in zip(known, ctx.inputs, strict=True)])
    if folded is None:
        return [spec]
    unknown = _unknown(known)
    partial = folded[0].astype(object)
    partial[np.broadcast_to(unknown, partial.shape)] = None
    return [spec if unknown.all() else TensorSpec(spec.dtype, tuple(partial.shape), partial)]


def _filled(value: Array, dtype: DType) -> Array:
    """``value`` with 1 (no division fails by it) at unknown elements."""
    if value.dtype != object:
        return value
    return np.where(_missing(value), 1, value).astype(dtype.numpy or np.int64)


def _unknown(values: Sequence[Array]) -> Array:
    flags = np.zeros((), dtype=bool)
    for value in values:
        flags = flags | (_missing(value) if value.dtype == object else np.zeros(value.shape, dtype=bool))
    return np.asarray(flags)


def _missing(value: Array) -> Array:
    return np.array([v is None for v in value.reshape(-1).tolist()], dtype=bool).reshape(value.shape)


def quiet(compute: Callable[[], Array], dtype: DType) -> list[Array] | None:
    """The one result of ``compute`` in ``dtype``, no warning on overflow or division by zero; ``None`` if it raises."""
    kind = dtype.numpy
    return None if kind is None else computed(lambda: [compute().astype(kind, copy=False)])


def rounded(function: Callable[..., Array], values: Sequence[Array], dtype: DType) -> list[Array] | None:
    """``function`` computed in float64 and rounded once to ``dtype``; ``None`` if that is no float."""
    if dtype not in FLOATS:
        return None
    return quiet(lambda: function(*(v.astype(np.float64) for v in values)), dtype)


def compute_dtype(low: Lowering, dtype: DType, domain: frozenset[DType], what: str) -> DType:
    """The narrowest dtype of ``domain`` that holds every value of ``dtype``.

    Raises:
        CannotLowerError: there is none.
    """
    chosen = dtype
    while chosen not in domain and chosen in _WIDER:
        chosen = _WIDER[chosen]
    if chosen not in domain:
        low.fail(f"ONNX Runtime's {what} does not compute in {dtype.label}")
    return chosen


def widened(low: Lowering, names: Sequence[str], dtype: DType, chosen: DType) -> list[str]:
    """``names``, cast where ``chosen`` is not ``dtype``."""
    return list(names) if chosen is dtype else [low.cast(n, chosen) for n in names]


def narrowed(low: Lowering, name: str, chosen: DType, dtype: DType) -> str:
    """``name`` cast back to ``dtype``."""
    return name if chosen is dtype else low.cast(name, dtype)


def scalar_of(low: Lowering, value: float, dtype: DType) -> str:
    """A constant of rank 0 in ``dtype``."""
    return low.const(np.asarray(value, dtype=dtype.numpy), dtype=dtype)


def data_dtype(low: Lowering, index: int = 0) -> DType:
    """The dtype of data input ``index``.

    Raises:
        CannotLowerError: it is not known.
    """
    dtype = low.specs[index].dtype
    if dtype is DType.INVALID:
        low.fail(f"the dtype of input {index} is unknown")
    return dtype
