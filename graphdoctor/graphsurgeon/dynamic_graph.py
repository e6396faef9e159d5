"""A graph to change: remove nodes, forward inputs, collapse namespaces, connect and disconnect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphdoctor.graphsurgeon.collapse import collapse
from graphdoctor.graphsurgeon.errors import ConflictError
from graphdoctor.graphsurgeon.forward import forward
from graphdoctor.graphsurgeon.index import base_name
from graphdoctor.graphsurgeon.nodedef import NodeDef, copied
from graphdoctor.graphsurgeon.static_graph import StaticGraph

Nodes = NodeDef | str | Iterable[NodeDef | str]


class DynamicGraph(StaticGraph):
    """A :class:`StaticGraph` with edits. No edit costs more than the nodes that it touches and their readers."""

    def append(self, node: Any) -> None:
        """A copy of ``node`` at the end."""
        self._graph_def.node.append(node)

    def extend(self, nodes: Iterable[Any]) -> None:
        """Copies of ``nodes`` at the end."""
        self._graph_def.node.extend(nodes)

    def add(self, nodes: Any) -> None:
        """As :meth:`append` or :meth:`extend`, for names that are new.

        Raises:
            ValueError: the graph has a node of that name; nothing is added.
        """
        new = [copied(n) for n in ([nodes] if isinstance(nodes, NodeDef) else nodes)]
        names = [n.name for n in new]
        taken = next((n for n in names if self._index.node(n) is not None or names.count(n) > 1), None)
        if taken is not None:
            raise ConflictError(f"the graph has a node {taken!r} already")
        self._graph_def.take(new)

    def remove(self, nodes: Nodes, remove_exclusive_dependencies: bool = False) -> None:
        """Delete nodes, and every reference to them; their inputs are not connected to their readers.

        Args:
            nodes: a node or name, or several.
            remove_exclusive_dependencies: True to delete too what nobody reads any more, back to the inputs.

        Raises:
            KeyError: the graph has no such node; nothing is deleted.
        """
        gone = {name: None for node in self._resolved(nodes) for name in (node.name,)}
        if remove_exclusive_dependencies:
            self._with_dependencies(gone)
        for name in gone:
            self._graph_def.discard(self._index.named(name))
        for name in gone:
            for reader in self._index.readers(name):
                reader.input[:] = [r for r in reader.input if base_name(r) not in gone]

    def forward_inputs(self, nodes: NodeDef | str | Iterable[NodeDef | str]) -> None:
        """Delete nodes and let their readers read their inputs instead, in their place.

        A node that is gone already is passed over. A node stays as it is where it has control inputs, where an output
        beyond its first is read, and where only such nodes form a cycle: nothing says what its readers should read.

        Raises:
            KeyError: the graph has no such node.
            ValueError: a reader would get over a million inputs.
        """
        forward(self._graph_def, self._index, self._resolved(nodes, gone_too=True))

    def collapse_namespaces(
        self,
        namespace_map: Mapping[str, Any],
        exclude_nodes: Iterable[NodeDef | str] = (),
        unique_inputs: bool = True,
    ) -> None:
        """Put one node in the place of all that a namespace holds.

        Args:
            namespace_map: path prefix to the node that takes its place; several may share one. A node belongs to the
                longest prefix that is equal to the first components of its path.
            exclude_nodes: nodes or names that stay.
            unique_inputs: False to keep inputs of the new node that repeat.

        Raises:
            ValueError: a new node has the name of a node that stays.
        """
        excluded = {n if isinstance(n, str) else n.name for n in exclude_nodes}
        collapse(self._graph_def, self._index, namespace_map, excluded, unique=unique_inputs)

    def connect(self, who: NodeDef | str, to_whom: NodeDef | str, error_if_connected: bool = False) -> None:
        """Make ``who`` the last input of ``to_whom``, unless it is one.

        Raises:
            KeyError: the graph has no such node.
            ValueError: it is one, and ``error_if_connected``.
        """
        (source,), (reader,) = self._resolved(who), self._resolved(to_whom)
        if source.name in reader.input:
            if error_if_connected:
                raise ConflictError(f"{reader.name} reads {source.name} already")
            return
        reader.input.append(source.name)

    def disconnect(self, who: NodeDef | str, of_whom: NodeDef | str, error_if_not_connected: bool = False) -> None:
        """Remove the first input of ``of_whom`` that names ``who``: plain, else an output of it, else a control input.

        Raises:
            KeyError: the graph has no such node.
            ValueError: it is no input, and ``error_if_not_connected``.
        """
        (source,), (reader,) = self._resolved(who), self._resolved(of_whom)
        ranked = sorted(
            (r != source.name, r.startswith("^"), i) for i, r in enumerate(reader.input) if base_name(r) == source.name
        )
        if ranked:
            del reader.input[ranked[0][2]]
        elif error_if_not_connected:
            raise ConflictError(f"{reader.name} does not read {source.name}")

    def sort(self, name: NodeDef | str, input: Iterable[NodeDef | str], error_if_not_found: bool = True) -> None:
        """Put the inputs ``input`` of a node first, in that order; the others keep theirs behind.

        Raises:
            KeyError: the graph has no such node.
            ValueError: one of ``input`` is no input, and ``error_if_not_found``; else it becomes one.
        """
        (node,) = self._resolved(name)
        rest, first = list(node.input), []
        for wanted in (i if isinstance(i, str) else i.name for i in input):
            if wanted in rest:
                rest.remove(wanted)
            elif error_if_not_found:
                raise ConflictError(f"{node.name} has no input {wanted!r}")
            else:
                self._named(base_name(wanted))
            first.append(wanted)
        node.input[:] = first + rest

    def _resolved(self, nodes: Nodes, *, gone_too: bool = False) -> list[NodeDef]:
        """The nodes of this graph that are meant; ``gone_too`` passes over nodes that it has no more.

        Raises:
            KeyError: there is none of that name.
        """
        single = isinstance(nodes, str | NodeDef) or hasattr(nodes, "DESCRIPTOR")
        several: list[Any] = [nodes] if single else list(nodes)  # type: ignore[arg-type]
        found = []
        for node in several:
            if isinstance(node, NodeDef) and self._graph_def.holds(node):
                found.append(node)
            elif isinstance(node, str) or not gone_too or node.name in self:
                found.append(self._named(node if isinstance(node, str) else node.name))
        return found

    def _with_dependencies(self, gone: dict[str, None]) -> None:
        """Add to ``gone`` the inputs that only what is in it reads."""
        queue = list(gone)
        while queue:
            for node in self._index.named(queue.pop()):
                for name in dict.fromkeys(map(base_name, node.input)):
                    readers = {reader.name for reader in self._index.readers(name)}
                    if name not in gone and self._index.node(name) is not None and readers <= gone.keys():
                        gone[name] = None
                        queue.append(name)
