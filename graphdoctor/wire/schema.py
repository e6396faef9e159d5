"""Message classes at run time, from a compact table: no generated code, so no tie to one protobuf release.

Every schema has a descriptor pool of its own, so its messages never meet TensorFlow's in one process.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto
_SCALAR_NAMES = (
    "bool bytes double fixed32 fixed64 float int32 int64 sfixed32 sfixed64 sint32 sint64 string uint32 uint64"
)
_SCALARS = {name: getattr(_Field, "TYPE_" + name.upper()) for name in _SCALAR_NAMES.split()}
_LINE = re.compile(r"\s+(\d+) (\w+) (\*?)(?:map<(\w+),(~?)([\w.]+)>|(~?)([\w.]+))(?: /(\w+))?")


class Variant(enum.Enum):
    """How a table is read; the three are the same on the wire."""

    LAZY = "lazy"
    """Messages marked ``~`` are bytes: constant payloads stay undecoded."""
    FULL = "full"
    """Every message is a message."""
    RAW = "raw"
    """As LAZY, with strings as bytes and maps as repeated entries: accepts names that are not UTF-8 and keeps order."""


class Row(NamedTuple):
    """One field of a table. ``key`` is the key type of a map, empty elsewhere."""

    number: int
    name: str
    repeated: bool
    type: str
    lazy: bool
    key: str
    oneof: str


class Schema:
    """The messages of one protobuf package.

    Args:
        package: protobuf package name.
        variant: how the tables are read.
    """

    def __init__(self, package: str, variant: Variant) -> None:
        self.package = package
        self.variant = variant
        self._pool = descriptor_pool.DescriptorPool()
        self._enums: set[str] = set()

    def add(
        self,
        file: str,
        table: str,
        enums: Mapping[str, Mapping[str, int]] = {},
        depends: Iterable[str] = (),
    ) -> None:
        """Declare the messages of ``table`` and ``enums`` as the proto3 file ``file``.

        Raises:
            ValueError: a line of the table cannot be read.
            TypeError: the table names a type that neither it nor ``depends`` declares.
        """
        proto = descriptor_pb2.FileDescriptorProto(name=file, package=self.package, syntax="proto3", dependency=depends)
        places: dict[str, descriptor_pb2.DescriptorProto] = {}
        messages = read_table(table)
        for name in messages:
            places[name] = _place(proto, places, name)
        for name, numbers in enums.items():
            self._enums.add(name)
            _add_enum(proto, places, name, numbers)
        for name, rows in messages.items():
            for row in rows:
                self._add_field(places[name], name, row)
        self._pool.Add(proto)

    def descriptor(self, name: str) -> Descriptor:
        """The descriptor of message ``name`` (without the package)."""
        return self._pool.FindMessageTypeByName(f"{self.package}.{name}")

    def message_class(self, name: str) -> type[Message]:
        """The Python class of message ``name`` (without the package)."""
        return message_factory.GetMessageClass(self.descriptor(name))

    def _add_field(self, message: descriptor_pb2.DescriptorProto, owner: str, row: Row) -> None:
        field = message.field.add(name=row.name, number=row.number)
        field.label = _Field.LABEL_REPEATED if row.repeated else _Field.LABEL_OPTIONAL
        if row.key:
            field.type = _Field.TYPE_MESSAGE
            field.type_name = f".{self.package}.{owner}.{self._add_entry(message, row)}"
        else:
            self._set_type(field, row.type, row.lazy)
        if row.oneof:
            if row.oneof not in (o.name for o in message.oneof_decl):
                message.oneof_decl.add(name=row.oneof)
            field.oneof_index = len(message.oneof_decl) - 1

    def _add_entry(self, message: descriptor_pb2.DescriptorProto, row: Row) -> str:
        """Declare the entry message of a map; the name is the one protoc gives."""
        name = "".join(part.capitalize() for part in row.name.split("_")) + "Entry"
        entry = message.nested_type.add(name=name)
        entry.options.map_entry = self.variant is not Variant.RAW
        for number, part, type_, lazy in ((1, "key", row.key, False), (2, "value", row.type, row.lazy)):
            field = entry.field.add(name=part, number=number, label=_Field.LABEL_OPTIONAL)
            self._set_type(field, type_, lazy)
            if self.variant is Variant.RAW:  # written also where it is empty or zero, as in a map
                field.oneof_index = len(entry.oneof_decl)
                entry.oneof_decl.add(name=f"_{part}")
        return name

    def _set_type(self, field: descriptor_pb2.FieldDescriptorProto, name: str, lazy: bool) -> None:
        if lazy and self.variant is not Variant.FULL:
            name = "bytes"
        if name == "string" and self.variant is Variant.RAW:
            name = "bytes"
        if name in _SCALARS:
            field.type = _SCALARS[name]
            return
        field.type = _Field.TYPE_ENUM if name in self._enums else _Field.TYPE_MESSAGE
        field.type_name = f".{self.package}.{name}"


def read_table(table: str) -> dict[str, list[Row]]:
    """The fields of each message of a table.

    Raises:
        ValueError: a line that is neither a message name nor a field.
    """
    messages: dict[str, list[Row]] = {}
    rows: list[Row] = []
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            rows = messages.setdefault(line, [])
            continue
        m = _LINE.fullmatch(line)
        if m is None:
            raise ValueError(f"not a field: {line!r}")
        number, name, star, key, map_lazy, value, lazy, type_, oneof = m.groups()
        rows.append(
            Row(
                int(number),
                name,
                bool(star or key),
                value or type_,
                bool(map_lazy or lazy),
                key or "",
                oneof or "",
            )
        )
    return messages


def _place(
    file: descriptor_pb2.FileDescriptorProto,
    places: Mapping[str, descriptor_pb2.DescriptorProto],
    name: str,
) -> descriptor_pb2.DescriptorProto:
    parent, _, last = name.rpartition(".")
    return places[parent].nested_type.add(name=last) if parent else file.message_type.add(name=last)


def _add_enum(
    file: descriptor_pb2.FileDescriptorProto,
    places: Mapping[str, descriptor_pb2.DescriptorProto],
    name: str,
    numbers: Mapping[str, int],
) -> None:
    parent, _, last = name.rpartition(".")
    declared = (places[parent] if parent else file).enum_type.add(name=last)
    for value, number in numbers.items():
        declared.value.add(name=value, number=number)
