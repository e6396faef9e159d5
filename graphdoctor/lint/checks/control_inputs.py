"""Edges that only order execution."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import GraphView, Node
from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live node whose data is used and that waits for others.

    It covers what stands only to be waited for: that goes with the control inputs. Constants are left out: they are
    written without inputs.
    """
    silent = _Silent(ctx.graph)
    for node in ctx.graph:
        if node.controls and node.op != "Const" and node in ctx.live and not silent.holds(node):
            several = len(node.controls) > 1
            yield Hit(node, f"control input{'s' * several}", covers=silent.before(node), covers_node=False)


class _Silent:
    """Nodes whose data nobody uses; each is looked at once, since thousands may wait for one."""

    def __init__(self, graph: GraphView) -> None:
        self.graph = graph
        self._known: dict[Node, bool] = {}

    def holds(self, node: Node) -> bool:
        """True if nobody uses the data of ``node``."""
        if node not in self._known:
            used = self.graph.is_output(node) or any(use.slot >= 0 for use in self.graph.uses(node))
            self._known[node] = not used
        return self._known[node]

    def before(self, node: Node) -> tuple[Node, ...]:
        """The silent nodes that ``node`` waits for, directly or through each other."""
        found: dict[Node, None] = {}
        stack = list(node.controls)
        while stack:
            control = stack.pop()
            if control not in found and self.holds(control):
                found[control] = None
                stack += control.controls
        return tuple(found)
