"""The loops of TensorFlow 1, read from Enter, Merge, Switch, NextIteration and Exit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.passes.loops.form import Cell, Loop, LoopError, Source, cone

_ENTER, _EXIT, _NEXT = "Enter", "Exit", "NextIteration"
_REFS = frozenset({"RefEnter", "RefExit", "RefNextIteration", "RefMerge", "RefSwitch"})


@dataclass(frozen=True, slots=True)
class Frame:
    """The nodes of one frame: its entries, and all that runs in it (entries included, exits left out)."""

    name: str
    entries: tuple[Node, ...]
    inside: tuple[Node, ...]
    exits: tuple[Node, ...]


def frames_of(graph: GraphView) -> Iterator[Frame]:
    """The loops of ``graph`` by their frames, in order of their first Enter. Linear in the nodes of each."""
    entries: dict[str, list[Node]] = {}
    for node in graph.by_op(_ENTER, "RefEnter"):
        entries.setdefault(str(node.attr("frame_name", node.scope)), []).append(node)
    seen = _as_outputs_read(graph) if entries else {}
    for name, nodes in entries.items():
        yield _frame(graph, name, nodes, seen)


def _as_outputs_read(graph: GraphView) -> dict[Node, int]:
    """The place of each node that outputs need, as one finds them from the outputs on: the file's order has no say."""
    waiting, seen = [v.node for v in reversed(graph.outputs)], dict[Node, int]()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen[node] = len(seen)
            waiting += (v.node for v in reversed(node.inputs))
    return seen


def _frame(graph: GraphView, name: str, entries: Sequence[Node], seen: Mapping[Node, int]) -> Frame:
    depth, waiting, exits = dict.fromkeys(entries, 1), list(entries), dict[Node, None]()
    while waiting:
        node = waiting.pop()
        for user in graph.consumers(node):
            level = depth[node] + (user.op in (_ENTER, "RefEnter")) - (user.op in (_EXIT, "RefExit"))
            if not level:
                exits[user] = None
            elif user not in depth:
                depth[user] = level
                waiting.append(user)
    return Frame(name, tuple(entries), tuple(depth), tuple(sorted(exits, key=lambda n: seen.get(n, len(seen)))))


def loop_of(graph: GraphView, frame: Frame, rank: Mapping[Node, int]) -> Loop:
    """``frame`` as a loop; ``rank`` is the place of each node in the graph's order.

    Raises:
        LoopError: it has not the form that ``tf.while_loop`` gives a loop, or holds another loop.
    """
    return _Reader(graph, frame, rank).loop()


@dataclass
class _Reader:
    graph: GraphView
    frame: Frame
    rank: Mapping[Node, int]
    sources: dict[Value, Source] = field(default_factory=dict)
    variables: dict[Node, int] = field(default_factory=dict)
    members: frozenset[Node] = field(init=False)

    def __post_init__(self) -> None:
        self.members = frozenset(self.frame.inside)

    def loop(self) -> Loop:
        frame = self.frame
        self._check()
        tests = [n for n in frame.inside if n.op == "LoopCond"]
        if len(tests) != 1 or len(tests[0].inputs) != 1:
            self._odd(f"it has {len(tests)} LoopCond")
        entries, nexts = self._variables()
        self._switches(tests[0])
        cells = tuple(self._cell(n) for n in sorted(self._computing(), key=self.rank.__getitem__))
        go_on: Source = (tests[0], 0)
        following = tuple(i if n is None else self._source(n.inputs[0], n) for i, n in enumerate(nexts))
        controls = dict.fromkeys(c for n in frame.entries for c in n.controls)
        return Loop(
            frame.name,
            frame.exits[0],
            tuple(n.inputs[0] for n in entries),
            tuple(cone(cells, (go_on,))[0]),
            go_on,
            cells,
            following,
            tuple(self._exits(tests[0])),
            (*frame.inside, *frame.exits),
            tuple(controls),
        )

    def _odd(self, what: str) -> NoReturn:
        raise LoopError(f"it has not the form of tf.while_loop: {what}")

    def _check(self) -> None:
        inner = next((n for n in self.frame.inside if n.op == _ENTER and n not in self.frame.entries), None)
        if inner is not None:
            raise LoopError(f"the loop {inner.attr('frame_name', inner.scope)!r} inside it is still there")
        if not self.frame.exits:
            self._odd("nothing leaves it")
        for node in self.frame.inside:
            if node.op in _REFS:
                raise LoopError(f"{node.op} {node.name} passes a variable by reference")
            if self.graph.is_output(node):
                raise LoopError(f"{node.name} inside it is an output of the graph")
            if node not in self.rank:
                self._odd(f"{node.name} reads itself")

    def _variables(self) -> tuple[list[Node], list[Node | None]]:
        """The Enter of each variable, and the NextIteration; ``None`` for one that stays."""
        entries, nexts = list[Node](), list[Node | None]()
        merged: set[Node] = set()
        for merge in (n for n in self.frame.inside if n.op == "Merge"):
            back = [v.node for v in merge.inputs if v.node.op == _NEXT]
            if not back:
                continue  # it joins the branches of a conditional
            first = [v.node for v in merge.inputs if v.node in self.frame.entries]
            if len(back) != 1 or len(first) != 1 or len(merge.inputs) != 2 or first[0] in merged:
                self._odd(f"Merge {merge.name} joins something else than an Enter and a NextIteration")
            if first[0].attr("is_constant", False) or len(first[0].inputs) != 1 or len(back[0].inputs) != 1:
                self._odd(f"{first[0].name} enters again in every iteration")
            merged.add(first[0])
            self._add(merge, entries, nexts, first[0], back[0])
        for node in self.frame.entries:
            if node.attr("is_constant", False) and len(node.inputs) == 1:
                self._add(node, entries, nexts, node, None)
            elif node not in merged or any(u.node not in self.variables for u in self.graph.uses(node)):
                self._odd(f"{node.name} is there in the first iteration alone")
        return entries, nexts

    def _add(
        self, node: Node, entries: list[Node], nexts: list[Node | None], entry: Node, following: Node | None
    ) -> None:
        self.variables[node] = len(entries)
        self.sources[node.out()] = len(entries)
        entries.append(entry)
        nexts.append(following)

    def _switches(self, test: Node) -> None:
        """What a Switch of the loop lets through is the variable that goes in."""
        for use in self.graph.uses(test):
            switch = use.node
            if use.slot != 1 or switch.op != "Switch" or self.sources.get(switch.inputs[0]) is None:
                if use.slot >= 0:
                    self._odd(f"{switch.op} {switch.name} reads its LoopCond")
                continue
            variable = self.sources[switch.inputs[0]]
            self.sources[switch.out(1)] = variable
            if isinstance(variable, int):
                self.variables[switch] = variable
            wrong = [u.node for u in self.graph.uses(switch, 0) if u.slot >= 0 and u.node.op != _EXIT]
            if wrong:
                self._odd(f"{wrong[0].name} runs when it has ended")

    def _computing(self) -> Iterator[Node]:
        for node in self.frame.inside:
            if node not in self.variables and node.op not in (_ENTER, _NEXT):
                yield node

    def _cell(self, node: Node) -> Cell:
        controls = [c for c in node.controls if c not in self.variables]
        stranger = next((c for c in controls if c not in self.members or c.op in (_ENTER, _NEXT)), None)
        if stranger is not None:
            self._odd(f"{node.name} waits for {stranger.name}, which is not of the same iteration")
        return Cell(node, tuple(self._source(v, node) for v in node.inputs), tuple(controls))

    def _source(self, value: Value, reader: Node) -> Source:
        if value in self.sources:
            return self.sources[value]
        if value.node in self.variables or value.node not in self.members or value.node.op in (_ENTER, _NEXT):
            self._odd(f"{reader.name} reads {value.name}, which does not come in by an Enter")
        return value.node, value.index

    def _exits(self, test: Node) -> Iterator[tuple[Value, int]]:
        for node in self.frame.exits:
            switch = node.inputs[0].node if len(node.inputs) == 1 else None
            if switch is None or switch not in self.variables or switch.op != "Switch" or node.inputs[0].index:
                self._odd(f"{node.op} {node.name} reads something else than a Switch of the loop")
            yield node.out(), self.variables[switch]
