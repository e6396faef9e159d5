"""Values of Python and attributes of TensorFlow to the typed values of UFF."""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.ops.base import UffField
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy, ShapeValue
from graphdoctor.wire.uff import Blob, Data, dtype_number


def blob_of(value: Array) -> Blob:
    """The elements in C order, little-endian; not copied where they lie so already."""
    import numpy as np

    plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    return plain.reshape(-1).view(np.uint8).data if plain.size else b""


def data_of(value: UffField) -> Data:
    """A field of a core op; a list is one of integers.

    Raises:
        ValueError: UFF has no such type; the text says which.
    """
    if isinstance(value, DType):
        return _dtype(value)
    if isinstance(value, (bool, int, float, str)):
        return _scalar(value)
    return Data.i_list(int(v) for v in value)


def attribute(value: AttrPy) -> Data | None:
    """A field of a plugin; ``None`` for an empty list, which NVIDIA's converter leaves out.

    Raises:
        ValueError: UFF has no such type; the text says which.
    """
    if isinstance(value, DType):
        return _dtype(value)
    if isinstance(value, ShapeValue):
        return Data.i_list(-1 if d is None else d for d in value.dims or ())
    if isinstance(value, tuple):
        return _list(value) if value else None
    if isinstance(value, bytes):
        return Data.s(value.decode())
    if isinstance(value, (bool, int, float, str)):
        return _scalar(value)
    raise ValueError(f"UFF has no {type(value).__name__}")


def _dtype(value: DType) -> Data:
    number = dtype_number(value)
    if number is None:
        raise ValueError(f"UFF has no {value.label}")
    return Data.dtype(number)


def _scalar(value: bool | float | str) -> Data:
    if isinstance(value, bool):
        return Data.b(value)
    if isinstance(value, int):
        return Data.i(value)
    return Data.d(value) if isinstance(value, float) else Data.s(value)


def _list(values: Sequence[object]) -> Data:
    if all(isinstance(v, bool) for v in values):
        return Data("b_list", tuple(values))
    if all(isinstance(v, int) and not isinstance(v, DType) for v in values):
        return Data("i_list", tuple(values))
    if all(isinstance(v, float) for v in values):
        return Data("d_list", tuple(values))
    if all(isinstance(v, (str, bytes)) for v in values):
        return Data("s_list", tuple(v.decode() if isinstance(v, bytes) else v for v in values))
    raise ValueError(f"UFF has no list of {type(values[0]).__name__}")
