"""A model to the bytes of a UFF file: the same each time, fields by number, maps and lists in the model's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphdoctor.errors import InputError
from graphdoctor.wire import scan
from graphdoctor.wire.uff.data import Data, Order
from graphdoctor.wire.uff.messages import raw_class
from graphdoctor.wire.uff.model import UffGraph, UffModel, UffNode

_MAX_BYTES = (1 << 31) - 1
_GRAPH, _REFERENCE, _EXTRA = 4, 5, 100
_KEY, _VALUE, _BLOB = 1, 2, 9


def uff_bytes(model: UffModel) -> bytes:
    """``model`` as a file.

    Raises:
        InputError: as for :func:`uff_chunks`.
    """
    return b"".join(uff_chunks(model))


def uff_chunks(model: UffModel) -> Iterator[bytes | memoryview]:
    """``model`` as the pieces of a file; weights are handed on as they are, not copied.

    Raises:
        InputError: the file would be over protobuf's 2 GiB, or a number does not fit its field.
    """
    total = 0
    for chunk in _chunks(model):
        total += len(chunk) if isinstance(chunk, bytes) else chunk.nbytes
        if total > _MAX_BYTES:
            raise InputError(
                f"the UFF model would have more than {_MAX_BYTES:,} bytes",
                remedy="Protobuf, and so UFF, ends at 2 GiB with its weights; split the graph",
            )
        yield chunk


def _chunks(model: UffModel) -> Iterator[bytes | memoryview]:
    head = raw_class("MetaGraph")(version=model.version, descriptor_core_version=model.core_version)
    for d in model.descriptors:
        head.descriptors.add(id=d.id.encode(), version=d.version, optional=d.optional)
    yield head.SerializeToString()
    for graph in model.graphs:
        yield scan.encode_field(_GRAPH, _encode_graph(graph))
    for number, entries in ((_REFERENCE, model.references), (_EXTRA, model.extra_fields)):
        for key, data in entries.items():
            yield from _entry(number, key, data)


def _entry(number: int, key: str, data: Data) -> Iterator[bytes | memoryview]:
    if data.member != "blob":
        entry = raw_class("MetaGraph.ReferencedDataEntry")()
        _fill_entry(entry, key, data, "the referenced data")
        yield scan.encode_field(number, entry.SerializeToString())
        return
    blob = memoryview(data.value)
    inner = _head(_BLOB, blob.nbytes)
    start = scan.encode_field(_KEY, key.encode()) + _head(_VALUE, len(inner) + blob.nbytes) + inner
    yield _head(number, len(start) + blob.nbytes) + start
    yield blob


def _head(number: int, size: int) -> bytes:
    return scan.encode_varint(number << 3 | scan.LEN) + scan.encode_varint(size)


def _encode_graph(graph: UffGraph) -> bytes:
    message = raw_class("Graph")(id=graph.id.encode())
    for node in graph.nodes:
        _fill_node(message.nodes.add(), node)
    _fill_map(message.extra_fields, graph.extra_fields, f"graph {graph.id!r}")
    done: bytes = message.SerializeToString()
    return done


def _fill_node(message: Any, node: UffNode) -> None:
    message.id = node.id.encode()
    message.inputs.extend(i.encode() for i in node.inputs)
    message.operation = node.op.encode()
    _fill_map(message.fields, node.fields, f"node {node.id!r}")
    _fill_map(message.extra_fields, node.extra_fields, f"node {node.id!r}")


def _fill_map(entries: Any, values: Mapping[str, Data], what: str) -> None:
    for key, data in values.items():
        _fill_entry(entries.add(), key, data, what)


def _fill_entry(entry: Any, key: str, data: Data, what: str) -> None:
    """Key and value are written also where they are empty, as in every map of protobuf."""
    entry.key = key.encode()
    entry.value.SetInParent()
    if not data.member:
        return
    try:
        _FILL.get(data.member, _set)(entry.value, data.member, data.value)
    except (ValueError, TypeError) as e:
        raise InputError(f"{what} cannot be written: field {key!r} holds {data.value!r:.80} as {data.member}") from e


def _set(message: Any, member: str, value: Any) -> None:
    setattr(message, member, value)


def _set_text(message: Any, member: str, value: str) -> None:
    setattr(message, member, value.encode())


def _set_blob(message: Any, member: str, value: Any) -> None:
    message.blob = bytes(value)


def _set_list(message: Any, member: str, value: tuple[Any, ...]) -> None:
    items = getattr(message, member)
    items.SetInParent()
    items.val.extend(value)


def _set_texts(message: Any, member: str, value: tuple[str, ...]) -> None:
    _set_list(message, member, tuple(v.encode() for v in value))


def _set_order(message: Any, member: str, value: Order) -> None:
    message.dim_orders.SetInParent()
    _fill_order(message.dim_orders, value)


def _set_orders(message: Any, member: str, value: tuple[Order, ...]) -> None:
    message.dim_orders_list.SetInParent()
    for order in value:
        _fill_order(message.dim_orders_list.val.add(), order)


def _fill_order(message: Any, order: Order) -> None:
    for key, items in order:
        entry = message.orders.add(key=key)
        entry.value.SetInParent()
        entry.value.val.extend(items)


_FILL: dict[str, Callable[[Any, str, Any], None]] = {
    "s": _set_text,
    "ref": _set_text,
    "blob": _set_blob,
    "s_list": _set_texts,
    "dim_orders": _set_order,
    "dim_orders_list": _set_orders,
    **dict.fromkeys(("d_list", "b_list", "i_list", "dtype_list"), _set_list),
}
