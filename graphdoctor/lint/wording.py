"""The text of a finding: a rule's template, filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from string import Formatter
from typing import NamedTuple

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.rules import Rule
from graphdoctor.targets import Target
from graphdoctor.types import dims_text


class Words(NamedTuple):
    """What the text of a finding is made of; ``target`` is ``None`` for what holds whatever the target."""

    ctx: CheckContext
    rule: Rule
    hit: Hit
    target: Target | None
    certain: bool


def message_of(words: Words) -> str:
    """What the finding says; one that is not certain begins with what could not be told.

    That is something of the graph, or, where all of that is known, whether the target has the limit at all.
    """
    rule = words.rule
    if words.certain:
        return _filled(words, rule.message)
    if words.hit.certain and words.target is not None:
        return f"cannot tell whether the target has this limit: {_filled(words, rule.message)}"
    doubt = rule.doubt or f"this holds: {rule.summary}"
    return f"cannot tell whether {_filled(words, doubt)}: {words.hit.reason.rstrip('.')}"


def _filled(words: Words, template: str) -> str:
    bound = words.hit.bound
    values = [
        bound[name].name if name in bound and name != "node" else _FIELDS[name](words) for name in _named(template)
    ]
    return _formatted(template, *values)


@lru_cache(maxsize=4096)
def _formatted(template: str, *values: str) -> str:
    """``template`` with its fields filled in; one and the same text for the many nodes of which the same is said."""
    return template.format_map(dict(zip(_named(template), values, strict=True)))


@cache
def _named(template: str) -> tuple[str, ...]:
    """The fields that ``template`` has."""
    return tuple({name for _, name, _, _ in Formatter().parse(template) if name})


def _limit_text(rule: Rule, target: Target | None) -> str:
    """What the target says of the limit that the rule is about."""
    if rule.targets is None or target is None:
        return ""
    found = (target.has_limit(name) for name in rule.targets.limits)
    return next((limit.reason for limit in found if limit is not None), "")


_FIELDS: Mapping[str, Callable[[Words], str]] = {
    "node": lambda w: w.hit.node.name,
    "op": lambda w: w.hit.node.op,
    "reason": lambda w: w.hit.reason.rstrip("."),
    "shape": lambda w: dims_text(w.ctx.specs.output(w.hit.node).shape),
    "dtype": lambda w: w.ctx.specs.output(w.hit.node).dtype.label,
    "scope": lambda w: w.hit.node.scope,
    "target": lambda w: "the target" if w.target is None else w.target.title,
    "limit": lambda w: _limit_text(w.rule, w.target),
}
"""What fills each field that a template may have; a node of the rule's pattern fills its own."""
