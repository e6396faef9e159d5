"""Attributes that TensorFlow 1.12 does not know."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.history import NewerAttribute, attributes_after_1_12, newer_attributes
from graphdoctor.types import DType


def check(ctx: CheckContext, *, at_default: bool = True) -> Iterator[Hit]:
    """One hit for each node: attributes at their default, or those off it; one off it is the case."""
    present = [op for op in ctx.graph.ops() if op in attributes_after_1_12()]
    for node in ctx.live_nodes(*present):
        found = [a for a in newer_attributes(node) if a.at_default is at_default]
        if found:
            reason = " and ".join(a.name if at_default else _assigned(a) for a in found)
            yield Hit(node, reason, case="" if at_default or len(found) > 1 else found[0].name)


def _assigned(attribute: NewerAttribute) -> str:
    value = attribute.value
    if isinstance(value, bool):
        return f"{attribute.name} is {str(value).lower()}"
    if isinstance(value, DType):
        return f"{attribute.name} is {value.label}"
    return f"{attribute.name} is {list(value) if isinstance(value, tuple) else value}"
