"""Who is called what and who reads whom, kept up to date from the changes alone."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.graphsurgeon.graphdef import GraphDef
from graphdoctor.graphsurgeon.nodedef import NodeDef


def is_control(reference: str) -> bool:
    """True for ``^name``: wait for that node, take no value of it."""
    return reference.startswith("^")


def base_name(reference: str) -> str:
    """The name of the node that ``reference`` names: without ``^`` and ``:k``."""
    name = reference[1:] if reference.startswith("^") else reference
    head, colon, output = name.rpartition(":")
    return head if colon and output.isdigit() else name


def output_index(reference: str) -> int:
    """Which output ``reference`` names: 0 where it does not say."""
    _, colon, output = reference.rpartition(":")
    return int(output) if colon and output.isdigit() else 0


class Index:
    """Nodes by name and readers by name of a graph. Every answer is in graph order and of this moment."""

    def __init__(self, graph: GraphDef) -> None:
        self._graph = graph
        self._named: dict[str, dict[int, NodeDef]] = {}
        self._readers: dict[str, dict[int, NodeDef]] = {}
        self._known: dict[int, tuple[str, tuple[str, ...]]] = {}
        graph.changed.update((id(n), n) for n in graph.nodes())

    def named(self, name: str) -> list[NodeDef]:
        """The nodes of that name; more than one only in a broken graph."""
        self._catch_up()
        return _in_order(self._named.get(name, {}))

    def node(self, name: str) -> NodeDef | None:
        """The node of that name: the last one if there are several."""
        return next(reversed(self.named(name)), None)

    def readers(self, name: str) -> list[NodeDef]:
        """The nodes with a reference to ``name``, control inputs included; each once."""
        self._catch_up()
        return _in_order(self._readers.get(name, {}))

    def is_read(self, name: str) -> bool:
        """True if any node has a reference to ``name``."""
        self._catch_up()
        return bool(self._readers.get(name))

    def read_names(self) -> Iterator[str]:
        """Every name that a reference names, whether there is such a node or not."""
        self._catch_up()
        return (name for name, readers in self._readers.items() if readers)

    def _catch_up(self) -> None:
        changed = self._graph.changed
        while changed:
            key, node = changed.popitem()
            self._forget(key)
            if self._graph.holds(node):
                self._learn(key, node)

    def _forget(self, key: int) -> None:
        name, read = self._known.pop(key, ("", ()))
        self._named.get(name, {}).pop(key, None)
        for other in read:
            self._readers[other].pop(key, None)

    def _learn(self, key: int, node: NodeDef) -> None:
        read = tuple(map(base_name, node.input))
        self._known[key] = (node.name, read)
        self._named.setdefault(node.name, {})[key] = node
        for other in read:
            self._readers.setdefault(other, {})[key] = node


def _in_order(nodes: dict[int, NodeDef]) -> list[NodeDef]:
    return sorted(nodes.values(), key=lambda n: n.serial) if len(nodes) > 1 else list(nodes.values())
