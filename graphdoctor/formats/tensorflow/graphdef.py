"""GraphDef messages to a graph and back, keeping what is not understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.unknown_fields import UnknownFieldSet

from graphdoctor.errors import InputError
from graphdoctor.ir import Attrs, Graph, Node, NodeRecord
from graphdoctor.ir.edits import input_names
from graphdoctor.wire.scan import LEN, WireError, encode_varint
from graphdoctor.wire.split import Heavy, split_graph_def
from graphdoctor.wire.tensorflow import GraphDef, NodeDef, parse_graph_def, serialize
from graphdoctor.wire.tensors import Tensor

_NODE_FIELD = 1


class Source(NamedTuple):
    """Where a node was read from: its message and, where a large constant was left in the file, all its bytes."""

    message: Any
    raw: memoryview | None = None


def graph_from_bytes(data: bytes) -> Graph:
    """The graph of a serialized GraphDef. Large constants stay slices of ``data``, small ones undecoded.

    Raises:
        InputError: the bytes are damaged, a node has no op, or two nodes have one name.
    """
    try:
        light, heavy = split_graph_def(data)
    except WireError:
        light, heavy = data, {}  # the parser says what is wrong, and where
    message = parse_graph_def(light)
    return _graph(message, heavy)


def graph_from_graphdef(message: Any) -> Graph:
    """The graph of a GraphDef message. Constants stay undecoded; the nodes keep hold of the message.

    Raises:
        InputError: a node has no op, or two nodes have one name.
    """
    return _graph(message, {})


def _graph(message: Any, heavy: Mapping[int, Heavy]) -> Graph:
    graph = Graph.from_records(_records(message, heavy), source=message)
    graph.producer = message.versions.producer
    return graph


def _records(message: Any, heavy: Mapping[int, Heavy]) -> Iterator[NodeRecord]:
    for index, node in enumerate(message.node):
        if not node.op:
            raise InputError(
                "the node has no op", where=node.name, remedy="Export the graph again; this node is damaged"
            )
        large = heavy.get(index)
        if large is None:
            attrs, source = Attrs(messages=node.attr, pristine=True), Source(node)
        else:
            rest = {key: node.attr[key] for key in node.attr if key != large.attr}
            attrs = Attrs({large.attr: Tensor.from_payload(large.payload)}, rest, pristine=True)
            source = Source(node, large.raw)
        yield NodeRecord(node.name, node.op, node.input, attrs, node.device, source)


def graphdef_chunks(graph: Graph) -> Iterator[bytes | memoryview]:
    """``graph`` as the bytes of a .pb file, node by node, so that the constants are never copied all at once.

    Node order, ``versions``, ``library`` and unknown fields are kept; the same graph gives the same bytes.
    """
    for node in graph:
        data = _node_bytes(node)
        yield encode_varint(_NODE_FIELD << 3 | LEN) + encode_varint(len(data))
        yield data
    if graph.source is not None:
        yield serialize(_without_nodes(graph.source))


def graphdef_bytes(graph: Graph) -> bytes:
    """``graph`` as the bytes of a .pb file."""
    return b"".join(graphdef_chunks(graph))


def graphdef_from_graph(graph: Graph) -> Any:
    """``graph`` as a GraphDef message."""
    return GraphDef.FromString(graphdef_bytes(graph))


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


def _node_bytes(node: Node) -> bytes | memoryview:
    """The NodeDef that was read if nothing changed, else a new one with its unknown fields."""
    if node.source is None:
        return serialize(_fill(node, NodeDef()))
    source: Source = node.source
    if _unchanged(node, source.message):
        return source.raw if source.raw is not None else serialize(source.message)
    message = NodeDef()
    message.CopyFrom(source.message)
    del message.input[:]
    message.ClearField("attr")
    return serialize(_fill(node, message))


def _fill(node: Node, message: Any) -> Any:
    message.name, message.op, message.device = node.name, node.op, node.device
    message.input.extend(input_names(node.inputs, node.controls))
    for key in node.attrs:
        message.attr[key].CopyFrom(node.attrs.message(key))
    return message


def _unchanged(node: Node, message: Any) -> bool:
    same = node.name == message.name and node.op == message.op and node.device == message.device
    return same and node.attrs.is_pristine and _same_inputs(node, message)


def _same_inputs(node: Node, message: Any) -> bool:
    """As the file had them; ``a:0`` and ``a`` are the same value, and a file may state controls anywhere."""
    written = sorted(input_names(node.inputs, node.controls), key=lambda r: r.startswith("^"))
    stated = sorted(message.input, key=lambda r: r.startswith("^"))
    return len(written) == len(stated) and all(w == s or f"{w}:0" == s for w, s in zip(written, stated, strict=True))
