"""Why a protobuf message could not be read: only run after the library has refused it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from graphdoctor.errors import InputError
from graphdoctor.wire import scan
from graphdoctor.wire.messages import saved_model_schema, schema
from graphdoctor.wire.schema import Schema, Variant
from graphdoctor.words import plural

_AGAIN = "Get the file again, or export the graph again"
_NODE = 1  # GraphDef.node


def why_unreadable(data: bytes, name: str, variant: Variant = Variant.LAZY) -> InputError:
    """The error that says why ``data`` is not the message ``name`` (``GraphDef``, ``SavedModel``).

    Tried in this order: cut off or malformed at the top level, a string that is not UTF-8, a broken node.
    """
    try:
        records = list(scan.fields(data))
    except scan.WireError as e:
        return _broken_top(e, data, name)
    return _bad_text(data, name) or _broken_field(data, records, name, variant)


def _broken_top(e: scan.WireError, data: bytes, name: str) -> InputError:
    if not e.missing:
        return InputError(f"this is not a {name}: {e.message}", remedy=_AGAIN)
    return InputError(
        f"the {name} is truncated: {plural(len(data), 'byte is', 'bytes are')} there, "
        f"and the field that begins at byte {e.offset} needs at least {e.missing} more",
        remedy="Get the whole file; an interrupted download or a full disk leaves such a file",
    )


def _declared(name: str, variant: Variant) -> Schema:
    return saved_model_schema(variant) if name == "SavedModel" else schema(variant)


def _bad_text(data: bytes, name: str) -> InputError | None:
    raw = _declared(name, Variant.RAW).message_class(name)
    try:
        message = raw.FromString(data)
    except (DecodeError, RecursionError):
        return None
    strings = _declared(name, Variant.LAZY).descriptor(name)
    for path, value in _bad_strings(message, strings, name):
        return InputError(
            f"{path} is not UTF-8: {value[:80]!r}",
            remedy="TensorFlow refuses it too; export with UTF-8 names",
        )
    return None


def _bad_strings(message: Any, descriptor: Descriptor, path: str) -> Iterator[tuple[str, bytes]]:
    """Each value of ``message`` (raw) that ``descriptor`` (lazy) calls a string and that is not UTF-8."""
    for raw_field, value in message.ListFields():
        field = descriptor.fields_by_number[raw_field.number]
        many = not isinstance(value, (bytes, int, float, Message))
        for i, item in enumerate(value if many else [value]):
            place = f"{path}.{field.name}[{i}]" if many else f"{path}.{field.name}"
            if field.message_type is not None:
                yield from _bad_strings(item, field.message_type, place)
            elif field.type == field.TYPE_STRING and not _is_utf8(item):
                yield place, item


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _broken_field(data: bytes, records: list[scan.Field], name: str, variant: Variant) -> InputError:
    """Name the first node that cannot be read alone."""
    node_class = schema(variant).message_class("NodeDef")
    nodes = [r for r in records if r.number == _NODE and r.wire_type == scan.LEN] if name == "GraphDef" else []
    for i, r in enumerate(nodes):
        try:
            node_class.FromString(data[r.start : r.end])
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return InputError(
                f"node {i} {_node_name(data, r)!r} (bytes {r.start} to {r.end}) is damaged, or nested "
                "deeper than 100 levels",
                remedy=_AGAIN,
            )
    return InputError(f"the {name} is damaged, or nested deeper than 100 levels", remedy=_AGAIN)


def _node_name(data: bytes, node: scan.Field) -> str:
    try:
        for r in scan.fields(data, node.start, node.end):
            if r.number == 1 and r.wire_type == scan.LEN:
                return data[r.start : r.end].decode(errors="backslashreplace")[:200]
    except scan.WireError:
        return ""
    return ""
