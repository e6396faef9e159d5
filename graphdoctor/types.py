"""Dtypes, shapes and verdicts: the small values every floor may hold."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]
else:
    Array = Any  # importing numpy takes longer than showing a report, which holds dtypes alone

Dim = int | None
"""One dimension; ``None`` is unknown."""
Shape = tuple[Dim, ...] | None
"""Dimensions, outermost first; ``None`` when even the rank is unknown."""


class DType(enum.IntEnum):
    """Tensor element types by TensorFlow's number (``DataType`` in its types.proto)."""

    INVALID = 0
    FLOAT = 1
    DOUBLE = 2
    INT32 = 3
    UINT8 = 4
    INT16 = 5
    INT8 = 6
    STRING = 7
    COMPLEX64 = 8
    INT64 = 9
    BOOL = 10
    QINT8 = 11
    QUINT8 = 12
    QINT32 = 13
    BFLOAT16 = 14
    QINT16 = 15
    QUINT16 = 16
    UINT16 = 17
    COMPLEX128 = 18
    HALF = 19
    RESOURCE = 20
    VARIANT = 21
    UINT32 = 22
    UINT64 = 23
    FLOAT8_E5M2 = 24
    FLOAT8_E4M3FN = 25
    FLOAT8_E4M3FNUZ = 26
    FLOAT8_E4M3B11FNUZ = 27
    FLOAT8_E5M2FNUZ = 28
    INT4 = 29
    UINT4 = 30
    INT2 = 31
    UINT2 = 32

    @property
    def label(self) -> str:
        """The name people write: ``float32``, ``int64``, ``bool``."""
        return _LABELS.get(self, self.name.lower())

    @property
    def numpy(self) -> np.dtype[Any] | None:
        """numpy's dtype, or ``None`` where numpy has none (bfloat16, resource, ...)."""
        return _to_numpy().get(self)

    @property
    def is_float(self) -> bool:
        """True for the floating-point types."""
        return self in (DType.FLOAT, DType.DOUBLE, DType.HALF, DType.BFLOAT16)

    @property
    def is_integer(self) -> bool:
        """True for the plain signed and unsigned integer types."""
        return self in _INTEGERS

    @classmethod
    def of(cls, number: int) -> DType:
        """The dtype of TensorFlow's ``number``; a reference (101 and up) gives its base, an unknown one INVALID."""
        base = number - 100 if 100 < number < 200 else number
        return cls._value2member_map_.get(base, cls.INVALID)  # type: ignore[return-value]

    @classmethod
    def parse(cls, label: str) -> DType | None:
        """The dtype people mean by ``label`` (``float32``, ``float``, ``DT_FLOAT``), or ``None``."""
        return _BY_LABEL.get(label.strip().lower().removeprefix("dt_"))

    @classmethod
    def from_numpy(cls, dtype: npt.DTypeLike) -> DType:
        """The dtype of a numpy dtype; strings and objects are STRING, an unknown one INVALID."""
        import numpy as np

        kind = np.dtype(dtype)
        if kind.kind in "OSU":
            return cls.STRING
        return _from_numpy().get(kind, cls.INVALID)


_LABELS = {DType.FLOAT: "float32", DType.DOUBLE: "float64", DType.HALF: "float16"}
_INTEGERS = frozenset(
    (DType.INT8, DType.INT16, DType.INT32, DType.INT64, DType.UINT8, DType.UINT16, DType.UINT32, DType.UINT64)
)
_BY_LABEL = {d.name.lower(): d for d in DType} | {d.label: d for d in DType} | {"boolean": DType.BOOL}


@cache
def _to_numpy() -> dict[DType, np.dtype[Any]]:
    import numpy as np

    return {
        DType.FLOAT: np.dtype(np.float32),
        DType.DOUBLE: np.dtype(np.float64),
        DType.INT32: np.dtype(np.int32),
        DType.UINT8: np.dtype(np.uint8),
        DType.INT16: np.dtype(np.int16),
        DType.INT8: np.dtype(np.int8),
        DType.COMPLEX64: np.dtype(np.complex64),
        DType.INT64: np.dtype(np.int64),
        DType.BOOL: np.dtype(np.bool_),
        DType.UINT16: np.dtype(np.uint16),
        DType.COMPLEX128: np.dtype(np.complex128),
        DType.HALF: np.dtype(np.float16),
        DType.UINT32: np.dtype(np.uint32),
        DType.UINT64: np.dtype(np.uint64),
        DType.STRING: np.dtype(object),
        DType.QINT8: np.dtype(np.int8),
        DType.QUINT8: np.dtype(np.uint8),
        DType.QINT32: np.dtype(np.int32),
        DType.QINT16: np.dtype(np.int16),
        DType.QUINT16: np.dtype(np.uint16),
    }


@cache
def _from_numpy() -> dict[np.dtype[Any], DType]:
    return {v: k for k, v in reversed(_to_numpy().items()) if k is not DType.STRING}


class Answer(enum.Enum):
    """Yes, no, or it cannot be told from the graph."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a target runs something, and why.

    ``ok`` is YES only where the table says so with confidence; a row of low confidence gives UNKNOWN.
    """

    ok: Answer
    reason: str = ""
    source: str = ""


def dims_text(shape: Shape) -> str:
    """``[?,224,224,3]``; an unknown rank is ``[*]``."""
    if shape is None:
        return "[*]"
    return "[" + ",".join("?" if d is None else str(d) for d in shape) + "]"


def element_count(shape: Shape) -> int | None:
    """Number of elements, or ``None`` when a dimension is unknown."""
    if shape is None or any(d is None for d in shape):
        return None
    total = 1
    for d in shape:
        total *= d or 0
    return total
