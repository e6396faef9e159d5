"""Which control edges constrain nothing.

A control edge matters where what is waited for has an effect, where it may not run at all (in a branch of a
conditional that was not taken), or where it lies in a loop. All else only says in which order pure arithmetic runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.ops import find_op

Guard = frozenset[object]
"""The conditions under which something runs: (predicate, branch) for each Switch it depends on."""
_ALWAYS: Guard = frozenset()
_SWITCH = frozenset({"Switch", "RefSwitch"})
_MERGE = frozenset({"Merge", "RefMerge"})
_CALLS = frozenset("If StatelessIf While StatelessWhile Case PartitionedCall StatefulPartitionedCall".split())
"""What the functions do that these call is not looked into."""
_LOOP = frozenset({"Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration", "LoopCond"})


class Waiting:
    """Purity and conditions of every node of a graph, worked out once, producers first. Linear."""

    def __init__(self, graph: GraphView) -> None:
        self._pure: dict[Node, bool] = {}
        self._guards: dict[Node, Guard] = {}
        for node in graph.order().nodes:
            self._pure[node] = self._is_pure(node)
            self._guards[node] = self._guard(node)

    def idle(self, node: Node) -> tuple[Node, ...]:
        """The control inputs of ``node`` that constrain nothing, in order."""
        return tuple(c for c in dict.fromkeys(node.controls) if self._is_idle(c, node))

    def is_pure(self, node: Node) -> bool:
        """True if ``node`` and everything it depends on only computes: no effect, no state, no loop, no unknown op."""
        return self._pure.get(node, False)

    def runs_always(self, node: Node) -> bool:
        """True if ``node`` lies in no branch of a conditional and in no loop."""
        return not self.guard(node)

    def guard(self, node: Node) -> Guard:
        """The conditions under which ``node`` runs."""
        return self._guards.get(node, frozenset({node}))

    def _is_idle(self, control: Node, node: Node) -> bool:
        if not self._pure.get(control, False):
            return False
        if node.op in _MERGE:
            return True  # a Merge waits for its control inputs, and runs even if they do not
        return self._guards[control] <= self._union(self._of(v) for v in node.inputs)

    def _is_pure(self, node: Node) -> bool:
        op = find_op(node.op)
        if op is None or op.stateful or op.side_effect or node.op in _LOOP or node.op in _CALLS:
            return False
        producers = (*(v.node for v in node.inputs), *node.controls)
        return all(self._pure.get(p, False) for p in producers)

    def _guard(self, node: Node) -> Guard:
        if node.op in _LOOP:
            return frozenset({("loop", node)})
        if node.op in _MERGE and len(node.inputs) == 2:
            return self._merged(node)
        guards = [self._of(v) for v in node.inputs]
        return self._union((*guards, *(self._guards.get(c, _ALWAYS) for c in node.controls)))

    def _of(self, value: Value) -> Guard:
        """When output ``value.index`` of its node has a value."""
        node = value.node
        guard = self._guards.get(node, _ALWAYS)
        if node.op in _SWITCH and len(node.inputs) == 2:
            return guard | {(node.inputs[1], value.index)}
        return guard

    def _merged(self, node: Node) -> Guard:
        """Both branches of one predicate together always run; of other merges nothing is known."""
        a, b = (self._of(v) for v in node.inputs)
        for condition in a - b:
            if isinstance(condition, tuple) and isinstance(condition[1], int):
                other = (condition[0], 1 - condition[1])
                if other in b and a - {condition} == b - {other}:
                    return a - {condition}
        return frozenset({("merge", node)})

    @staticmethod
    def _union(guards: Iterable[Guard]) -> Guard:
        found = _ALWAYS
        for guard in guards:
            if guard and not guard <= found:
                found |= guard
        return found
