"""Attributes that the TensorFlow which a target's converter works with does not know."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.history import RELEASES, NewerAttribute, attributes_after, newer_attributes
from graphdoctor.targets import Target
from graphdoctor.types import DType
from graphdoctor.words import plural


def check(ctx: CheckContext, *, at_default: bool = True) -> Iterator[Hit]:
    """One hit for each node and target: attributes at their default, or those off it; one off it is the case."""
    for release in RELEASES:
        targets = [t for t in ctx.targets if t.has_limit(f"tensorflow-{release}") is not None]
        if targets:
            yield from _newer_than(ctx, release, targets, at_default)


def _newer_than(ctx: CheckContext, release: str, targets: list[Target], at_default: bool) -> Iterator[Hit]:
    table = attributes_after(release)
    for node in ctx.live_nodes(*(op for op in ctx.graph.ops() if op in table)):
        found = [a for a in newer_attributes(node, release) if a.at_default is at_default]
        if found:
            shown = " and ".join(a.name if at_default else _assigned(a) for a in found)
            case = "" if at_default or len(found) > 1 else found[0].name
            for target in targets:
                yield Hit(node, f"TensorFlow {release} does not know {shown}", target=target, case=case)


def _assigned(attribute: NewerAttribute) -> str:
    value = attribute.value
    if isinstance(value, bool):
        return f"{attribute.name}, which is {str(value).lower()}"
    if isinstance(value, DType):
        return f"{attribute.name}, which is {value.label}"
    if isinstance(value, str) and not value.isprintable():
        return f"{attribute.name}, which holds {plural(len(value.encode('utf-8', 'surrogateescape')), 'byte')}"
    return f"{attribute.name}, which is {list(value) if isinstance(value, tuple) else value}"
