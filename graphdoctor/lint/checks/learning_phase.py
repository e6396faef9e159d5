"""Placeholders that choose between training and inference."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.learning_phase import learning_phases
from graphdoctor.words import plural


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each that decides something live."""
    for found in learning_phases(ctx.graph):
        parts = [n for n in (*found.switches, *found.branches, *found.merges) if n in ctx.live]
        if parts:
            chosen = [n for n in found.switches if n in ctx.live] or parts
            count = plural(len(chosen), f"{chosen[0].op} node")
            yield Hit(found.phase, f"{count} choose between training and inference by it", covers=tuple(parts))
