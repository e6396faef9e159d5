"""Loops and conditionals of TensorFlow 1 as Python has them: what goes round, and what each branch gives."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from graphdoctor.formats.host.call import CannotWriteError
from graphdoctor.formats.host.rules_array import PASS_THROUGH
from graphdoctor.ir import GraphView, Node, Value

ENTERS, EXITS = frozenset({"Enter", "RefEnter"}), frozenset({"Exit", "RefExit"})
NEXTS = frozenset({"NextIteration", "RefNextIteration"})
SWITCHES, MERGES = frozenset({"Switch", "RefSwitch"}), frozenset({"Merge", "RefMerge"})


@dataclass(frozen=True, slots=True)
class Variable:
    """What goes round a loop: its value before, in the next iteration, and at the head."""

    merge: Node
    first: Value
    following: Value


@dataclass(frozen=True, slots=True)
class Loop:
    """A while loop: what it carries, what enters it unchanged, when it goes on."""

    variables: tuple[Variable, ...]
    constants: tuple[Node, ...]
    condition: Node

    def before(self) -> list[Value]:
        """What must be known before the loop starts."""
        return [*(v.first for v in self.variables), *(n.inputs[0] for n in self.constants)]

    def variable_of(self, exit_node: Node) -> Variable:
        """The variable that ``exit_node`` gives."""
        merge = _head(exit_node)
        return next(v for v in self.variables if v.merge is merge)


@dataclass(frozen=True, slots=True)
class Conditional:
    """A Merge: the predicate, the value of each branch (false, true), and what the branches read from outside."""

    predicate: Value
    branches: tuple[Value, Value]
    outside: tuple[Value, ...]


def source(value: Value) -> Value:
    """``value`` without the ops in front of it that only pass it on."""
    while value.node.op in PASS_THROUGH and value.node.inputs:
        value = value.node.inputs[0]
    return value


def is_loop_merge(node: Node) -> bool:
    """True if ``node`` is the head of a loop variable."""
    return node.op in MERGES and any(v.node.op in NEXTS for v in node.inputs)


def _head(exit_node: Node) -> Node:
    """The Merge that an Exit leaves through its Switch."""
    switch = source(exit_node.inputs[0]).node
    merge = source(switch.inputs[0]).node if switch.op in SWITCHES else switch
    if not is_loop_merge(merge):
        raise CannotWriteError(f"{exit_node.name} leaves a loop in a way that is not known")
    return merge


def loop_at(graph: GraphView, exit_node: Node, live: AbstractSet[Node]) -> Loop:
    """The loop that ``exit_node`` leaves, with the variables that ``live`` exits of it depend on.

    Raises:
        CannotWriteError: it is not built as TensorFlow builds loops.
    """
    condition = _condition(graph, _head(exit_node))
    starts: dict[Node, None] = {condition: None}
    for switch in graph.consumers(condition):
        if switch.op in SWITCHES and any(u.op in EXITS and u in live for u in graph.consumers(switch)):
            starts[source(switch.inputs[0]).node] = None
    enters, merges = _inside(graph, list(starts), live)
    variables = {m: _variable(m) for m in merges}
    firsts = {v.node for m in variables for v in m.inputs}
    return Loop(tuple(variables.values()), tuple(e for e in enters if e not in firsts), condition)


def _inside(graph: GraphView, starts: list[Node], live: AbstractSet[Node]) -> tuple[list[Node], list[Node]]:
    """The Enters and heads of a loop that ``starts`` in it depend on; of inner loops only what enters them."""
    enters: list[Node] = []
    merges: list[Node] = []
    seen, stack = set(starts), list(starts)
    while stack:
        node = stack.pop()
        following: Iterable[Node] = (v.node for v in node.inputs)
        if node.op in ENTERS:
            enters.append(node)
            following = ()
        elif node.op in EXITS:
            following = (v.node for v in loop_at(graph, node, live).before())
        elif is_loop_merge(node):
            merges.append(node)
        for producer in following:
            if producer not in seen:
                seen.add(producer)
                stack.append(producer)
    return enters, merges


def _variable(merge: Node) -> Variable:
    if len(merge.inputs) != 2:
        raise CannotWriteError(f"{merge.name} has {len(merge.inputs)} inputs")
    ends = {v.node.op in NEXTS: v.node for v in merge.inputs}
    if len(ends) != 2 or ends[False].op not in ENTERS:
        raise CannotWriteError(f"{merge.name} is not the head of a loop as TensorFlow builds it")
    return Variable(merge, ends[False].inputs[0], ends[True].inputs[0])


def _condition(graph: GraphView, merge: Node) -> Node:
    for user in graph.consumers(merge):
        if user.op in SWITCHES and user.inputs[1].node.op == "LoopCond":
            return user.inputs[1].node
    raise CannotWriteError(f"the loop of {merge.name} has no condition")


def conditional_at(merge: Node) -> Conditional:
    """What ``merge`` chooses between.

    Raises:
        CannotWriteError: its branches are not those of one predicate.
    """
    if len(merge.inputs) != 2:
        raise CannotWriteError(f"it joins {len(merge.inputs)} values")
    found = [_ends(v) for v in merge.inputs]
    for end in found[0]:
        predicate = source(end.node.inputs[1])
        sides = [{e.index for e in ends if source(e.node.inputs[1]) == predicate} for ends in found]
        if sides in ([{0}, {1}], [{1}, {0}]):
            false, true = merge.inputs if sides[0] == {0} else reversed(merge.inputs)
            outside = [e.node.inputs[0] for ends in found for e in ends if source(e.node.inputs[1]) == predicate]
            rest = [e for ends in found for e in ends if source(e.node.inputs[1]) != predicate]
            return Conditional(predicate, (false, true), (*dict.fromkeys([*outside, *rest]),))
    raise CannotWriteError("it does not join the two branches of one predicate")


def _ends(value: Value) -> list[Value]:
    """The outputs of Switch that ``value`` hangs on, by data or (a constant) by control."""
    ends: dict[Value, None] = {}
    seen, stack = {value}, [value]
    while stack:
        here = stack.pop()
        for following in _in_front(here, ends):
            if following not in seen:
                seen.add(following)
                stack.append(following)
    return list(ends)


def _in_front(value: Value, ends: dict[Value, None]) -> list[Value]:
    node = value.node
    if node.op in SWITCHES:
        ends[value] = None
        return []
    if node.op in MERGES and not is_loop_merge(node):
        inner = conditional_at(node)
        return [inner.predicate, *inner.outside]
    controls = [c.out() if c.op not in PASS_THROUGH else c.inputs[0] for c in node.controls if c.inputs]
    return [*node.inputs, *(controls if node.op == "Const" else ())]
