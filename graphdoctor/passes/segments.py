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

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.passes.numbered import Mask, Numbered, Numbers
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


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups before any rule of a target; ``whole`` if every join was tested.

    ``members`` are the numbers of all their nodes, ``group`` is the group of each.
    """

    groups: list[tuple[Node, ...]]
    members: Numbers
    group: Numbers
    whole: bool

    def sums(self, of: Mask) -> list[int]:
        """How many nodes of each group are in ``of``."""
        found: list[int] = np.bincount(self.group, weights=of[self.members], minlength=len(self.groups)).tolist()
        return found


class Cutter:
    """Cuts one graph, which must not change meanwhile, for as many targets as ask; what they share is found once."""

    def __init__(self, numbered: Numbered) -> None:
        self._numbered = numbered
        self._known: list[tuple[Mask, Mask, _Groups]] = []
        self._counted: dict[frozenset[str], Mask] = {}

    def cut(
        self,
        accepted: Mask,
        leaves: Mask,
        rules: SegmentRules,
        fits: Callable[[Value], bool],
        all_fit: Mask,
    ) -> Segments:
        """Cut the graph.

        Args:
            accepted: nodes that may be in a segment.
            leaves: nodes of them whose inputs do not count: they are constants by then.
            rules: smallest segment, number of engines.
            fits: whether a value may cross the border of a segment.
            all_fit: True only at nodes all values of which may.
        """
        joined = self._joined(accepted, leaves)
        border = _Border(self._numbered, leaves, fits, all_fit)
        counted, doubtful = self._counting(rules), self._doubtful(leaves, all_fit)
        sizes, doubts = joined.sums(counted), joined.sums(doubtful)
        at = self._numbered.at
        groups, small, peeled = list[tuple[Node, ...]](), list[tuple[Node, ...]](), list[Node]()
        for group, size, doubt in zip(joined.groups, sizes, doubts, strict=True):
            inside = group
            if doubt and size >= rules.minimum:
                inside, off = border.peel(group, [n for n in reversed(group) if doubtful[at[n]]])
                peeled += off
                size = _size(inside, rules)
            if inside:
                (small if size < rules.minimum else groups).append(inside)
        keep = {*sorted(range(len(groups)), key=lambda i: (-_size(groups[i], rules), i))[: rules.engines]}
        kept = tuple(g for i, g in enumerate(groups) if i in keep)
        surplus = tuple(g for i, g in enumerate(groups) if i not in keep)
        return Segments(kept, tuple(small), surplus, tuple(peeled), joined.whole)

    def _counting(self, rules: SegmentRules) -> Mask:
        """The nodes that count for the size of a segment."""
        if rules.uncounted not in self._counted:
            self._counted[rules.uncounted] = ~self._numbered.mask(self._numbered.graph.by_op(*rules.uncounted))
        return self._counted[rules.uncounted]

    def _doubtful(self, leaves: Mask, all_fit: Mask) -> Mask:
        """Nodes that may give or take a value that does not fit."""
        producers, consumers = self._numbered.data
        found = ~all_fit
        found[consumers[~all_fit[producers] | self._numbered.spare]] = True
        return found

    def _joined(self, accepted: Mask, leaves: Mask) -> _Groups:
        for known_accepted, known_leaves, groups in self._known:
            if np.array_equal(known_accepted, accepted) and np.array_equal(known_leaves, leaves):
                return groups
        joined = _Joined(self._numbered, accepted, leaves)
        joined.same_phase()
        whole = joined.between_phases()
        self._known.append((accepted, leaves, joined.groups(whole)))
        return self._known[-1][2]


def _size(group: Iterable[Node], rules: SegmentRules) -> int:
    return sum(n.op not in rules.uncounted for n in group)


class _Joined:
    """Union-find over the accepted nodes, by number."""

    def __init__(self, numbered: Numbered, accepted: Mask, leaves: Mask) -> None:
        self.numbered = numbered
        self.nodes = numbered.nodes
        self.taken = accepted.copy()
        self.taken[numbered.ordered :] = False
        self.inside = self.taken.tolist()
        self.leaf = leaves.tolist()
        self.parent = list(range(len(self.nodes)))
        self.phase: list[int] = []
        producers, readers = numbered.data
        counts = ~leaves[readers] & (readers < numbered.ordered)
        self.data = producers[counts], readers[counts]
        self.controls: dict[int, list[int]] = {}
        for before, node in zip(*(ends.tolist() for ends in numbered.controls), strict=True):
            self.controls.setdefault(node, []).append(before)

    def find(self, node: int) -> int:
        """The node that stands for the group of ``node``."""
        parent = self.parent
        while (above := parent[node]) != node:
            parent[node] = node = parent[above]
        return node

    def same_phase(self) -> None:
        """Give every node its phase, and join neighbours that have the same."""
        ordered, taken = self.numbered.ordered, self.taken
        phase = [0] * ordered + [-1] * (len(self.nodes) - ordered)  # those without order have one where they are read
        for producer, reader, changes in self._changes():
            if phase[producer] < (new := phase[reader] + changes):
                phase[producer] = new
        self.phase = phase
        producers, readers = self.data
        phases = np.array(phase)
        alike = taken[producers] & taken[readers] & (phases[producers] == phases[readers])
        parent, find = self.parent, self.find
        for producer, reader in zip(producers[alike].tolist(), readers[alike].tolist(), strict=True):
            parent[find(producer)] = find(reader)

    def _changes(self) -> Iterable[tuple[int, int, int]]:
        """Each edge with how much it adds to the phase, the last reader first; control joins nothing."""
        taken = self.taken
        before, behind = self.numbered.controls
        counts = behind < self.numbered.ordered
        before, behind = before[counts], behind[counts]
        producers, readers = self.data
        changes = np.concatenate(
            [taken[producers] != taken[readers], (taken[before] != taken[behind]) | (taken[before] & taken[behind])]
        )
        producers, readers = np.concatenate([producers, before]), np.concatenate([readers, behind])
        order = np.argsort(-readers, kind="stable") if len(before) else slice(None, None, -1)
        return zip(producers[order].tolist(), readers[order].tolist(), changes[order].tolist(), strict=True)

    def between_phases(self) -> bool:
        """Join across phases where no way leaves and comes back; False if there was too much to test."""
        edges = self._across()
        if not edges:
            return True
        members: dict[int, list[int]] = {}
        for node in np.flatnonzero(self.taken).tolist():
            members.setdefault(self.find(node), []).append(node)
        budget = [_STEPS + 2 * self.numbered.ordered]
        while True:
            left = [(p, n) for p, n in edges if not self._joins(self.find(p), self.find(n), members, budget)]
            if budget[0] <= 0:
                return False
            if len(left) == len(edges):
                return True
            edges = left  # a join may have taken in what stood in the way of another

    def _across(self) -> list[tuple[int, int]]:
        """The data edges between accepted nodes of different phases, the last reader first."""
        producers, readers = self.data
        phases = np.array(self.phase)
        differs = self.taken[producers] & self.taken[readers] & (phases[producers] != phases[readers])
        producers, readers = producers[differs], readers[differs]
        order = np.argsort(-readers, kind="stable")
        return list(zip(producers[order].tolist(), readers[order].tolist(), strict=True))

    def _joins(self, first: int, second: int, members: dict[int, list[int]], budget: list[int]) -> bool:
        """True if the two groups are one, or can be and were joined."""
        if first == second:
            return True
        if budget[0] <= 0 or self._leaves_and_returns(first, second, members, budget):
            return False
        members[second] += members.pop(first)
        self.parent[first] = second
        return True

    def _leaves_and_returns(self, first: int, second: int, members: dict[int, list[int]], budget: list[int]) -> bool:
        """True if a way from group ``first`` to group ``second`` goes through others, or if it was not tested.

        Searches from both ends in turn: one of them is mostly small.
        """
        sides = ({first}, [first], self._readers, second), ({second}, [second], self._read, first)
        while sides[0][1] and sides[1][1]:
            mine, theirs = sides if len(sides[0][1]) <= len(sides[1][1]) else (sides[1], sides[0])
            seen, waiting, neighbours, end = mine
            group = waiting.pop()
            for place in neighbours(members.get(group, (group,)), budget):
                if place in theirs[0] and not (place == end and group in (first, second)):
                    return True
                if place != end and place not in seen:
                    seen.add(place)
                    waiting.append(place)
            if budget[0] <= 0:
                return True
        return False

    def _readers(self, nodes: Iterable[int], budget: list[int]) -> Iterator[int]:
        """The groups that read ``nodes``, and nodes outside."""
        phase, leaf, inside = self.phase, self.leaf, self.inside
        readers, starts = self.numbered.readers
        for node in nodes:
            for reader in readers[starts[node] : starts[node + 1]]:
                budget[0] -= 1
                if phase[reader] >= 0 and not leaf[reader]:
                    yield self.find(reader) if inside[reader] else reader

    def _read(self, nodes: Iterable[int], budget: list[int]) -> Iterator[int]:
        """The groups that ``nodes`` read, and nodes outside."""
        leaf, inside, controls = self.leaf, self.inside, self.controls
        producers, starts = self.numbered.producers
        for node in nodes:
            read = [] if leaf[node] else producers[starts[node] : starts[node + 1]]
            for producer in read + controls[node] if node in controls else read:
                budget[0] -= 1
                yield self.find(producer) if inside[producer] else producer

    def groups(self, whole: bool) -> _Groups:
        """The groups, each in topological order."""
        numbers = np.flatnonzero(self.taken)
        roots = np.array([self.find(i) for i in numbers.tolist()], np.int64)
        _, first, group = np.unique(roots, return_index=True, return_inverse=True)
        place = np.empty(len(first), np.int64)
        place[np.argsort(first)] = np.arange(len(first))
        group = place[group]
        order = np.argsort(group, kind="stable")
        members = numbers[order]
        nodes = [self.nodes[i] for i in members.tolist()]
        ends = np.cumsum(np.bincount(group, minlength=len(first))).tolist()
        groups = [tuple(nodes[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
        return _Groups(groups, members, group[order], whole)


@dataclass(frozen=True, slots=True)
class _Border:
    """What may cross the border of a segment."""

    numbered: Numbered
    leaves: Mask
    fits: Callable[[Value], bool]
    all_fit: Mask

    def peel(self, group: tuple[Node, ...], waiting: list[Node]) -> tuple[tuple[Node, ...], list[Node]]:
        """Take off nodes at the border whose types do not fit: with what is in front of them, or what is behind.

        Args:
            group: in topological order.
            waiting: those of it at which a type may not fit, the first at the end.
        """
        inside, off = set(group), set[Node]()
        while waiting:
            node = waiting.pop()
            if node not in inside:
                continue
            backwards = self._takes_misfit(node, inside)
            if backwards or self._gives_misfit(node, inside):
                gone = _reach(self.numbered.graph, node, inside, backwards)
                inside -= gone
                off |= gone
                near = (n for g in gone for n in (*(v.node for v in g.inputs), *self.numbered.graph.consumers(g)))
                waiting += [n for n in near if n in inside]
        return (tuple(n for n in group if n in inside), [n for n in group if n in off]) if off else (group, [])

    def _takes_misfit(self, node: Node, inside: AbstractSet[Node]) -> bool:
        """True if ``node`` reads a value from outside that may not cross the border."""
        return not self._is_leaf(node) and any(v.node not in inside and not self.fits(v) for v in node.inputs)

    def _gives_misfit(self, node: Node, inside: AbstractSet[Node]) -> bool:
        """True if something outside reads a value of ``node`` that may not cross the border."""
        return not self.all_fit[self.numbered.at[node]] and any(
            use.slot >= 0
            and use.node not in inside
            and not self._is_leaf(use.node)
            and not self.fits(node.out(use.index))
            for use in self.numbered.graph.uses(node)
        )

    def _is_leaf(self, node: Node) -> bool:
        return bool(self.leaves[self.numbered.at[node]])


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
