"""Nodes that no output needs."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each dead node that nobody reads; what only leads to it needs no hit of its own."""
    if not ctx.graph.outputs:
        return
    kept = ctx.live | set(ctx.graph.inputs)
    for node in ctx.graph:
        if node not in kept and not ctx.graph.consumers(node):
            alone = all(p in kept or p.is_missing for p in (*(v.node for v in node.inputs), *node.controls))
            yield Hit(node, "no output of the graph needs it" + ("" if alone else ", nor what only leads to it"))
