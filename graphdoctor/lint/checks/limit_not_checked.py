"""Limits of a target that nothing looks for, where a node's op is one that they name."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.limits import limit_covers
from graphdoctor.targets import Limit


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each target and limit, at the first node, with how many there are."""
    covers = limit_covers()
    for target in ctx.targets:
        for limit in target.limits.values():
            if covers.is_open(limit.name):
                nodes = _named(ctx, limit)
                if nodes:
                    more = f" ({len(nodes) - 1} more nodes)" if len(nodes) > 1 else ""
                    reason = f"{limit.name}: {limit.reason.rstrip('.')}{more}"
                    yield Hit(nodes[0], reason, certain=False, target=target, covers=tuple(nodes[1:]))


def _named(ctx: CheckContext, limit: Limit) -> list[Node]:
    ops = [op for op in ctx.graph.ops() if any(fnmatchcase(op, pattern) for pattern in limit.ops)]
    return list(ctx.live_nodes(*ops))
