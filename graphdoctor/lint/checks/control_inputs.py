"""Edges that only order execution."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit

_SHOWN = 3


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live node with control inputs; it covers those that give no data."""
    for node in ctx.graph:
        if node.controls and node in ctx.live:
            names = ", ".join(f"^{c.name}" for c in node.controls[:_SHOWN])
            rest = f" and {len(node.controls) - _SHOWN} more" if len(node.controls) > _SHOWN else ""
            silent = tuple(c for c in node.controls if not any(u.slot >= 0 for u in ctx.graph.uses(c)))
            yield Hit(node, f"{names}{rest}", covers=silent, covers_node=False)
