"""Ops that choose: their output jumps where an input moves by rounding, as a suppression does between two equal scores.

Also where in a graph TensorFlow's session can neither fetch a tensor nor be fed one: in loops, and in branches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.frames import ENTER_OPS, EXIT_OPS, SWITCH_OPS
from graphdoctor.match.functions import read_library

SUPPRESSION_OPS = (
    "NonMaxSuppression",
    *(f"NonMaxSuppressionV{version}" for version in (2, 3, 4, 5)),
    "NonMaxSuppressionWithOverlaps",
    "CombinedNonMaxSuppression",
)
"""Ops that keep the best of the boxes that overlap; they read boxes, then scores."""
CHOOSING_OPS = frozenset(SUPPRESSION_OPS) | frozenset(
    "GenerateBoundingBoxProposals TopK TopKV2 ArgMax ArgMin Where "
    "Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2".split()
)
_COMPARING = frozenset("Greater GreaterEqual Less LessEqual Equal NotEqual".split())
_LOGIC = frozenset("LogicalAnd LogicalOr LogicalNot Identity Reshape Squeeze ExpandDims All Any".split())
_DECIDED = frozenset("Where Switch RefSwitch LoopCond If StatelessIf While StatelessWhile".split())
_MERGE_OPS = frozenset({"Merge", "RefMerge"})
_DEEPEST = 16
"""Loops or branches in each other; a damaged graph could nest them without end."""


def choosing_nodes(graph: GraphView) -> list[Node]:
    """The nodes that choose: of :data:`CHOOSING_OPS`, comparisons of floats that decide over branches, loops or a
    Where, and calls of functions where the library has such an op. In file order.
    """
    in_functions = _chooses_inside(graph)
    return [n for n in graph if n.op in CHOOSING_OPS or _decides(graph, n) or (in_functions and _calls(n))]


def _decides(graph: GraphView, node: Node) -> bool:
    """True for a comparison of floats whose answer decides something; one that Select alone reads decides no more than
    each element for itself, and moves no further than rounding does.
    """
    if node.op not in _COMPARING or not getattr(node.attr("T"), "is_float", True):
        return False
    seen, open_ = {node}, [node]
    while open_:
        for user in graph.consumers(open_.pop()):
            if user.op in _DECIDED:
                return True
            if user.op in _LOGIC and user not in seen:
                seen.add(user)
                open_.append(user)
    return False


def _chooses_inside(graph: GraphView) -> bool:
    if graph.source is None:
        return False
    return any(
        op in CHOOSING_OPS or op in _COMPARING
        for ops in read_library(graph.source.library.function).ops.values()
        for op in ops
    )


def _calls(node: Node) -> bool:
    """True if an attribute of ``node`` names a function."""
    return any(key in node.attrs for key in ("f", "body", "then_branch", "else_branch", "branches"))


@dataclass(frozen=True, slots=True)
class Enclosed:
    """Nodes that lie in something: ``loops`` has the outermost frame of each, ``branches`` those that may not run."""

    loops: dict[Node, str]
    branches: frozenset[Node]

    def __contains__(self, node: object) -> bool:
        return node in self.loops or node in self.branches


def enclosed(graph: GraphView) -> Enclosed:
    """Which nodes of ``graph`` lie in a while loop or in a branch of TensorFlow 1's control flow."""
    enters = graph.by_op(*ENTER_OPS)
    stacks = _stacks(graph, enters, frozenset(ENTER_OPS), EXIT_OPS)
    loops = {node: stack[0] for node, stack in stacks.items() if stack}
    switches = [n for n in graph.by_op(*sorted(SWITCH_OPS)) if n not in loops]
    branches = _stacks(graph, switches, SWITCH_OPS, _MERGE_OPS)
    return Enclosed(loops, frozenset(n for n, stack in branches.items() if stack and n not in loops))


def _stacks(
    graph: GraphView, starts: Iterable[Node], opens: frozenset[str], closes: frozenset[str]
) -> dict[Node, tuple[str, ...]]:
    """What each node downstream of ``starts`` lies in, the outermost first; empty behind the last that closes."""
    found: dict[Node, tuple[str, ...]] = {node: (str(node.attr("frame_name", node.name)),) for node in starts}
    waiting = list(found)
    while waiting:
        node = waiting.pop()
        for user in graph.consumers(node):
            stack = found[node]
            if user.op in opens:
                stack = (*stack, str(user.attr("frame_name", user.name)))
            elif user.op in closes:
                stack = stack[:-1]
            if len(stack) <= _DEEPEST and len(stack) > len(found.get(user, ())):
                found[user] = stack
                waiting.append(user)
    return found
