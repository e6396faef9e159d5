"""Small graphs to look for: nodes with sets of ops, and the edges between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphdoctor.errors import InputError
from graphdoctor.ir import GraphView, Node


@dataclass(frozen=True, slots=True)
class PatternEdge:
    """``producer`` feeds ``consumer``.

    Attributes:
        producer: name of the pattern node that is read.
        consumer: name of the pattern node that reads.
        output: which output is read; ``None`` is any.
        input: at which data input; ``None`` is any.
        only: True if nothing else may read the producer, and it is no output of the graph.
    """

    producer: str
    consumer: str
    output: int | None = None
    input: int | None = None
    only: bool = False


Binding = Mapping[str, Node]
"""Pattern node to graph node."""


class Pattern:
    """A connected small graph.

    Args:
        nodes: name -> ops that fit there.
        edges: they connect every node with the anchor.
        anchor: the node that the search starts at and that a match stands for; the first by default.

    Raises:
        InputError: an edge names a node that is not there, or a node is not connected with the anchor.
    """

    def __init__(self, nodes: Mapping[str, Sequence[str]], edges: Sequence[PatternEdge] = (), anchor: str = "") -> None:
        self.nodes = {name: frozenset(ops) for name, ops in nodes.items()}
        self._order = {name: tuple(ops) for name, ops in nodes.items()}
        self.anchor = anchor or next(iter(nodes), "")
        for name in (self.anchor, *(e.producer for e in edges), *(e.consumer for e in edges)):
            if name not in self.nodes:
                raise InputError(f"the pattern has no node {name!r}", remedy=f"Nodes: {', '.join(self.nodes)}")
        self.edges = self._sorted(list(edges))

    def _sorted(self, edges: list[PatternEdge]) -> tuple[PatternEdge, ...]:
        """The edges so that each starts or ends at a node that is bound already."""
        bound, done = {self.anchor}, list[PatternEdge]()
        while edges:
            edge = next((e for e in edges if e.producer in bound or e.consumer in bound), None)
            if edge is None:
                break
            edges.remove(edge)
            done.append(edge)
            bound |= {edge.producer, edge.consumer}
        loose = self.nodes.keys() - bound
        if loose:
            raise InputError(f"the pattern node {min(loose)!r} is not connected with {self.anchor!r}")
        return tuple(done)

    def matches(self, graph: GraphView) -> Iterator[Binding]:
        """One binding for each graph node that fits as the anchor, in the order of the op index."""
        for node in graph.by_op(*self._order[self.anchor]):
            binding = self.match_at(graph, node)
            if binding is not None:
                yield binding

    def match_at(self, graph: GraphView, node: Node) -> Binding | None:
        """The first binding with ``node`` as the anchor, or ``None``."""
        if node.op not in self.nodes[self.anchor]:
            return None
        return next(self._extend(graph, {self.anchor: node}, 0), None)

    def _extend(self, graph: GraphView, bound: dict[str, Node], at: int) -> Iterator[Binding]:
        if at == len(self.edges):
            yield bound
            return
        edge = self.edges[at]
        for producer, consumer in self._candidates(graph, edge, bound):
            if edge.only and not _is_only_use(graph, producer):
                continue
            yield from self._extend(graph, bound | {edge.producer: producer, edge.consumer: consumer}, at + 1)

    def _candidates(
        self, graph: GraphView, edge: PatternEdge, bound: Mapping[str, Node]
    ) -> Iterator[tuple[Node, Node]]:
        consumer, producer = bound.get(edge.consumer), bound.get(edge.producer)
        if consumer is None and producer is not None:
            ops = self.nodes[edge.consumer]
            readers = {u.node: None for u in graph.uses(producer) if u.node.op in ops}
        else:
            readers = {} if consumer is None else {consumer: None}
        for reader in readers:
            for slot, value in enumerate(reader.inputs):
                if (
                    edge.input in (None, slot)
                    and edge.output in (None, value.index)
                    and (value.node is producer or (producer is None and value.node.op in self.nodes[edge.producer]))
                ):
                    yield value.node, reader


def _is_only_use(graph: GraphView, node: Node) -> bool:
    return len(graph.uses(node)) == 1 and not graph.is_output(node)
