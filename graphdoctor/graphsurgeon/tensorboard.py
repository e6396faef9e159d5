"""A graph as the event file that TensorBoard reads: records with a CRC-32C of their own."""

from __future__ import annotations

import socket
import struct
import time
from functools import cache
from pathlib import Path
from typing import Any

from graphdoctor.graphsurgeon.graphdef import GraphDef
from graphdoctor.wire.scan import encode_field

_LARGEST_CONSTANT = 1024
_FILE_VERSION = b"brain.Event:2"
_WALL_TIME, _VERSION, _GRAPH = 1, 3, 4
"""Field numbers of TensorFlow's Event message."""


def write_event_file(graph: GraphDef, folder: str) -> str:
    """Write ``graph`` into a new event file in ``folder``, which is made if need be; gives its path.

    TensorBoard shows structure, not weights: of constants over 1 KiB only dtype and shape are written.

    Raises:
        InputError: it cannot be written.
    """
    from graphdoctor.formats.readfile import atomic_write

    now = time.time()
    path = Path(folder) / f"events.out.tfevents.{int(now)}.{socket.gethostname()}"
    Path(folder).mkdir(parents=True, exist_ok=True)
    stamp = bytes([_WALL_TIME << 3 | 1]) + struct.pack("<d", now)
    events = (encode_field(_VERSION, _FILE_VERSION), encode_field(_GRAPH, _light(graph)))
    atomic_write(str(path), [_record(stamp + event) for event in events])
    return str(path)


def _light(graph: GraphDef) -> bytes:
    copy = GraphDef.FromString(graph.SerializeToString())
    for node in copy.nodes():
        for _, value in node.attr.items():
            if value.HasField("tensor") and value.tensor.ByteSize() > _LARGEST_CONSTANT:
                _without_values(value.tensor)
    return copy.SerializeToString()


def _without_values(tensor: Any) -> None:
    for field, _ in tensor.ListFields():
        if field.name not in ("dtype", "tensor_shape"):
            tensor.ClearField(field.name)


def _record(data: bytes) -> bytes:
    """Length, its checksum, the data, its checksum."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked_crc(length), data, _masked_crc(data)))


def _masked_crc(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of ``data``."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)
