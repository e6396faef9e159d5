"""What a TensorProto stores, read without decoding more than is asked for.

A payload is a serialized TensorProto. Its header (dtype, dims) is found by walking the top-level fields, so a
9 MB constant costs no more than a small one, and ``tensor_content`` is read in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from google.protobuf.message import DecodeError

from graphdoctor.errors import InputError
from graphdoctor.types import Array, DType
from graphdoctor.wire import scan
from graphdoctor.wire.messages import TensorShapeProto, schema
from graphdoctor.wire.schema import Variant
from graphdoctor.words import plural

if TYPE_CHECKING:
    from graphdoctor.wire.messages import TensorProto

Payload = bytes | memoryview
REMEDY = "Export the graph again; this constant is damaged"
_DTYPE, _SHAPE, _CONTENT = 1, 2, 4
_MAX_HEADER_FIELDS = 16
_MAX_ELEMENTS = (1 << 63) - 1

# numpy's type of one element in tensor_content, where DType.numpy has none: TensorFlow stores the bits of
# bfloat16 in two bytes and those of the narrower types in one byte each.
_NARROW: dict[DType, str] = {
    DType.BFLOAT16: "<u2",
    DType.FLOAT8_E5M2: "u1",
    DType.FLOAT8_E4M3FN: "u1",
    DType.FLOAT8_E4M3FNUZ: "u1",
    DType.FLOAT8_E4M3B11FNUZ: "u1",
    DType.FLOAT8_E5M2FNUZ: "u1",
    DType.INT4: "i1",
    DType.UINT4: "u1",
    DType.INT2: "i1",
    DType.UINT2: "u1",
}
_SUB_BYTE_BITS = {DType.INT4: 4, DType.UINT4: 4, DType.INT2: 2, DType.UINT2: 2}
_FLOAT8_LIST = 18
# The list field of each dtype: number, name.
_INT_LIST = (7, "int_val")
LISTS: dict[DType, tuple[int, str]] = {
    DType.FLOAT: (5, "float_val"),
    DType.DOUBLE: (6, "double_val"),
    DType.STRING: (8, "string_val"),
    DType.COMPLEX64: (9, "scomplex_val"),
    DType.INT64: (10, "int64_val"),
    DType.BOOL: (11, "bool_val"),
    DType.COMPLEX128: (12, "dcomplex_val"),
    DType.HALF: (13, "half_val"),
    DType.BFLOAT16: (13, "half_val"),
    DType.UINT32: (16, "uint32_val"),
    DType.UINT64: (17, "uint64_val"),
    **{d: (_FLOAT8_LIST, "float8_val") for d in DType if d.name.startswith("FLOAT8")},
    **dict.fromkeys((DType.INT32, DType.INT16, DType.INT8, DType.UINT16, DType.UINT8), _INT_LIST),
    **dict.fromkeys((DType.QINT8, DType.QUINT8, DType.QINT16, DType.QUINT16, DType.QINT32), _INT_LIST),
    **dict.fromkeys(_SUB_BYTE_BITS, _INT_LIST),
}
FIXED_WIDTH = frozenset((DType.FLOAT, DType.DOUBLE, DType.COMPLEX64, DType.COMPLEX128))
"""Dtypes whose list field holds the elements' bytes themselves, little-endian."""


class TensorError(InputError):
    """A constant that contradicts itself or cannot be read."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a payload says of itself; ``spans`` is ``None`` where only the protobuf library can tell.

    ``spans`` maps a field number to the place of its content.
    """

    dtype: int
    dims: tuple[int, ...]
    unknown_rank: bool
    spans: dict[int, tuple[int, int]] | None


def read_header(payload: Payload) -> Header:
    """The header of ``payload``.

    Raises:
        TensorError: the payload is not a TensorProto.
    """
    spans: dict[int, tuple[int, int]] = {}
    dtype = 0
    try:
        for f in scan.fields(payload):
            if f.number in spans or len(spans) >= _MAX_HEADER_FIELDS or (f.number == _DTYPE and f.wire_type):
                return _header_of(decode(payload))
            if f.number == _DTYPE:
                dtype = scan.varint(payload, f.start, f.end)[0]
            elif f.wire_type != scan.LEN and f.number in (_SHAPE, _CONTENT, *_list_numbers()):
                return _header_of(decode(payload))
            spans[f.number] = (f.start, f.end)
        start, end = spans.get(_SHAPE, (0, 0))
        return _with_shape(dtype, TensorShapeProto.FromString(bytes(payload[start:end])), spans)
    except (scan.WireError, DecodeError) as e:
        raise TensorError(f"the constant cannot be read: {e}", remedy=REMEDY) from e


@cache
def _list_numbers() -> frozenset[int]:
    return frozenset(number for number, _ in LISTS.values())


def _with_shape(dtype: int, shape: TensorShapeProto, spans: dict[int, tuple[int, int]] | None) -> Header:
    return Header(dtype, tuple(d.size for d in shape.dim), shape.unknown_rank, spans)


def _header_of(proto: TensorProto) -> Header:
    return _with_shape(proto.dtype, proto.tensor_shape, None)


def decode(payload: Payload) -> TensorProto:
    """The whole TensorProto, decoded.

    Raises:
        TensorError: the payload is not a TensorProto.
    """
    cls = cast("type[TensorProto]", schema(Variant.FULL).message_class("TensorProto"))
    try:
        return cls.FromString(bytes(payload))
    except (DecodeError, RecursionError, UnicodeDecodeError) as e:
        raise TensorError("the constant is not a TensorProto", remedy=REMEDY) from e


def known_dtype(number: int) -> DType:
    """The dtype numbered ``number``.

    Raises:
        TensorError: no constant can have it.
    """
    found = DType._value2member_map_.get(number)
    if found is None or found is DType.INVALID:
        raise TensorError(
            f"the constant has the unknown dtype number {number}",
            remedy="A newer TensorFlow wrote it, or the file is damaged",
        )
    return cast("DType", found)


def known_shape(header: Header) -> tuple[int, ...]:
    """The shape of a constant: no dimension unknown.

    Raises:
        TensorError: a dimension is negative, the rank unknown, or there are over 2**63 - 1 elements.
    """
    if header.unknown_rank or any(d < 0 for d in header.dims):
        said = "an unknown rank" if header.unknown_rank else f"the shape {list(header.dims)[:16]}"
        raise TensorError(f"the constant has {said}; all its dimensions must be known", remedy=REMEDY)
    if count(header.dims) > _MAX_ELEMENTS:
        raise TensorError("the constant claims more than 2**63 - 1 elements", remedy=REMEDY)
    return header.dims


def count(dims: tuple[int, ...]) -> int:
    """The number of elements of a known shape."""
    total = 1
    for d in dims:
        total *= d
    return total


def storage(dtype: DType) -> np.dtype[Any]:
    """numpy's type of one stored element, little-endian.

    Raises:
        TensorError: elements of ``dtype`` have no numeric value (resource, variant).
    """
    narrow = _NARROW.get(dtype)
    if narrow is not None:
        return np.dtype(narrow)
    if dtype.numpy is None:
        raise TensorError(
            f"a constant of dtype {dtype.label} has no values to read",
            remedy="Only TensorFlow can use it; remove the nodes that do",
        )
    return dtype.numpy.newbyteorder("<")


def stored_values(payload: Payload, header: Header) -> Array:
    """The values as stored, in one dimension, without what TensorFlow repeats at the end.

    At least one and at most ``count(dims)`` of them (none where the shape has no elements): a missing list
    counts as one zero, and values beyond the shape are ignored, both as TensorFlow's Const kernel does.
    bfloat16 and float8 become float32.

    Raises:
        TensorError: the data does not fit dtype and shape.
    """
    dtype, n = known_dtype(header.dtype), count(known_shape(header))
    kind = storage(dtype)
    if n == 0:
        return widen(np.empty(0, kind), dtype)
    content = _content(payload, header)
    if content is not None:
        return widen(_from_content(content, dtype, kind, n), dtype)
    values = _from_list(payload, header, dtype, kind, n)
    return widen(values if len(values) else _zero(dtype, kind), dtype)


def _content(payload: Payload, header: Header) -> memoryview | None:
    if header.spans is None:
        return memoryview(decode(payload).tensor_content) or None
    start, end = header.spans.get(_CONTENT, (0, 0))
    return memoryview(payload)[start:end] or None


def _from_content(content: memoryview, dtype: DType, kind: np.dtype[Any], n: int) -> Array:
    if dtype is DType.STRING:
        return _string_list(bytes(content), n)
    if len(content) != n * kind.itemsize:
        raise TensorError(
            f"the constant holds {plural(len(content), 'byte')}, "
            f"and {plural(n, 'element')} of {dtype.label} {'takes' if n == 1 else 'take'} {n * kind.itemsize}",
            remedy=REMEDY,
        )
    if dtype is DType.BOOL and np.frombuffer(content, np.uint8).max() > 1:
        raise TensorError("the constant of dtype bool holds a byte that is neither 0 nor 1", remedy=REMEDY)
    return np.frombuffer(content, kind)


def _string_list(content: bytes, n: int) -> Array:
    """Strings in tensor_content: all lengths as varints, then all bytes."""
    if n > len(content):
        raise TensorError(
            f"the constant holds {plural(len(content), 'byte')}, too few for {plural(n, 'string')}", remedy=REMEDY
        )
    out, sizes, pos = np.empty(n, object), [], 0
    try:
        for _ in range(n):
            size, pos = scan.varint(content, pos, len(content))
            sizes.append(size)
    except scan.WireError as e:
        raise TensorError("the lengths of the constant's strings are cut off", remedy=REMEDY) from e
    if pos + sum(sizes) != len(content):
        raise TensorError("the constant's strings do not fill its data", remedy=REMEDY)
    for i, size in enumerate(sizes):
        out[i] = content[pos : pos + size]
        pos += size
    return out


def _from_list(payload: Payload, header: Header, dtype: DType, kind: np.dtype[Any], n: int) -> Array:
    number, name = LISTS[dtype]
    if header.spans is not None and number not in header.spans:
        return np.empty(0, kind)
    if header.spans is not None and (dtype in FIXED_WIDTH or number == _FLOAT8_LIST):
        start, end = header.spans[number]
        whole = (end - start) // kind.itemsize
        return np.frombuffer(payload, kind, min(n, whole), start)
    return _from_proto(getattr(decode(payload), name), dtype, kind, n)


def _from_proto(listed: Any, dtype: DType, kind: np.dtype[Any], n: int) -> Array:
    if isinstance(listed, bytes):
        return np.frombuffer(listed[:n], kind)
    if dtype is DType.STRING:
        out = np.empty(min(n, len(listed)), object)
        out[:] = listed[:n]
        return out
    if kind.kind == "c":
        part = np.dtype(f"<f{kind.itemsize // 2}")
        return np.fromiter(listed, part, len(listed) // 2 * 2).view(kind)[:n]
    wide = {"f": kind, "b": kind, "u": np.dtype(np.uint64), "i": np.dtype(np.int64)}[kind.kind]
    if dtype is DType.HALF:
        return _integers(listed, n).astype(np.uint16).view(np.float16)
    if wide.kind == "u" and dtype is not DType.UINT64:
        return _integers(listed, n).astype(kind)
    return np.fromiter(islice(listed, n), wide, min(n, len(listed))).astype(kind, copy=False)


def _integers(listed: Any, n: int) -> Array:
    return np.fromiter(islice(listed, n), np.int64, min(n, len(listed)))


def _zero(dtype: DType, kind: np.dtype[Any]) -> Array:
    if dtype is DType.STRING:
        out = np.empty(1, object)
        out[0] = b""
        return out
    return np.zeros(1, kind)


def widen(values: Array, dtype: DType) -> Array:
    """Stored bits as numbers: bfloat16 and float8 as float32, types below a byte sign-extended to one."""
    if dtype is DType.BFLOAT16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    if dtype in _SUB_BYTE_BITS:
        spare = 8 - _SUB_BYTE_BITS[dtype]
        shifted: Array = np.right_shift(np.left_shift(values, spare), spare)
        return shifted
    if LISTS[dtype][0] == _FLOAT8_LIST:
        decoded: Array = _float8_table(dtype)[values]
        return decoded
    return values


@cache
def _float8_table(dtype: DType) -> Array:
    """The value of each of the 256 codes of a float8 format (Micikevicius et al., arXiv 2209.05433; "fnuz":
    arXiv 2206.02915, one zero, NaN at 0x80, bias one higher)."""
    mantissa = 2 if "E5M2" in dtype.name else 3
    unsigned_zero = dtype.name.endswith("UZ")
    bias = 11 if "B11" in dtype.name else (15 if mantissa == 2 else 7) + unsigned_zero
    codes = np.arange(256)
    exponent, fraction = codes >> mantissa & (0x7F >> mantissa), codes & ((1 << mantissa) - 1)
    scaled = np.where(exponent > 0, fraction + (1 << mantissa), fraction)
    table: Array = np.ldexp(scaled.astype(np.float32), np.maximum(exponent, 1) - bias - mantissa).astype(np.float32)
    table[128:] *= -1
    if unsigned_zero:
        table[0x80] = np.nan
    elif dtype is DType.FLOAT8_E4M3FN:
        table[[0x7F, 0xFF]] = np.nan
    else:
        table[[0x7C, 0xFC]] = np.inf, -np.inf
        table[[0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF]] = np.nan
    return table
