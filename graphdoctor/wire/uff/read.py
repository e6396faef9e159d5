"""A UFF file to a model.

The outer levels are walked here, so that an error has its byte; nodes and values are read by the protobuf library.
Weights stay slices of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from graphdoctor.errors import InputError
from graphdoctor.wire import scan
from graphdoctor.wire.scan import LEN, VARINT, Field
from graphdoctor.wire.uff.data import Data
from graphdoctor.wire.uff.decode import decode_data, decode_text
from graphdoctor.wire.uff.messages import raw_class
from graphdoctor.wire.uff.model import Descriptor, Lost, UffGraph, UffModel, UffNode

MAX_FIELDS = 1 << 19
"""How many nodes and entries a file may have, together: a graph of 200,000 nodes has 300,000. Two bytes can be a node,
which takes some 350 in memory, and more in a report."""
MAX_STRUCTURE = 64 << 20
"""How many bytes a file may have besides weights. One of them can be an item of a list, which takes 16 in memory while
it is read; a graph of 200,000 nodes has 40 MB."""
_MAX_LOST = 100
_SMALL = 4096
"""Bytes up to which an entry is handed to the protobuf library whatever is in it."""
_AGAIN = "Get the file again, or convert the graph again"
_BOMB = "No graph that TensorRT takes is so large; the file is damaged, or made to be"
_VERSION, _CORE_VERSION, _DESCRIPTOR, _GRAPH, _REFERENCE, _EXTRA = 1, 2, 3, 4, 5, 100
_META_GRAPH = {_VERSION: VARINT, _CORE_VERSION: VARINT, **dict.fromkeys((_DESCRIPTOR, _GRAPH, _REFERENCE, _EXTRA), LEN)}
_ID, _NODE = 1, 2
_GRAPH_FIELDS = dict.fromkeys((_ID, _NODE, _EXTRA), LEN)
_KEY, _VALUE, _BLOB = 1, 2, 9
_MODEL = "the UFF model"


def read_uff(data: bytes) -> UffModel:
    """The model in ``data``; it keeps ``data`` alive, as weights are slices of it.

    Raises:
        InputError: the bytes are truncated, damaged, hold a name that is not UTF-8, or are more than ``MAX_FIELDS`` and
            ``MAX_STRUCTURE`` allow; says where.
    """
    return _Reader(data).model()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._view = memoryview(data)
        self._fields_left = MAX_FIELDS
        self._bytes_left = MAX_STRUCTURE
        self._model = UffModel(version=0, core_version=0)

    def model(self) -> UffModel:
        model = self._model
        for f in self._fields(_MODEL, _META_GRAPH, 0, len(self._data)):
            if f.wire_type == VARINT:
                self._number(f)
            elif f.number == _DESCRIPTOR:
                model.descriptors.append(self._descriptor(f))
            elif f.number == _GRAPH:
                model.graphs.append(self._graph(f, len(model.graphs)))
            else:
                self._entry(f, model.references if f.number == _REFERENCE else model.extra_fields, _MODEL)
        return model

    def _fields(self, what: str, types: Mapping[int, int], start: int, end: int) -> Iterator[Field]:
        """The fields of a message that are in ``types``; what others there are is noted as lost."""
        try:
            for f in scan.fields(self._data, start, end):
                self._count(what)
                if types.get(f.number) == f.wire_type:
                    yield f
                else:
                    self._lose(what, f"field {f.number} at byte {f.begin} is none of UFF")
        except scan.WireError as e:
            raise _broken(what, e, len(self._data), is_top=end == len(self._data) and not start) from e

    def _number(self, f: Field) -> None:
        value = scan.varint(self._data, f.start, f.end)[0] & 0xFFFF_FFFF
        if f.number == _VERSION:
            self._model.version = value
        else:
            self._model.core_version = value

    def _descriptor(self, f: Field) -> Descriptor:
        what = f"the descriptor at byte {f.begin}"
        message = self._parse("Descriptor", f, what)
        return Descriptor(_text(message.id, what), message.version, message.optional)

    def _graph(self, f: Field, index: int) -> UffGraph:
        graph, what = UffGraph(""), f"graph {index}"
        for part in self._fields(what, _GRAPH_FIELDS, f.start, f.end):
            if part.number == _ID:
                graph.id = _text(self._data[part.start : part.end], what)
            elif part.number == _NODE:
                graph.nodes.append(self._node(part, len(graph.nodes)))
            else:
                self._entry(part, graph.extra_fields, what)
        return graph

    def _node(self, f: Field, index: int) -> UffNode:
        message = self._parse("Node", f, f"node {index}")
        try:
            node = UffNode(decode_text(message.id), decode_text(message.operation), [*map(decode_text, message.inputs)])
            for entries, into in ((message.fields, node.fields), (message.extra_fields, node.extra_fields)):
                for entry in entries:
                    self._keep(into, decode_text(entry.key), decode_data(entry.value), f"node {node.id!r}")
        except UnicodeDecodeError as e:
            raise _not_text(f"node {index} {_shown(message.id)} (bytes {f.start} to {f.end})", e) from e
        return node

    def _entry(self, f: Field, into: dict[str, Data], what: str) -> None:
        """An entry of a map whose values may be large."""
        found = self._large_blob(f) if f.end - f.start > _SMALL else None
        if found is None:
            message = self._parse("MetaGraph.ReferencedDataEntry", f, f"the entry at byte {f.begin} of {what}")
            try:
                found = decode_text(message.key), decode_data(message.value)
            except UnicodeDecodeError as e:
                raise _not_text(f"the entry at byte {f.begin} of {what}", e) from e
        self._keep(into, *found, what)

    def _large_blob(self, f: Field) -> tuple[str, Data] | None:
        """Key and value of an entry that is ``{key, value: {blob}}`` and nothing else, which weights are."""
        parts = self._pair(f, (_KEY, _VALUE))
        value = self._pair(parts[1], (_BLOB,)) if parts else None
        if parts is None or value is None:
            return None
        key = _text(self._data[parts[0].start : parts[0].end], f"the entry at byte {f.begin}")
        return key, Data.blob(self._view[value[0].start : value[0].end])

    def _pair(self, f: Field, numbers: tuple[int, ...]) -> list[Field] | None:
        """The fields inside ``f`` if they are these, in this order."""
        found: list[Field] = []
        try:
            for part in scan.fields(self._data, f.start, f.end):
                if len(found) == len(numbers) or part.number != numbers[len(found)] or part.wire_type != LEN:
                    return None
                found.append(part)
        except scan.WireError:
            return None  # the protobuf library says so
        return found if len(found) == len(numbers) else None

    def _keep(self, into: dict[str, Data], key: str, value: Data, what: str) -> None:
        if key in into:
            self._lose(what, f"{key!r} stands there more than once; the last one counts")
            del into[key]  # where the last one stands
        into[key] = value

    def _parse(self, name: str, f: Field, what: str) -> Any:
        size = f.end - f.start
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise InputError(f"there are more than {MAX_STRUCTURE:,} bytes besides weights up to {what}", remedy=_BOMB)
        try:
            message = raw_class(name).FromString(self._view[f.start : f.end])
        except DecodeError as e:
            raise InputError(f"{what} (bytes {f.start} to {f.end}) is damaged", remedy=_AGAIN) from e
        message.DiscardUnknownFields()
        if message.ByteSize() != size:
            self._lose(what, f"bytes {f.start} to {f.end} hold what is none of UFF, or is not as protobuf writes it")
        return message

    def _count(self, what: str) -> None:
        self._fields_left -= 1
        if self._fields_left < 0:
            raise InputError(f"there are more than {MAX_FIELDS:,} nodes and entries up to {what}", remedy=_BOMB)

    def _lose(self, where: str, what: str) -> None:
        if len(self._model.lost) < _MAX_LOST:
            self._model.lost.append(Lost(where, what))


def _text(value: bytes, what: str) -> str:
    try:
        return decode_text(value)
    except UnicodeDecodeError as e:
        raise _not_text(what, e) from e


def _not_text(what: str, e: UnicodeDecodeError) -> InputError:
    return InputError(f"{what} has a name or text that is not UTF-8: {_shown(bytes(e.object))}", remedy=_AGAIN)


def _shown(value: bytes) -> str:
    return repr(value[:80].decode(errors="backslashreplace"))


def _broken(what: str, e: scan.WireError, size: int, *, is_top: bool) -> InputError:
    if is_top and e.missing:
        return InputError(
            f"{what} is truncated: {size} bytes are there, and the field that begins at byte {e.offset} needs at "
            f"least {e.missing} more",
            remedy="Get the whole file; an interrupted download or a full disk leaves such a file",
        )
    return InputError(f"{what} is damaged: {e.message}", remedy=_AGAIN)
