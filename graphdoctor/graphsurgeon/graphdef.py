"""GraphDef as scripts know it: nodes in order, and whatever else the file holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, overload

from google.protobuf.message import DecodeError

from graphdoctor.graphsurgeon.nodedef import NodeDef, copied
from graphdoctor.wire.messages import schema
from graphdoctor.wire.scan import LEN, encode_varint
from graphdoctor.wire.schema import Variant

_GRAPH = schema(Variant.FULL).message_class("GraphDef")


class NodeList:
    """``graph_def.node``: the nodes in their order. What is added is copied, as protobuf does."""

    __slots__ = ("_graph",)

    def __init__(self, graph: GraphDef) -> None:
        self._graph = graph

    def __len__(self) -> int:
        return len(self._graph.nodes())

    def __iter__(self) -> Iterator[NodeDef]:
        index = 0
        while index < len(nodes := self._graph.nodes()):
            yield nodes[index]
            index += 1

    @overload
    def __getitem__(self, index: int) -> NodeDef: ...
    @overload
    def __getitem__(self, index: slice) -> list[NodeDef]: ...
    def __getitem__(self, index: int | slice) -> NodeDef | list[NodeDef]:
        return self._graph.nodes()[index]

    def __delitem__(self, index: int | slice) -> None:
        gone = self[index]
        self._graph.discard(gone if isinstance(gone, list) else [gone])

    def add(self, **fields: Any) -> NodeDef:
        """Make a node at the end and give it."""
        node = NodeDef(**fields)
        self._graph.take([node])
        return node

    def append(self, node: Any) -> None:
        """A copy of ``node`` at the end."""
        self.extend([node])

    def extend(self, nodes: Iterable[Any]) -> None:
        """Copies of ``nodes`` at the end."""
        self._graph.take([copied(node) for node in nodes])

    MergeFrom = extend

    def insert(self, index: int, node: Any) -> None:
        """A copy of ``node`` in front of ``index``."""
        nodes = list(self._graph.nodes())
        nodes.insert(index, copied(node))
        self._graph.arrange(nodes)

    def remove(self, node: Any) -> None:
        """Remove ``node``, or else the first that is equal to it.

        Raises:
            ValueError: there is none.
        """
        nodes = self._graph.nodes()
        found = next((n for n in nodes if n is node), None) or next((n for n in nodes if n == node), None)
        if found is None:
            raise ValueError("the graph has no such node")
        self._graph.discard([found])

    def pop(self, index: int = -1) -> NodeDef:
        """Remove one and give it."""
        node = self[index]
        self._graph.discard([node])
        return node

    def sort(self, **how: Any) -> None:
        """Sort as lists do."""
        self._graph.arrange(sorted(self._graph.nodes(), **how))

    def reverse(self) -> None:
        """Turn the order round."""
        self._graph.arrange(self._graph.nodes()[::-1])


class GraphDef:
    """A graph: nodes in order, and what else the file holds (versions, functions, unknown fields)."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self._rest: Any = _GRAPH()
        self._nodes: dict[int, NodeDef] = {}
        self._order: list[NodeDef] | None = []
        self._next = 0
        self.version = 0
        """Counts changes of any kind to nodes, their names, ops and inputs."""
        self.changed: dict[int, NodeDef] = {}
        """Nodes that came, went, or have another name or other inputs since the last look, by identity."""

    @classmethod
    def FromString(cls, data: bytes) -> GraphDef:  # noqa: N802 - protobuf's name
        """The graph that ``data`` holds.

        Raises:
            DecodeError: it is no GraphDef.
        """
        graph = cls()
        graph.ParseFromString(data)
        return graph

    def ParseFromString(self, data: bytes) -> None:  # noqa: N802 - protobuf's name
        """Become the graph that ``data`` holds.

        Raises:
            DecodeError: it is no GraphDef; this graph is as it was.
        """
        try:
            message: Any = _GRAPH.FromString(data)
        except UnicodeDecodeError as e:
            raise DecodeError(f"not a GraphDef: {e}") from e
        self.discard(self.nodes())
        nodes = [NodeDef.of(node) for node in message.node]
        del message.node[:]
        self._rest = message
        self.take(nodes)

    def CopyFrom(self, other: Any) -> None:  # noqa: N802 - protobuf's name
        """Become equal to ``other``, a graph of any library."""
        self.ParseFromString(other.SerializeToString())

    def SerializeToString(self, deterministic: bool = True) -> bytes:  # noqa: N802 - protobuf's name
        """This graph as the bytes of a .pb file, nodes first."""
        parts: list[bytes] = []
        for node in self.nodes():
            data = node.SerializeToString()
            parts += (encode_varint(1 << 3 | LEN), encode_varint(len(data)), data)
        return b"".join([*parts, self._rest.SerializeToString(deterministic=deterministic)])

    def ByteSize(self) -> int:  # noqa: N802 - protobuf's name
        """Length in bytes."""
        return len(self.SerializeToString())

    @property
    def node(self) -> NodeList:
        return NodeList(self)

    @property
    def library(self) -> Any:
        return self._rest.library

    @property
    def versions(self) -> Any:
        return self._rest.versions

    def nodes(self) -> list[NodeDef]:
        """The nodes in order; not to be changed."""
        if self._order is None:
            self._order = list(self._nodes.values())
        return self._order

    def take(self, nodes: Iterable[NodeDef]) -> None:
        """Add ``nodes``, which belong to no graph, at the end."""
        self._order = None
        self.version += 1
        for node in nodes:
            node.owner, node.serial = self, self._next
            self._next += 1
            self._nodes[id(node)] = node
            self.changed[id(node)] = node

    def discard(self, nodes: Iterable[NodeDef]) -> None:
        """Remove ``nodes`` of this graph; nothing else is touched."""
        self.version += 1
        for node in nodes:
            del self._nodes[id(node)]
            node.owner = None
            self.changed[id(node)] = node
        self._order = None

    def arrange(self, nodes: list[NodeDef]) -> None:
        """Make ``nodes`` the nodes, in this order."""
        self.discard(self.nodes())
        self.take(nodes)

    def touched(self, node: NodeDef) -> None:
        """Note that ``node`` has another name, another op or other inputs."""
        self.version += 1
        self.changed[id(node)] = node

    def holds(self, node: NodeDef) -> bool:
        """True for a node of this graph."""
        return id(node) in self._nodes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GraphDef) and self.SerializeToString() == other.SerializeToString()

    def __str__(self) -> str:
        return "".join(f"node {{\n{node}}}\n" for node in self.nodes()) + str(self._rest)
