"""Dropout that still drops."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.constants import source_of
from graphdoctor.match.dropout import DropoutMatch, dropouts


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live dropout, at the node that applies the mask."""
    for found in dropouts(ctx.graph):
        end = found.output.node
        if end in ctx.live:
            inner = (*(n for n in found.interior if n is not end), *_rates(ctx, found))
            yield Hit(end, "random numbers zero a part of its input", covers=inner)


def _rates(ctx: CheckContext, found: DropoutMatch) -> tuple[Node, ...]:
    """The placeholder that says the rate, where the dropout alone reads it: it goes with the dropout."""
    if found.keep is None:
        return ()
    node = source_of(found.keep).node
    if node.op not in ("Placeholder", "PlaceholderWithDefault"):
        return ()
    readers = {use.node for use in ctx.graph.uses(node)}
    return (node,) if readers <= set(found.interior) else ()
