"""Which control edges constrain nothing.

A control edge matters where what is waited for has an effect, where it may not run at all (in a branch of a
conditional that was not taken), or where it lies in a loop. All else only says in which order pure arithmetic runs.
"""

from __future__ import annotations

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.ops import find_op
from graphdoctor.surgery.exits import ALWAYS, MERGE_OPS, Exits, Guard, union

_SWITCH = frozenset({"Switch", "RefSwitch"})
_CALLS = frozenset("If StatelessIf While StatelessWhile Case PartitionedCall StatefulPartitionedCall".split())
"""What the functions do that these call is not looked into."""
_LOOP = frozenset({"Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration", "LoopCond"})
_LISTS = frozenset(
    "EmptyTensorList TensorListReserve TensorListFromTensor TensorListSetItem TensorListGetItem TensorListStack "
    "TensorListPushBack TensorListPopBack TensorListGather TensorListLength TensorListElementShape".split()
)
"""Lists of tensors are values: what is put into one makes another."""
_ARRAYS = frozenset(
    "TensorArrayV3 TensorArrayReadV3 TensorArrayWriteV3 TensorArrayGatherV3 TensorArrayScatterV3 TensorArrayConcatV3 "
    "TensorArraySplitV3 TensorArraySizeV3".split()
)
"""Ops on arrays of tensors whose order the data says that flows from one to the next."""


class Waiting:
    """Purity and conditions of every node of a graph, worked out once. Linear."""

    def __init__(self, graph: GraphView) -> None:
        self._impure = _impure(graph)
        self._guards: dict[Node, Guard] = {}
        for node in graph.order().nodes:
            self._guards[node] = self._guard(node)
        self._exits = Exits(graph, self._runs)

    def idle(self, node: Node) -> tuple[Node, ...]:
        """The control inputs of ``node`` that constrain nothing, in order."""
        return tuple(c for c in dict.fromkeys(node.controls) if self._is_idle(c, node))

    def is_pure(self, node: Node) -> bool:
        """True if ``node`` and everything it depends on only computes: no effect, no state, no unknown op."""
        return node in self._guards and node not in self._impure

    def runs_always(self, node: Node) -> bool:
        """True if ``node`` lies in no branch of a conditional and in no loop."""
        return not self.guard(node)

    def guard(self, node: Node) -> Guard:
        """The conditions under which ``node`` runs."""
        return self._exits.resolved(self._guards.get(node, frozenset({node})))

    def guard_of(self, value: Value) -> Guard:
        """The conditions under which ``value`` is there."""
        return self._of(value)

    def _is_idle(self, control: Node, node: Node) -> bool:
        if not self.is_pure(control):
            return False
        if node.op in MERGE_OPS:
            return True  # a Merge waits for its control inputs, and runs even if they do not
        return self.guard(control) <= self._exits.resolved(union(self._of(v) for v in node.inputs))

    def _guard(self, node: Node) -> Guard:
        if node.op in _LOOP:
            return frozenset({("loop", node)})
        if node.op in MERGE_OPS and len(node.inputs) == 2:
            return self._merged(node)
        return self._runs(node)

    def _runs(self, node: Node) -> Guard:
        """When all that ``node`` reads and waits for is there."""
        return union((*(self._of(v) for v in node.inputs), *(self._guards.get(c, ALWAYS) for c in node.controls)))

    def _of(self, value: Value) -> Guard:
        """When output ``value.index`` of its node has a value."""
        node = value.node
        guard = self._guards.get(node, ALWAYS)
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


def _impure(graph: GraphView) -> frozenset[Node]:
    """What has an effect or a state, or is unknown, and all that depends on it.

    An array of tensors is arithmetic as long as nothing closes it: who reads it has the flow from who wrote it.
    """
    arrays = _ARRAYS if all(n.op in _ARRAYS for n in graph if n.op.startswith("TensorArray")) else frozenset()
    found = {n for n in graph if not _computes(n, arrays)}
    waiting = list(found)
    while waiting:
        for reader in graph.consumers(waiting.pop()):
            if reader not in found:
                found.add(reader)
                waiting.append(reader)
    return frozenset(found)


def _computes(node: Node, arrays: frozenset[str]) -> bool:
    op = find_op(node.op)
    if op is None:
        return node.op in _LISTS
    if op.side_effect or node.op in _CALLS:
        return False
    return not op.stateful or node.op in arrays
