"""When what leaves a while loop of TensorFlow 1 is there: whenever what enters it is, if each turn of the loop ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.frames import ENTER_OPS, EXIT_OPS

Guard = frozenset[object]
"""The conditions under which something runs: (predicate, branch) for each Switch it depends on, ("loop", node) and
("merge", node) for what is known of neither."""
ALWAYS: Guard = frozenset()
MERGE_OPS = frozenset({"Merge", "RefMerge"})
_NEXT_OPS = frozenset({"NextIteration", "RefNextIteration"})


def union(guards: Iterable[Guard]) -> Guard:
    """All conditions of ``guards``; one of them itself where it has them all."""
    found = ALWAYS
    for guard in guards:
        if guard and not guard <= found:
            found |= guard
    return found


class Exits:
    """Resolves the condition ("loop", Exit) into those of the Enters of its loop.

    Not where a turn of the loop may end without the value for the next one, as behind one branch of a conditional:
    then an Exit may never have a value.
    """

    def __init__(self, graph: GraphView, runs: Callable[[Node], Guard]) -> None:
        self._frames = {n: _frame(n) for n in graph.by_op(*sorted(EXIT_OPS))}
        self._entered: dict[str, Guard] = {}
        self._known: dict[Guard, Guard] = {}
        if self._frames:
            sound = self._sound(graph, runs)
            for node in graph.by_op(*ENTER_OPS):
                name = _name(node)
                if name in sound:
                    self._entered[name] = union((self._entered.get(name, ALWAYS), runs(node)))

    def resolved(self, guard: Guard) -> Guard:
        """``guard`` with the conditions of what enters in the place of what leaves, through loops behind loops."""
        if not self._entered or not guard:
            return guard
        if guard not in self._known:
            found: set[object] = set()
            seen, waiting = set(guard), list(guard)
            while waiting:
                condition = waiting.pop()
                entered = self._behind(condition)
                if entered is None:
                    found.add(condition)
                else:
                    waiting += entered - seen
                    seen |= entered
            self._known[guard] = frozenset(found)
        return self._known[guard]

    def _behind(self, condition: object) -> Guard | None:
        node = _of_loop(condition)
        return None if node is None else self._entered.get(self._frames.get(node, ""))

    def _sound(self, graph: GraphView, runs: Callable[[Node], Guard]) -> set[str]:
        """The loops each of whose turns gives a value for the next one and says whether there is one."""
        turns: dict[str, Guard] = {}
        for node in graph.by_op(*sorted(MERGE_OPS)):
            entering = [v.node for v in node.inputs if v.node.op in ENTER_OPS]
            if entering:
                parts = [runs(v.node) for v in node.inputs if v.node.op in _NEXT_OPS]
                name = _name(entering[0])
                turns[name] = union((turns.get(name, ALWAYS), *parts))
        for node, name in self._frames.items():
            if name:
                turns[name] = union((turns.get(name, ALWAYS), runs(node.inputs[0].node.inputs[1].node)))
        return _without_reasons(turns, self._frames)


def _without_reasons(turns: Mapping[str, Guard], frames: Mapping[Node, str]) -> set[str]:
    """The loops of ``turns`` that hang on nothing but loops, and on none that hangs on something else."""
    sound, inner = set(turns), {}
    for name, guard in turns.items():
        nodes = [_of_loop(c) for c in guard if not _is_turn(c)]
        exits = {frames.get(n, "") for n in nodes if n is not None}
        inner[name] = exits
        if None in nodes or "" in exits:
            sound.discard(name)
    is_settled = False
    while not is_settled:
        bad = {name for name in sound if not inner[name] <= sound}
        sound -= bad
        is_settled = not bad
    return sound


def _is_turn(condition: object) -> bool:
    """True for what holds in every turn of some loop: its Merge, its Enter, its LoopCond."""
    if not isinstance(condition, tuple):
        return False
    what, node = condition
    if isinstance(what, Value):
        return what.node.op == "LoopCond" and node == 1
    if what == "merge":
        return any(v.node.op in ENTER_OPS for v in node.inputs)
    return what == "loop" and node.op not in EXIT_OPS


def _of_loop(condition: object) -> Node | None:
    """The Exit that ``condition`` is about, if it is about one."""
    if isinstance(condition, tuple) and condition[0] == "loop" and condition[1].op in EXIT_OPS:
        found: Node = condition[1]
        return found
    return None


def _frame(node: Node) -> str:
    """The loop that an Exit leaves: Exit(Switch(Merge(Enter, NextIteration), LoopCond)); empty where it is none."""
    switch = node.inputs[0] if len(node.inputs) == 1 else None
    if (
        switch is None
        or switch.index != 0
        or switch.node.op not in ("Switch", "RefSwitch")
        or len(switch.node.inputs) != 2
    ):
        return ""
    merge, condition = (v.node for v in switch.node.inputs)
    if condition.op != "LoopCond" or merge.op not in MERGE_OPS or len(merge.inputs) != 2:
        return ""
    entering = [v.node for v in merge.inputs if v.node.op in ENTER_OPS]
    return _name(entering[0]) if len(entering) == 1 and any(v.node.op in _NEXT_OPS for v in merge.inputs) else ""


def _name(enter: Node) -> str:
    """The name of the loop that ``enter`` enters; empty if it has none."""
    name = enter.attr("frame_name", "")
    return name if isinstance(name, str) else ""
