"""Dropout that still drops."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.dropout import dropouts


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live dropout, at the node that applies the mask."""
    for found in dropouts(ctx.graph):
        end = found.output.node
        if end in ctx.live:
            inner = tuple(n for n in found.interior if n is not end)
            yield Hit(end, f"random numbers of {found.random.name} drop elements of {found.input.name}", covers=inner)
