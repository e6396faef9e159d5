"""``node_map`` and ``node_outputs``: answers that are looked up when they are asked for.

A script may ask ``graph.node_map[name]`` in a loop over all nodes, with edits between: to build a dictionary each time
would make it quadratic.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from typing import Generic, TypeVar

from graphdoctor.graphsurgeon.graphdef import GraphDef
from graphdoctor.graphsurgeon.index import Index, base_name
from graphdoctor.graphsurgeon.nodedef import NodeDef

T = TypeVar("T")


class Table(Mapping[str, T], Generic[T]):
    """A dictionary by name, of this moment. A loop over it sees the graph as it was when the loop began."""

    def __init__(self, graph: GraphDef, index: Index) -> None:
        self._graph, self._index = graph, index

    def copy(self) -> dict[str, T]:
        """All of it, as a dictionary of the asker's own."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[str]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self.copy())

    def items(self) -> ItemsView[str, T]:
        """Names and what they stand for."""
        return self.copy().items()

    def values(self) -> ValuesView[T]:
        """What the names stand for."""
        return self.copy().values()

    def __repr__(self) -> str:
        return repr(self.copy())


class NodeMap(Table[NodeDef]):
    """Name to node; the last one where several have one name."""

    def copy(self) -> dict[str, NodeDef]:
        """All of it, in graph order."""
        return {node.name: node for node in self._graph.nodes()}

    def __getitem__(self, name: str) -> NodeDef:
        node = self._index.node(name)
        if node is None:
            raise KeyError(name)
        return node

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._index.node(name) is not None


class NodeOutputs(Table[list[NodeDef]]):
    """Name to the nodes that read it, one entry for every edge, in graph order; none for a name that nobody reads."""

    def copy(self) -> dict[str, list[NodeDef]]:
        """Every name that is read."""
        found: dict[str, list[NodeDef]] = {}
        for node in self._graph.nodes():
            for reference in node.input:
                found.setdefault(base_name(reference), []).append(node)
        return found

    def __getitem__(self, name: str) -> list[NodeDef]:
        return [r for r in self._index.readers(name) for reference in r.input if base_name(reference) == name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._index.is_read(name)


class Kept(Generic[T]):
    """A list that is made again only after the graph has changed."""

    def __init__(self, graph: GraphDef, make: Callable[[], list[T]]) -> None:
        self._graph, self._make = graph, make
        self._made: list[T] = []
        self._version = -1

    def list(self) -> list[T]:
        """The list, the asker's own."""
        if self._version != self._graph.version:
            self._made, self._version = self._make(), self._graph.version
        return self._made.copy()
