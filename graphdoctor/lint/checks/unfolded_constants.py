"""Nodes that compute a constant: parts of a graph that no input reaches."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each node of the graph that does more than hold or hand on a constant."""
    for node in ctx.graph:
        if node in ctx.live and node.op not in ("Const", "Identity") and ctx.judge.is_constant(node):
            yield Hit(node, f"{node.op} gives the same value every time")
