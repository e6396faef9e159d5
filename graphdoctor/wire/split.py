"""Large constants, left where they are: a GraphDef without its big payloads, and where those lie.

Parsing copies every payload once, and reading it from the message copies it again. Most of a model is weights that
no one looks at, so they stay slices of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphdoctor.wire import scan

LARGE = 4096
"""Bytes from which a constant's payload is left in the file."""
_NODE = 1
_NODE_ATTR = 5
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_VALUE_TENSOR = 8


class Heavy(NamedTuple):
    """A node with a large constant: the attribute that holds it, the serialized TensorProto, the whole NodeDef."""

    attr: str
    payload: memoryview
    raw: memoryview


class Split(NamedTuple):
    """``light`` is the GraphDef with large payloads emptied; ``heavy`` are those payloads by position of the node."""

    light: bytes
    heavy: dict[int, Heavy]


def split_graph_def(data: bytes) -> Split:
    """Take the large payloads out of a serialized GraphDef. A node of unusual form is left as it is.

    Raises:
        WireError: the top level of the message is cut off or malformed.
    """
    view = memoryview(data)
    pieces: list[bytes | memoryview] = []
    heavy: dict[int, Heavy] = {}
    index, copied = 0, 0
    for field in scan.fields(data):
        if field.number != _NODE or field.wire_type != scan.LEN:
            continue
        if field.end - field.start > LARGE:
            found = _lighten(data, view, field)
            if found is not None:
                heavy[index], node = found
                pieces += [view[copied : field.begin], scan.encode_field(_NODE, node)]
                copied = field.end
        index += 1
    if not heavy:
        return Split(data, heavy)
    return Split(b"".join([*pieces, view[copied:]]), heavy)


def _lighten(data: bytes, view: memoryview, node: scan.Field) -> tuple[Heavy, bytes] | None:
    """The payload of the node's one large attribute, and the node with that payload emptied."""
    try:
        entries = [f for f in scan.fields(data, node.start, node.end) if f.number == _NODE_ATTR]
        large = [e for e in entries if e.end - e.start > LARGE]
        found = _tensor(data, large[0]) if len(large) == 1 else None
        if found is None or sum(_key(data, e) == found[0] for e in entries) != 1:
            return None
    except (scan.WireError, UnicodeDecodeError):
        return None
    entry, (key, tensor) = large[0], found
    empty = scan.encode_field(_ENTRY_VALUE, scan.encode_field(_VALUE_TENSOR, b""))
    light = scan.encode_field(_NODE_ATTR, scan.encode_field(_ENTRY_KEY, key) + empty)
    heavy = Heavy(key.decode("utf-8"), view[tensor.start : tensor.end], view[node.start : node.end])
    return heavy, b"".join([view[node.start : entry.begin], light, view[entry.end : node.end]])


def _key(data: bytes, entry: scan.Field) -> bytes:
    """The key of a map entry; the last one counts."""
    keys = [data[f.start : f.end] for f in scan.fields(data, entry.start, entry.end) if f.number == _ENTRY_KEY]
    return keys[-1] if keys else b""


def _tensor(data: bytes, entry: scan.Field) -> tuple[bytes, scan.Field] | None:
    """Key and tensor of an attribute that is ``{key, value: {tensor}}`` and nothing else, each once."""
    parts = _once(scan.fields(data, entry.start, entry.end))
    if parts is None or set(parts) != {_ENTRY_KEY, _ENTRY_VALUE}:
        return None
    key, value = parts[_ENTRY_KEY], parts[_ENTRY_VALUE]
    inner = _once(scan.fields(data, value.start, value.end))
    if inner is None or set(inner) != {_VALUE_TENSOR}:
        return None
    data[key.start : key.end].decode("utf-8")  # a key that is no text is left to the protobuf library
    return data[key.start : key.end], inner[_VALUE_TENSOR]


def _once(fields: Iterator[scan.Field]) -> dict[int, scan.Field] | None:
    found: dict[int, scan.Field] = {}
    for field in fields:
        if field.number in found or field.wire_type != scan.LEN:
            return None
        found[field.number] = field
    return found
