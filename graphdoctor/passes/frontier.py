"""Where a graph and its repaired form can be compared in parts: the tensors in front of and behind what chooses.

A cut is a tensor that TensorFlow can fetch from both graphs and feed to both: of numbers, outside of loops and
branches. What a loop or a function has inside is one with it. Whatever is cut, a proof in parts is sound, since each
cut is compared where it is made; which tensors are taken decides only whether it succeeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from graphdoctor.ir import Graph, Node, Value
from graphdoctor.match.choosing import Enclosed, choosing_nodes, enclosed
from graphdoctor.match.constants import PASS_THROUGH
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.types import DType

_NUMBERS = frozenset("BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 HALF FLOAT DOUBLE".split())
_READ_FROM_ARRAYS = frozenset(
    "TensorArrayGatherV3 TensorArrayReadV3 TensorArrayConcatV3 TensorArraySizeV3 TensorArrayGatherV2 TensorArrayReadV2 "
    "TensorArrayConcatV2 TensorArraySizeV2".split()
)
_CARRYING = frozenset("Identity Enter RefEnter Exit RefExit Merge Switch NextIteration".split())
_SHAPES = frozenset("Shape ShapeN Size Rank TensorArraySizeV3".split())
_NOT_CUT = _SHAPES | {"Const"}


class Cut(NamedTuple):
    """One tensor: its name in the graph, and in the repaired one."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Frontier:
    """Cuts by level: those of a level depend on no cut but of levels before.

    Attributes:
        levels: sorted by name.
        choosing: nodes that choose.
        lost: tensors in front of what chooses that the repaired graph does not have; the cut lies further up.
        fixed: cuts that hear of no input but its size.
        behind: names, in the original, of those that are made by what chooses.
    """

    levels: tuple[tuple[Cut, ...], ...]
    choosing: int
    lost: tuple[str, ...]
    fixed: frozenset[Cut]
    behind: frozenset[str]

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """Those of all levels."""
        return tuple(cut for level in self.levels for cut in level)


def frontier(before: Graph, after: Graph) -> Frontier:
    """The cuts for comparing ``after`` with ``before``, both with their inputs and outputs set."""
    cutter = _Cutter(before, after)
    chosen = [n for n in choosing_nodes(before) if n in cutter.live]
    for unit in cutter.units(chosen):
        cutter.cut_before(unit)
        cutter.cut_behind(unit)
    hears = _hears(before, chosen)
    still = frozenset(cut for v, cut in cutter.cuts.items() if v.node not in hears)
    return Frontier(_levels(cutter.cuts), len(chosen), tuple(sorted(cutter.lost)), still, frozenset(cutter.behind))


def upstream(start: Iterable[Node], cuts: frozenset[Value]) -> tuple[set[Node], set[Value]]:
    """The nodes that ``start`` depends on, itself included, up to the values ``cuts``; and the cuts that were met."""
    seen, met = set(start), set[Value]()
    open_ = list(seen)
    while open_:
        node = open_.pop()
        met.update(v for v in node.inputs if v in cuts)
        for producer in (*(v.node for v in node.inputs if v not in cuts), *node.controls):
            if producer not in seen:
                seen.add(producer)
                open_.append(producer)
    return seen, met


@dataclass(slots=True)
class _Cutter:
    before: Graph
    after: Graph
    inside: Enclosed = field(init=False)
    inside_after: Enclosed = field(init=False)
    live: set[Node] = field(init=False)
    live_after: set[Node] = field(init=False)
    arrays: frozenset[Node] = field(init=False)
    specs: Specs = field(init=False)
    cuts: dict[Value, Cut] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    behind: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.inside, self.inside_after = enclosed(self.before), enclosed(self.after)
        self.live, self.live_after = self.before.live(controls=False), self.after.live(controls=False)
        self.arrays = _of_arrays(self.before)
        self.specs = infer_shapes(self.before)

    def units(self, chosen: list[Node]) -> Iterator[set[Node]]:
        """What chooses, each with the loop that it lies in."""
        frames = dict.fromkeys(self.inside.loops[n] for n in chosen if n in self.inside.loops)
        for frame in frames:
            yield {n for n, f in self.inside.loops.items() if f == frame}
        for node in chosen:
            if node not in self.inside.loops:
                yield {node}

    def cut_before(self, unit: set[Node]) -> None:
        """Cut the floats that go into ``unit``, or what they were made of where they cannot be cut.

        Integers are followed up to the floats that they come from: they hold no rounding that a cut could take out.
        """
        seen: set[Value] = set()
        open_ = [v for n in unit for v in n.inputs if v.node not in unit]
        while open_:
            value = open_.pop()
            if value in seen or value.node in unit or value.node in self.before.inputs or value.node.op in _NOT_CUT:
                continue
            seen.add(value)
            if not (self._is_float(value) and self._cut(value)):
                self._note_lost(value)
                open_ += value.node.inputs

    def cut_behind(self, unit: set[Node]) -> None:
        """Cut what comes out of ``unit``: the first tensors that can be cut."""
        seen, open_ = set(unit), list(unit)
        while open_:
            node = open_.pop()
            for use in self.before.uses(node):
                value = node.out(use.index)
                if use.slot < 0 or use.node in seen or node.op in _NOT_CUT:
                    continue
                if value not in self.before.outputs and self._cut(value):
                    self.behind.add(value.name)
                    continue
                if use.node not in self.inside.loops and value not in self.before.outputs:
                    seen.add(use.node)
                    open_.append(use.node)

    def _cut(self, value: Value) -> bool:
        """Cut at ``value`` if it can be fetched and fed in both graphs."""
        if value in self.cuts:
            return True
        twin = self._twin(value) if value.node in self.live and self._is_told(value) else None
        if twin is not None:
            self.cuts[value] = Cut(value.name, twin.name)
        return twin is not None

    def _is_told(self, value: Value) -> bool:
        """True if TensorFlow can fetch it: numbers, outside of loops and branches, and no handle of an array."""
        if value.node in self.inside or value.node in self.arrays:
            return False
        dtype = self.specs.of(value).dtype
        return dtype is not DType.INVALID and dtype.name in _NUMBERS

    def _is_float(self, value: Value) -> bool:
        return self.specs.of(value).dtype.is_float

    def _twin(self, value: Value) -> Value | None:
        """The tensor of the repaired graph with the name of ``value``, or of an Identity behind it.

        It must be needed there, or nothing would be cut. Whether it is the same is found by comparing the two.
        """
        names, open_ = {value: None}, [value]
        while open_:
            for use in self.before.uses(open_[0].node, open_.pop(0).index):
                if use.slot == 0 and use.node.op == "Identity" and use.node.out() not in names:
                    names[use.node.out()] = None
                    open_.append(use.node.out())
        return next((twin for v in names if (twin := self._there(v.node.name, v.index)) is not None), None)

    def _there(self, name: str, index: int) -> Value | None:
        node = self.after.get(name)
        if node is None or node in self.inside_after or node not in self.live_after:
            return None
        value = node.out(index)
        is_read = any(use.slot >= 0 for use in self.after.uses(node, index))
        return value if is_read or value in self.after.outputs else None

    def _note_lost(self, value: Value) -> None:
        if self._is_told(value) and self._is_float(value) and value.node.op not in PASS_THROUGH:
            self.lost.add(value.name)


def _of_arrays(graph: Graph) -> frozenset[Node]:
    """Nodes whose value stands for a TensorArray: handles, and the scalars that say in which order it is used."""
    open_ = [n for n in graph if n.op.startswith("TensorArray") and n.op not in _READ_FROM_ARRAYS]
    found = set(open_)
    while open_:
        for user in graph.consumers(open_.pop()):
            if user.op in _CARRYING and user not in found and user.inputs and user.inputs[0].node in found:
                found.add(user)
                open_.append(user)
    return frozenset(found)


def _levels(cuts: Mapping[Value, Cut]) -> tuple[tuple[Cut, ...], ...]:
    values = frozenset(cuts)
    needs = {v: upstream([v.node], values)[1] - {v} for v in values}
    left, levels, done = set(values), list[tuple[Cut, ...]](), set[Value]()
    while left:
        ready = {v for v in left if needs[v] <= done} or left  # a circle can only be one of a damaged graph
        levels.append(tuple(sorted(cuts[v] for v in ready)))
        done |= ready
        left -= ready
    return tuple(levels)


def _hears(graph: Graph, chosen: list[Node]) -> set[Node]:
    """The nodes whose value may depend on what the inputs hold, not on their sizes alone."""
    behind_choice = _downstream(graph, chosen, frozenset())
    blocked = frozenset(n for n in graph.by_op(*sorted(_SHAPES)) if n not in behind_choice)
    return _downstream(graph, graph.inputs, blocked)


def _downstream(graph: Graph, start: Iterable[Node], blocked: frozenset[Node]) -> set[Node]:
    seen = set(start)
    open_ = list(seen)
    while open_:
        for user in graph.consumers(open_.pop()):
            if user not in seen and user not in blocked:
                seen.add(user)
                open_.append(user)
    return seen
