"""Ops that read or make strings."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.types import DType

_SOURCES = frozenset({"Const", "Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "IteratorGetNext"})
_TALK = frozenset({"Assert", "Print", "PrintV2", "StringFormat"})
"""Ops whose strings are for people: they go without a trace."""


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live node that reads or makes strings; constants that it reads are part of it."""
    found: dict[Node, list[Node]] = {}
    for node, specs in ctx.specs.table.items():
        if node in ctx.live and any(spec.dtype is DType.STRING for spec in specs):
            if node.op not in _SOURCES:
                found.setdefault(node, [])
            for user in ctx.graph.consumers(node):
                found.setdefault(user, []).append(node)
    for node, strings in found.items():
        if node in ctx.live and not _is_told_elsewhere(node):
            yield Hit(node, "", covers=tuple(n for n in strings if n.op == "Const"))


def _is_told_elsewhere(node: Node) -> bool:
    return node.op in _TALK or "Table" in node.op or not node.inputs
