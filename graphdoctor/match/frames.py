"""TensorFlow 1's control flow: which ops part and join, and which nodes lie in a while loop."""

from __future__ import annotations

from graphdoctor.ir import GraphView, Node

SWITCH_OPS = frozenset({"Switch", "RefSwitch"})
FLOW_OPS = SWITCH_OPS | frozenset(
    "Merge RefMerge Enter RefEnter Exit RefExit NextIteration RefNextIteration LoopCond".split()
)
"""Where it matters which output of a node something waits for, or in which loop."""
ENTER_OPS = ("Enter", "RefEnter")
EXIT_OPS = frozenset({"Exit", "RefExit"})


def nodes_in_loops(graph: GraphView) -> frozenset[Node]:
    """The nodes that run once per iteration of some loop, Enter included and Exit left out. Linear.

    A node without inputs is outside of every loop, even if only the loop reads it.
    """
    waiting = list(graph.by_op(*ENTER_OPS))
    inside = set(waiting)
    while waiting:
        for user in graph.consumers(waiting.pop()):
            if user not in inside and user.op not in EXIT_OPS:
                inside.add(user)
                waiting.append(user)
    return frozenset(inside)
