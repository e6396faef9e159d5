"""Nodes that no output needs."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each dead node that nobody reads, which tells how many dead nodes stand behind it."""
    if not ctx.graph.outputs:
        return
    kept = ctx.live | set(ctx.graph.inputs)
    seen: set[Node] = set()
    for node in ctx.graph:
        if node not in kept and not ctx.graph.consumers(node):
            size = _count(node, kept, seen)
            behind = f", nor {size - 1} node{'s' * (size > 2)} that only lead to it" if size > 1 else ""
            yield Hit(node, f"no output of the graph needs it{behind}")


def _count(end: Node, kept: AbstractSet[Node], seen: set[Node]) -> int:
    """Dead nodes that lead to ``end`` and were not counted yet, itself included."""
    stack, size = [end], 0
    while stack:
        node = stack.pop()
        if node in kept or node in seen or node.is_missing:
            continue
        seen.add(node)
        size += 1
        stack += [*(v.node for v in node.inputs), *node.controls]
    return size
