"""GraphDef messages to a graph and back, keeping what is not understood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet

from graphdoctor.ir import Attrs, Graph, Node, NodeRecord
from graphdoctor.ir.edits import input_names
from graphdoctor.wire.tensorflow import GraphDef, NodeDef, serialize

_NODE_KEY = b"\x0a"
"""Tag of GraphDef.node: field 1, length-delimited."""


def graph_from_graphdef(message: Any) -> Graph:
    """The graph of a GraphDef message. Constants stay undecoded; the nodes keep hold of the message.

    Raises:
        InputError: two nodes have one name.
    """
    return Graph.from_records(_records(message), source=message)


def _records(message: Any) -> Iterator[NodeRecord]:
    for node in message.node:
        yield NodeRecord(node.name, node.op, node.input, Attrs(messages=node.attr), node.device, node)


def graphdef_chunks(graph: Graph) -> Iterator[bytes]:
    """``graph`` as the bytes of a .pb file, node by node, so that the constants are never copied all at once.

    Node order, ``versions``, ``library`` and unknown fields are kept; the same graph gives the same bytes.
    """
    for node in graph:
        data = serialize(_node_message(node))
        yield _NODE_KEY + _varint(len(data))
        yield data
    if graph.source is not None:
        yield serialize(_without_nodes(graph.source))


def graphdef_bytes(graph: Graph) -> bytes:
    """``graph`` as the bytes of a .pb file."""
    return b"".join(graphdef_chunks(graph))


def graphdef_from_graph(graph: Graph) -> Any:
    """``graph`` as a GraphDef message."""
    return GraphDef.FromString(graphdef_bytes(graph))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _without_nodes(source: Any) -> Any:
    """What a GraphDef holds besides its nodes; only unknown fields force a copy of everything."""
    rest = GraphDef()
    if len(UnknownFieldSet(source)):
        rest.CopyFrom(source)
        del rest.node[:]
        return rest
    for field, value in source.ListFields():
        if field.name == "node":
            continue
        if field.message_type is not None:
            getattr(rest, field.name).CopyFrom(value)
        else:
            setattr(rest, field.name, value)
    return rest


def _node_message(node: Node) -> Any:
    """The NodeDef to write: the one that was read if nothing changed, else a new one with its unknown fields."""
    if node.source is None:
        return _fill(node, NodeDef())
    if _unchanged(node):
        return node.source
    message = NodeDef()
    message.CopyFrom(node.source)
    del message.input[:]
    message.ClearField("attr")
    return _fill(node, message)


def _fill(node: Node, message: Any) -> Any:
    message.name, message.op, message.device = node.name, node.op, node.device
    message.input.extend(input_names(node.inputs, node.controls))
    for key in node.attrs:
        message.attr[key].CopyFrom(node.attrs.message(key))
    return message


def _unchanged(node: Node) -> bool:
    source = node.source
    same = node.name == source.name and node.op == source.op and node.device == source.device
    return same and node.attrs.is_pristine and _same_inputs(node)


def _same_inputs(node: Node) -> bool:
    """As the file had them; ``a:0`` and ``a`` are the same value, and a file may state controls anywhere."""
    written = sorted(input_names(node.inputs, node.controls), key=lambda r: r.startswith("^"))
    stated = sorted(node.source.input, key=lambda r: r.startswith("^"))
    return len(written) == len(stated) and all(w == s or f"{w}:0" == s for w, s in zip(written, stated, strict=True))
