"""UFF's element types: the low 16 bits are the width in bits, the high ones 1 for integers and 2 for floats."""

from __future__ import annotations

import enum

from graphdoctor.types import DType

NAMELESS = 7
"""What NVIDIA's converter writes for every type UFF has no name for (bool, uint8, float64, string, ...)."""


class UffDType(enum.IntEnum):
    """The types that UFF names. A file may hold other numbers (the enum is open), above all ``NAMELESS``."""

    INVALID = 0
    INT8 = 0x10008
    INT16 = 0x10010
    INT32 = 0x10020
    INT64 = 0x10040
    FLOAT16 = 0x20010
    FLOAT32 = 0x20020


_FROM_UFF = {
    UffDType.INT8: DType.INT8,
    UffDType.INT16: DType.INT16,
    UffDType.INT32: DType.INT32,
    UffDType.INT64: DType.INT64,
    UffDType.FLOAT16: DType.HALF,
    UffDType.FLOAT32: DType.FLOAT,
}
_TO_UFF = {ours: uff for uff, ours in _FROM_UFF.items()}


def dtype_of(number: int) -> DType:
    """The dtype of UFF's ``number``; INVALID where it has no name, as its type cannot be recovered then."""
    return _FROM_UFF.get(number, DType.INVALID)  # type: ignore[call-overload, no-any-return]


def dtype_number(dtype: DType) -> int | None:
    """UFF's number of ``dtype``, or ``None`` where UFF has no such type."""
    found = _TO_UFF.get(dtype)
    return None if found is None else int(found)


def dtype_text(number: int) -> str:
    """What people call UFF's ``number``: ``float32``, or ``type 7`` where it has no name."""
    if number == UffDType.INVALID:
        return "invalid"
    known = dtype_of(number)
    return f"type {number}" if known is DType.INVALID else known.label
