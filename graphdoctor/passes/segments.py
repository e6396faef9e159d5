"""The segments into which TF-TRT cuts a graph: connected parts that one engine each can run.

TF-TRT starts with every node by itself and joins nodes along data edges, from the outputs to the inputs, wherever
that closes no cycle through what stays outside (``compiler/tf2tensorrt/segment/segment.cc`` of TensorFlow). One such
test for each edge costs n². Here most edges need none: a node's *phase* is how often a way from it to an output can
change between inside and outside. Neighbours of the same phase have no way between them that leaves, so that they can
always be joined. The few edges between phases are tested one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.targets import SegmentRules

_STEPS = 50_000
"""Edges that all tests together may walk, beside two for each node: a made-up graph must not cost n²."""


@dataclass(frozen=True, slots=True)
class Segments:
    """How a graph is cut. Nodes of a segment stand in topological order, segments by their first node.

    Attributes:
        kept: those that become engines.
        small: those with fewer nodes than the target wants.
        surplus: those beyond the number of engines that the target keeps, the smallest.
        peeled: nodes that were taken off because a type at the border of their segment does not fit.
        whole: False where a join was not tested, so that a segment may in fact be larger.
    """

    kept: tuple[tuple[Node, ...], ...] = ()
    small: tuple[tuple[Node, ...], ...] = ()
    surplus: tuple[tuple[Node, ...], ...] = ()
    peeled: tuple[Node, ...] = ()
    whole: bool = True


class Cutter:
    """Cuts one graph, which must not change meanwhile, for as many targets as ask; what they share is found once."""

    def __init__(self, graph: GraphView) -> None:
        self._graph = graph
        self._consumers: dict[Node, list[Node]] = {}
        self._groups: list[tuple[AbstractSet[Node], AbstractSet[Node], list[tuple[Node, ...]], bool]] = []

    def cut(
        self,
        accepted: AbstractSet[Node],
        leaves: AbstractSet[Node],
        rules: SegmentRules,
        fits: Callable[[Value], bool],
        all_fit: Callable[[Node], bool],
    ) -> Segments:
        """Cut the graph.

        Args:
            accepted: nodes that may be in a segment; must not change any more.
            leaves: nodes of them whose inputs do not count: they are constants by then; must not change any more.
            rules: smallest segment, number of engines.
            fits: whether a value may cross the border of a segment.
            all_fit: True only if all values of an accepted node may; quick.
        """
        joined, whole = self._joined(accepted, leaves)
        border = _Border(self._graph, leaves, fits, all_fit)
        groups, small, peeled = list[tuple[Node, ...]](), list[tuple[Node, ...]](), list[Node]()
        for group in joined:
            inside, off = (group, []) if _size(group, rules) < rules.minimum else border.peel(group)
            peeled += off
            if inside:
                (small if _size(inside, rules) < rules.minimum else groups).append(inside)
        keep = {*sorted(range(len(groups)), key=lambda i: (-_size(groups[i], rules), i))[: rules.engines]}
        kept = tuple(g for i, g in enumerate(groups) if i in keep)
        surplus = tuple(g for i, g in enumerate(groups) if i not in keep)
        return Segments(kept, tuple(small), surplus, tuple(peeled), whole)

    def _joined(self, accepted: AbstractSet[Node], leaves: AbstractSet[Node]) -> tuple[list[tuple[Node, ...]], bool]:
        """The groups before any rule of a target, and whether every join was tested."""
        for known_accepted, known_leaves, groups, whole in self._groups:
            if known_accepted == accepted and known_leaves == leaves:
                return groups, whole
        joined = _Joined(self._graph, accepted, leaves, self._consumers)
        joined.same_phase()
        whole = joined.between_phases()
        self._groups.append((accepted, leaves, joined.groups(), whole))
        return self._groups[-1][2:]


def _size(group: Iterable[Node], rules: SegmentRules) -> int:
    return sum(n.op not in rules.uncounted for n in group)


class _Joined:
    """Union-find over the accepted nodes."""

    def __init__(
        self,
        graph: GraphView,
        accepted: AbstractSet[Node],
        leaves: AbstractSet[Node],
        consumers: dict[Node, list[Node]],
    ) -> None:
        self.graph = graph
        self.order = graph.order().nodes
        self.inside = accepted
        self.leaves = leaves
        self.parent: dict[Node, Node] = {n: n for n in self.order if n in accepted}
        self.phase: dict[Node, int] = {}
        self._consumers = consumers

    def find(self, node: Node) -> Node:
        """The node that stands for the group of ``node``."""
        parent = self.parent
        while parent[node] is not node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, one: Node, other: Node) -> Node:
        """Make one group of two; returns the node that stands for it."""
        first, second = self.find(one), self.find(other)
        self.parent[first] = second
        return second

    def producers(self, node: Node) -> Iterator[tuple[Node, bool]]:
        """What ``node`` reads, and whether that is data."""
        if node not in self.leaves:
            for value in node.inputs:
                yield value.node, True
        for control in node.controls:
            yield control, False

    def same_phase(self) -> None:
        """Give every node its phase, and join neighbours that have the same."""
        phase, inside = self.phase, self.parent
        for node in reversed(self.order):
            own = phase.setdefault(node, 0)
            for producer, data in self.producers(node):
                both = node in inside and producer in inside
                changes = not data if both else (node in inside) is not (producer in inside)
                phase[producer] = max(phase.get(producer, 0), own + changes)
        for node in self.order:
            if node in inside:
                for producer, data in self.producers(node):
                    if data and producer in inside and phase[producer] == phase[node]:
                        self.join(producer, node)

    def between_phases(self) -> bool:
        """Join across phases where no way leaves and comes back; False if there was too much to test."""
        edges = [
            (producer, node)
            for node in reversed(self.order)
            if node in self.parent
            for producer, data in self.producers(node)
            if data and producer in self.parent and self.phase[producer] != self.phase[node]
        ]
        if not edges:
            return True
        members: dict[Node, list[Node]] = {}
        for node in self.parent:
            members.setdefault(self.find(node), []).append(node)
        budget = [_STEPS + 2 * len(self.order)]
        while True:
            left = [(p, n) for p, n in edges if not self._joins(self.find(p), self.find(n), members, budget)]
            if budget[0] <= 0:
                return False
            if len(left) == len(edges):
                return True
            edges = left  # a join may have taken in what stood in the way of another

    def _joins(self, first: Node, second: Node, members: dict[Node, list[Node]], budget: list[int]) -> bool:
        """True if the two groups are one, or can be and were joined."""
        if first is second:
            return True
        if budget[0] <= 0 or self._leaves_and_returns(first, second, members, budget):
            return False
        members[second] += members.pop(first)
        self.parent[first] = second
        return True

    def _leaves_and_returns(
        self, first: Node, second: Node, members: dict[Node, list[Node]], budget: list[int]
    ) -> bool:
        """True if a way from group ``first`` to group ``second`` goes through others, or if it was not tested.

        Searches from both ends in turn: one of them is mostly small.
        """
        sides = ({first}, [first], self._readers, second), ({second}, [second], self._read, first)
        while sides[0][1] and sides[1][1]:
            mine, theirs = sides if len(sides[0][1]) <= len(sides[1][1]) else (sides[1], sides[0])
            seen, waiting, neighbours, end = mine
            group = waiting.pop()
            for place in neighbours(members.get(group, (group,)), budget):
                if place in theirs[0] and not (place is end and group in (first, second)):
                    return True
                if place is not end and place not in seen:
                    seen.add(place)
                    waiting.append(place)
            if budget[0] <= 0:
                return True
        return False

    def _readers(self, nodes: Iterable[Node], budget: list[int]) -> Iterator[Node]:
        """The groups that read ``nodes``, and nodes outside."""
        for node in nodes:
            for reader in self.consumers(node):
                budget[0] -= 1
                if reader in self.phase and reader not in self.leaves:
                    yield self.find(reader) if reader in self.parent else reader

    def _read(self, nodes: Iterable[Node], budget: list[int]) -> Iterator[Node]:
        """The groups that ``nodes`` read, and nodes outside."""
        for node in nodes:
            for producer, _ in self.producers(node):
                budget[0] -= 1
                yield self.find(producer) if producer in self.parent else producer

    def consumers(self, node: Node) -> list[Node]:
        """What reads ``node``; asked once for each."""
        if node not in self._consumers:
            self._consumers[node] = self.graph.consumers(node)
        return self._consumers[node]

    def groups(self) -> list[tuple[Node, ...]]:
        """The groups, each in topological order."""
        found: dict[Node, list[Node]] = {}
        for node in self.order:
            if node in self.parent:
                found.setdefault(self.find(node), []).append(node)
        return [tuple(nodes) for nodes in found.values()]


@dataclass(frozen=True, slots=True)
class _Border:
    """What may cross the border of a segment."""

    graph: GraphView
    leaves: AbstractSet[Node]
    fits: Callable[[Value], bool]
    all_fit: Callable[[Node], bool]

    def peel(self, group: tuple[Node, ...]) -> tuple[tuple[Node, ...], list[Node]]:
        """Take off nodes at the border whose types do not fit: with what is in front of them, or what is behind."""
        inside, off = set(group), set[Node]()
        waiting = [n for n in reversed(group) if not (self.all_fit(n) and all(map(self.fits, n.inputs)))]
        while waiting:
            node = waiting.pop()
            if node not in inside:
                continue
            backwards = self._takes_misfit(node, inside)
            if backwards or self._gives_misfit(node, inside):
                gone = _reach(self.graph, node, inside, backwards)
                inside -= gone
                off |= gone
                near = (n for g in gone for n in (*(v.node for v in g.inputs), *self.graph.consumers(g)))
                waiting += [n for n in near if n in inside]
        return (tuple(n for n in group if n in inside), [n for n in group if n in off]) if off else (group, [])

    def _takes_misfit(self, node: Node, inside: AbstractSet[Node]) -> bool:
        """True if ``node`` reads a value from outside that may not cross the border."""
        return node not in self.leaves and any(v.node not in inside and not self.fits(v) for v in node.inputs)

    def _gives_misfit(self, node: Node, inside: AbstractSet[Node]) -> bool:
        """True if something outside reads a value of ``node`` that may not cross the border."""
        return not self.all_fit(node) and any(
            use.slot >= 0
            and use.node not in inside
            and use.node not in self.leaves
            and not self.fits(node.out(use.index))
            for use in self.graph.uses(node)
        )


def _reach(graph: GraphView, start: Node, inside: AbstractSet[Node], backwards: bool) -> set[Node]:
    """``start`` and the nodes inside that lie in front of it or behind it."""
    seen, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        near = [v.node for v in node.inputs] if backwards else graph.consumers(node)
        for other in near:
            if other in inside and other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen
