"""Edges that only order execution."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live node whose data is used and that waits for others.

    It covers what stands only to be waited for: that goes with the control inputs.
    """
    for node in ctx.graph:
        if node.controls and node in ctx.live and not _is_silent(ctx, node):
            several = len(node.controls) > 1
            yield Hit(node, f"control input{'s' * several}", covers=_waited_for(ctx, node), covers_node=False)


def _waited_for(ctx: CheckContext, node: Node) -> tuple[Node, ...]:
    """The nodes without used data that ``node`` waits for, directly or through each other."""
    found: dict[Node, None] = {}
    stack = list(node.controls)
    while stack:
        control = stack.pop()
        if control not in found and _is_silent(ctx, control):
            found[control] = None
            stack += control.controls
    return tuple(found)


def _is_silent(ctx: CheckContext, node: Node) -> bool:
    return not ctx.graph.is_output(node) and not any(use.slot >= 0 for use in ctx.graph.uses(node))
