"""Attributes with a default that older TensorFlows did not write."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit


def check(ctx: CheckContext, *, attributes: dict[str, list[str]] | None = None) -> Iterator[Hit]:
    """One hit for each node of an op in ``attributes`` (op to what it may lack) that lacks one."""
    table = attributes or {}
    for node in ctx.live_nodes(*sorted(table)):
        lacking = [key for key in table[node.op] if key not in node.attrs]
        if lacking:
            yield Hit(node, f"{', '.join(lacking)} of {node.op}")
