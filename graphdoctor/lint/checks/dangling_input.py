"""Nodes that are referred to and do not exist."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each reader of a missing node, a dead one too: TensorFlow loads no such graph."""
    for missing in ctx.graph.missing():
        for reader in ctx.graph.consumers(missing):
            yield Hit(reader, f"it reads {missing.name!r}, which is not in the graph")
