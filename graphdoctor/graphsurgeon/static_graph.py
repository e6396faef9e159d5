"""A graph to ask: its nodes by name, op and path, who reads whom, its inputs and outputs."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator
from typing import Any, NamedTuple, overload

from google.protobuf.message import DecodeError

from graphdoctor.graphsurgeon.errors import NoSuchNodeError
from graphdoctor.graphsurgeon.graphdef import GraphDef
from graphdoctor.graphsurgeon.index import Index, base_name
from graphdoctor.graphsurgeon.nodedef import NodeDef
from graphdoctor.graphsurgeon.tables import Kept, NodeMap, NodeOutputs

INPUT_OPS = frozenset({"Placeholder", "FIFOQueueV2", "FIFOQueue"})
"""Ops that count as inputs of the graph."""


class StaticGraph:
    """A GraphDef with questions.

    Every answer is of this moment: after an edit of any kind (of ``node.input`` in place as well) the next question
    sees it. What a question gives is the asker's own: later edits do not change it.

    Args:
        graphdef: a path (a .pb, .pbtxt or SavedModel), a GraphDef of this package (used, not copied), a GraphDef of
            TensorFlow or a ``tf.Graph`` (copied), another graph (shared with it), or nothing for an empty graph.

    Raises:
        InputError: the file cannot be read.
        TypeError: ``graphdef`` is nothing of the kind.
    """

    def __init__(self, graphdef: Any = None) -> None:
        shared: StaticGraph | None = graphdef if isinstance(graphdef, StaticGraph) else None
        own = graphdef if isinstance(graphdef, GraphDef) else GraphDef()
        self._graph_def: GraphDef = own if shared is None else shared._graph_def
        self._index: Index = Index(own) if shared is None else shared._index
        nodes, read = self._graph_def.nodes, self._index.is_read
        self._outputs = Kept(self._graph_def, lambda: [n for n in nodes() if n.input and not read(n.name)])
        self._inputs = Kept(self._graph_def, lambda: [n for n in nodes() if n.op in INPUT_OPS])
        if isinstance(graphdef, str | os.PathLike):
            self.read(os.fspath(graphdef))
        elif shared is None and graphdef is not None and graphdef is not own:
            own.ParseFromString(_foreign_bytes(graphdef))

    @property
    def node_map(self) -> NodeMap:
        """Name to node; the last one where several have one name."""
        return NodeMap(self._graph_def, self._index)

    @property
    def node_outputs(self) -> NodeOutputs:
        """Name to the nodes that read it, one entry for every edge, in graph order."""
        return NodeOutputs(self._graph_def, self._index)

    @property
    def graph_outputs(self) -> list[NodeDef]:
        """The nodes that nobody reads and that have inputs, in graph order."""
        return self._outputs.list()

    @property
    def graph_inputs(self) -> list[NodeDef]:
        """The placeholders and queues, in graph order."""
        return self._inputs.list()

    def __len__(self) -> int:
        return len(self._graph_def.node)

    def __iter__(self) -> Iterator[NodeDef]:
        return iter(self._graph_def.node)

    @overload
    def __getitem__(self, index: int) -> NodeDef: ...
    @overload
    def __getitem__(self, index: slice) -> list[NodeDef]: ...
    @overload
    def __getitem__(self, index: str) -> NodeDef: ...
    def __getitem__(self, index: int | slice | str) -> NodeDef | list[NodeDef]:
        return self._named(index) if isinstance(index, str) else self._graph_def.node[index]

    def __contains__(self, node: object) -> bool:
        if isinstance(node, str):
            return self._index.node(node) is not None
        return any(n is node or n == node for n in self._graph_def.nodes())

    def as_graph_def(self) -> GraphDef:
        """The graph itself, not a copy."""
        return self._graph_def

    def read(self, filename: str) -> None:
        """Become the graph in a .pb, .pbtxt or SavedModel.

        Raises:
            InputError: it cannot be read; this graph is as it was.
        """
        from graphdoctor.formats.kinds import Kind
        from graphdoctor.formats.tensorflow import graphdef_bytes, load_model, read_raw

        raw = read_raw(filename)
        try:
            plain = raw.data if raw.kind is Kind.GRAPHDEF else graphdef_bytes(load_model(filename, raw).graph)
            self._graph_def.ParseFromString(plain)
        except DecodeError:
            load_model(filename, raw)  # says what is wrong, and where
            raise

    def write(self, filename: str) -> None:
        """Write the graph to ``filename``, whole or not at all; as text if it ends in .pbtxt.

        Raises:
            InputError: it cannot be written.
        """
        from graphdoctor.formats.readfile import atomic_write
        from graphdoctor.wire.tensorflow import graph_text, parse_graph_def

        data = self._graph_def.SerializeToString()
        if str(filename).endswith((".pbtxt", ".prototxt")):
            data = graph_text(parse_graph_def(data)).encode()
        atomic_write(os.fspath(filename), data)

    def write_tensorboard(self, logdir: str) -> None:
        """Write the graph as an event file that TensorBoard shows; constants over 1 KiB are left out of it.

        Raises:
            InputError: it cannot be written.
        """
        from graphdoctor.graphsurgeon.tensorboard import write_event_file

        write_event_file(self._graph_def, os.fspath(logdir))

    def find_nodes_by_op(self, op: str | Iterable[str]) -> list[NodeDef]:
        """The nodes whose op is ``op``, or one of them, in graph order."""
        wanted: Container[str] = {op} if isinstance(op, str) else _container(op)
        return [n for n in self._graph_def.nodes() if n.op in wanted]

    def find_nodes_by_name(self, name: str | Iterable[str]) -> list[NodeDef]:
        """The nodes whose name behind the last ``/`` is ``name`` or is matched whole by it as a regular expression."""
        found = _Matcher(name)
        return found.checked([n for n in self._graph_def.nodes() if found.matches(n.name.rpartition("/")[2])])

    def find_nodes_by_path(self, path: str | Iterable[str]) -> list[NodeDef]:
        """The nodes whose full name is ``path`` or is matched whole by it as a regular expression."""
        found = _Matcher(path)
        return found.checked([n for n in self._graph_def.nodes() if found.matches(n.name)])

    def find_node_chains_by_op(self, chain: list[str]) -> list[list[NodeDef]]:
        """For each node of op ``chain[-1]`` that ends such a chain, the nodes of all its branches, producers first.

        A branch follows inputs of any kind. Every node stands once in a list.
        """
        found = []
        for node in self.find_nodes_by_op(chain[-1]):
            branches = _Branches({}, {})
            if self._branches(node, list(chain[:-1]), branches):
                found.append(list(branches.nodes.values()))
        return found

    def find_node_inputs(self, node: NodeDef) -> list[NodeDef]:
        """The nodes that ``node`` reads, one for every input, control inputs included.

        Raises:
            KeyError: it reads a node that the graph does not have.
        """
        return [self._named(base_name(reference)) for reference in node.input]

    def find_node_inputs_by_name(self, node: NodeDef, name: str | Iterable[str]) -> list[NodeDef]:
        """Those of :meth:`find_node_inputs` whose name matches as in :meth:`find_nodes_by_name`."""
        found = _Matcher(name)
        wanted = [r for r in node.input if found.matches(base_name(r).rpartition("/")[2])]
        return found.checked([self._named(base_name(reference)) for reference in wanted])

    def find_node_inputs_by_op(self, node: NodeDef, op: str | Iterable[str]) -> list[NodeDef]:
        """Those of :meth:`find_node_inputs` whose op is ``op``, or one of them."""
        wanted: Container[str] = {op} if isinstance(op, str) else _container(op)
        return [n for n in self.find_node_inputs(node) if n.op in wanted]

    def _named(self, name: str) -> NodeDef:
        node = self._index.node(name)
        if node is None:
            raise NoSuchNodeError(f"the graph has no node {name!r}{self._near(name)}")
        return node

    def _near(self, name: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(name, [n.name for n in self._graph_def.nodes()][:20000], n=1)
        return f"; did you mean {near[0]!r}?" if near else ""

    def _branches(self, node: NodeDef, ops: list[str], found: _Branches) -> bool:
        """True if a branch with ``ops`` in front of ``node`` ends in it; adds such branches to ``found``."""
        key = (id(node), len(ops))
        if key not in found.answers:
            inputs = [i for i in self.find_node_inputs(node) if i.op == ops[-1]] if ops else []
            ends = [self._branches(i, ops[:-1], found) for i in inputs]
            found.answers[key] = not ops or any(ends)
            if found.answers[key]:
                found.nodes.setdefault(id(node), node)
        return found.answers[key]


class _Branches(NamedTuple):
    """What a search for chains has found: whether a node with so many ops before it ends one, and all their nodes."""

    answers: dict[tuple[int, int], bool]
    nodes: dict[int, NodeDef]


class _Matcher:
    """Names as graphsurgeon matches them: equal as text, or ``re.match`` takes in the whole name."""

    def __init__(self, words: str | Iterable[str]) -> None:
        self._words = {words} if isinstance(words, str) else set(words)
        self._expressions = []
        self._errors: dict[str, re.error] = {}
        for word in sorted(self._words):
            try:
                self._expressions.append(re.compile(word))
            except re.error as e:
                self._errors[word] = e

    def matches(self, text: str) -> bool:
        if text in self._words:
            self._errors.pop(text, None)
            return True
        return any(m is not None and m.end() == len(text) for m in (e.match(text) for e in self._expressions))

    def checked(self, found: list[NodeDef]) -> list[NodeDef]:
        """``found``; a word that is no expression and no node's name either is an error."""
        for error in self._errors.values():
            raise error
        return found


def _container(words: Any) -> Container[str]:
    """Words to look in: a container as it is, anything to iterate over once as a set."""
    if isinstance(words, Iterator):
        return set(words)
    if isinstance(words, Container):
        return words
    raise TypeError(f"an op is a string or a collection of strings, not {type(words).__name__}")


def _foreign_bytes(graph: Any) -> bytes:
    """The bytes of another library's GraphDef or graph.

    Raises:
        TypeError: it is neither.
    """
    if hasattr(graph, "as_graph_def"):
        graph = graph.as_graph_def()
    if getattr(getattr(graph, "DESCRIPTOR", None), "name", "") != "GraphDef":
        raise TypeError(f"a graph is made of a path, a GraphDef or a graph, not {type(graph).__name__}")
    data: bytes = graph.SerializeToString()
    return data
