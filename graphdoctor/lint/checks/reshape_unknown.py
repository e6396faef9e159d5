"""Reshapes of which two dimensions are to be found out."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live Reshape whose shape has an open batch and a -1 elsewhere.

    A Reshape that its scope turns into a Flatten is left out: nobody reads its shape.
    """
    for node in ctx.live_nodes("Reshape"):
        if len(node.inputs) != 2 or ctx.judge.is_flatten(node):
            continue
        wanted = ctx.specs.of(node.inputs[1]).ints()
        if wanted is None or len(wanted) < 2:
            continue
        later = [i for i, d in enumerate(wanted) if i and d in (None, -1)]
        if wanted[0] in (None, -1) and later:
            shown = ", ".join("?" if d is None else str(d) for d in wanted)
            yield Hit(node, f"[{shown}] leaves the batch and dimension {later[0]} open")
