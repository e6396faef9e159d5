"""What inference refuses: TensorFlow would refuse it too."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext, *, constants: bool = False) -> Iterator[Hit]:
    """One hit for each live node that contradicts itself: constants alone, or all but constants."""
    for conflict in ctx.specs.conflicts:
        if (conflict.node.op == "Const") is constants and conflict.node in ctx.live:
            yield Hit(conflict.node, conflict.reason)
