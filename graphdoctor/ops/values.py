"""Values that are carried through inference, folded in numpy, or handed to ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from graphdoctor.errors import InputError
from graphdoctor.ir import TensorSpec
from graphdoctor.ir.spec import PARTIAL_LIMIT
from graphdoctor.ops.base import InferError, Lowering, Op, OpContext, UffLowering
from graphdoctor.types import Array, DType, Shape

FOLD_LIMIT = 1 << 24
"""``fold`` makes no array of more elements than this."""
_MAX_RANK = 32
"""Dimensions that every version of numpy can hold."""


def carried(op: Op, ctx: OpContext, outputs: list[TensorSpec], data: Sequence[int] | None = None) -> list[TensorSpec]:
    """``outputs`` of an op that only moves elements, with the values of its partly known inputs moved along.

    ``data`` are the inputs whose elements are moved (default: all); the others must be known.
    """
    wanted = range(len(ctx.inputs)) if data is None else data
    values = [partial_value(s) if i in wanted else s.constant for i, s in enumerate(ctx.inputs)]
    present = [v for v in values if v is not None]
    something = any(ctx.inputs[i].value is not None for i in wanted if i < len(ctx.inputs))
    if not something or len(present) < len(values) or all(v.dtype != object for v in present):
        return outputs
    if any(is_large(o.shape) for o in outputs):
        return outputs
    moved = op.fold(ctx, present)
    if moved is None:
        return outputs
    return [TensorSpec(o.dtype, tuple(v.shape), settled(v, o.dtype)) for o, v in zip(outputs, moved, strict=True)]


def is_large(shape: Shape) -> bool:
    """True unless ``shape`` is known and small enough for its value to be carried."""
    return shape is None or None in shape or not _can_hold([d or 0 for d in shape], PARTIAL_LIMIT)


def _can_hold(dims: Sequence[int], limit: int) -> bool:
    """True if numpy can hold an array of ``dims``, of at most ``limit`` elements; dimensions of 0 excuse nothing."""
    return len(dims) <= _MAX_RANK and math.prod(max(d, 1) for d in dims) <= limit


def partial_value(spec: TensorSpec) -> Array | None:
    """The value with ``None`` at unknown elements, even all of them; ``None`` if it is not small."""
    if spec.value is not None:
        return spec.value
    if not spec.dtype.is_integer or spec.shape is None or is_large(spec.shape):
        return None
    return np.full([d or 0 for d in spec.shape], None, dtype=object)


def settled(value: Array, dtype: DType) -> Array | None:
    """A partly known value as a spec holds it: a plain array once all is known, ``None`` if nothing is."""
    if value.dtype != object:
        return value if dtype.numpy is None else value.astype(dtype.numpy, copy=False)
    items = value.reshape(-1).tolist()
    if all(i is None for i in items):
        return None if items or dtype.numpy is None else np.empty(value.shape, dtype.numpy)
    return value if None in items or dtype.numpy is None else value.astype(dtype.numpy)


# ---- folding -----------------------------------------------------------------------------------------------


def computed(compute: Callable[[], Sequence[Array]]) -> list[Array] | None:
    """What ``compute`` gives, ``None`` where the inputs contradict the op or a result would be too large."""
    try:
        with np.errstate(all="ignore"):
            return [np.asarray(a) for a in compute()]
    except (ValueError, IndexError, TypeError, ArithmeticError, MemoryError, InferError, InputError):
        return None  # TensorFlow refuses such inputs; they stay in the graph, where inference says why


def limited(shape: Sequence[int]) -> tuple[int, ...]:
    """``shape``, unless an array of it would be larger than ``fold`` may make.

    Raises:
        ValueError: it would, or has a negative dimension.
    """
    dims = tuple(int(d) for d in shape)
    if min(dims, default=0) < 0 or not _can_hold(dims, FOLD_LIMIT):
        raise ValueError(f"an array of shape {dims} is not computed here")
    return dims


def scalar(array: Array) -> int:
    """The one integer in ``array``.

    Raises:
        ValueError: it holds something else.
    """
    if array.size != 1 or array.dtype.kind not in "iuO":
        raise ValueError(f"{array.dtype}{list(array.shape)} is not one integer")
    return int(array.reshape(-1)[0])


# ---- lowering ----------------------------------------------------------------------------------------------


def int64_input(low: Lowering, index: int) -> str:
    """Integer input ``index`` as int64, which is what ONNX wants of shapes and axes."""
    value = low.constant(index)
    if value is not None:
        return low.const(np.asarray(value, dtype=np.int64))
    return as_dtype(low, low.inputs[index], low.specs[index].dtype, DType.INT64)


def as_dtype(low: Lowering, name: str, have: DType, want: DType) -> str:
    """``name`` in ``want``, without a node where it is already."""
    return name if have is want else low.cast(name, want)


def wants_constant(low: Lowering | UffLowering, index: int, what: str) -> Array:
    """The constant value of input ``index``.

    Raises:
        CannotLowerError: it is computed at run time; ``what`` names it.
    """
    value = low.constant(index)
    if value is None:
        low.fail(f"{what} is computed at run time and has to be constant")
    return value


def wants_scalar(low: Lowering | UffLowering, index: int, what: str) -> int:
    """The one integer that input ``index`` is.

    Raises:
        CannotLowerError: it is computed at run time, or is something else; ``what`` names it.
    """
    value = wants_constant(low, index, what)
    if value.size != 1 or value.dtype.kind not in "iu":
        low.fail(f"{what} is {value.dtype}{list(value.shape)} and not one integer")
    return int(value.reshape(-1)[0])


def wants_rank(low: Lowering, index: int = 0) -> int:
    """The rank of input ``index``.

    Raises:
        CannotLowerError: it is unknown.
    """
    rank = low.specs[index].rank
    if rank is None:
        low.fail(f"the rank of input {index} is unknown; give the shape of the graph's inputs")
    return rank
