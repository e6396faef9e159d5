"""Protobuf's wire format, read without a schema: where the fields of a message lie, and where it breaks.

Format: https://protobuf.dev/programming-guides/encoding/. Groups (wire types 3 and 4) are refused: none of
TensorFlow, ONNX and UFF write them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphdoctor.errors import InputError

VARINT, FIXED64, LEN, FIXED32 = 0, 1, 2, 5
_MAX_FIELD = (1 << 29) - 1


class Field(NamedTuple):
    """One field: its content is ``data[start:end]`` (for VARINT the encoded number), its tag is at ``begin``."""

    number: int
    wire_type: int
    start: int
    end: int
    begin: int


class WireError(InputError):
    """The bytes are not a protobuf message.

    ``offset`` is where the broken field begins; ``missing`` counts the bytes after the end that it asks for,
    0 where the bytes are wrong rather than missing.
    """

    def __init__(self, message: str, offset: int, missing: int = 0) -> None:
        super().__init__(f"{message} at byte {offset}")
        self.offset = offset
        self.missing = missing


def fields(data: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message in ``data[start:end]``, in file order, not looking inside them.

    Raises:
        WireError: a field is cut off or malformed.
    """
    stop = len(data) if end is None else end
    pos = start
    while pos < stop:
        begin = pos
        tag = data[pos]
        pos += 1
        if tag >= 0x80:
            tag, pos = varint(data, begin, stop)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number <= _MAX_FIELD:
            raise WireError(f"field number {number} is impossible", begin)
        first = pos
        if wire_type == LEN:
            size, first = varint(data, pos, stop, begin)
            pos = first + size
        elif wire_type == VARINT:
            _, pos = varint(data, pos, stop, begin)
        elif wire_type in (FIXED32, FIXED64):
            pos += 4 if wire_type == FIXED32 else 8
        else:
            raise WireError(f"wire type {wire_type} is not used by any model format", begin)
        if pos > stop:
            raise WireError(f"the data ends inside field {number}", begin, pos - stop)
        yield Field(number, wire_type, first, pos, begin)


def varint(data: bytes | memoryview, pos: int, end: int, begin: int | None = None) -> tuple[int, int]:
    """The unsigned varint at ``pos`` and the position behind it; ``begin`` is the offset that errors name.

    Raises:
        WireError: it is cut off by ``end`` or longer than ten bytes.
    """
    value = shift = 0
    where = pos if begin is None else begin
    while pos < end:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, pos
        shift += 7
        if shift >= 70:
            raise WireError("a number is longer than ten bytes", where)
    raise WireError("the data ends inside a number", where, 1)


def encode_varint(value: int) -> bytes:
    """``value`` (not negative) as a varint."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_field(number: int, content: bytes) -> bytes:
    """Tag and length of a LEN field followed by ``content``."""
    return encode_varint(number << 3 | LEN) + encode_varint(len(content)) + content
