"""Nodes of a UFF file that a target does not run."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.uff_subject import live_nodes, subject
from graphdoctor.lint.uff_support import support_of
from graphdoctor.types import Answer


def check(ctx: CheckContext, *, plugins: bool = False) -> Iterator[Hit]:
    """One hit for each node and target: of ``plugins``, those that NVIDIA's library has none for; else the others."""
    of = subject(ctx)
    for node, place in live_nodes(ctx):
        if plugins is not (node.is_custom and place.op == node.op):
            continue
        for target in ctx.targets:
            support = support_of(of, node, target)
            if support.ok is not Answer.YES:
                yield Hit(place, support.reason, support.ok is Answer.NO, target)
