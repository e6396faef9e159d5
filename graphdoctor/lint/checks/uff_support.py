"""Nodes of a UFF file that a target does not run."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.uff_support import kinds, support_of
from graphdoctor.types import Answer


def check(ctx: CheckContext, *, plugins: bool = False) -> Iterator[Hit]:
    """One hit for each node and target: of ``plugins``, those that NVIDIA's library has none for; else the others."""
    for kind, nodes in kinds(ctx).items():
        if plugins is not (kind.is_custom and not kind.is_nvidias):
            continue
        for target in ctx.targets:
            support = support_of(kind, target)
            if support.ok is not Answer.YES:
                yield from (Hit(place, support.reason, support.ok is Answer.NO, target) for _, place in nodes)
