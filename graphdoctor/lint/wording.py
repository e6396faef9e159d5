"""The text of a finding: a rule's template, filled in."""

from __future__ import annotations

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
    """What the finding says; one that is not certain begins with what could not be told."""
    rule = words.rule
    if words.certain:
        return _filled(words, rule.message)
    doubt = rule.doubt or f"this holds: {rule.summary}"
    return f"cannot tell whether {_filled(words, doubt)}: {words.hit.reason.rstrip('.')}"


def _filled(words: Words, template: str) -> str:
    hit, target = words.hit, words.target
    spec = words.ctx.specs.output(hit.node)
    fields = {
        "node": hit.node.name,
        "op": hit.node.op,
        "reason": hit.reason.rstrip("."),
        "shape": dims_text(spec.shape),
        "dtype": spec.dtype.label,
        "scope": hit.node.scope,
        "target": "the target" if target is None else target.title,
        "limit": _limit_text(words.rule, target),
    }
    return template.format_map(fields | {name: node.name for name, node in hit.bound.items() if name != "node"})


def _limit_text(rule: Rule, target: Target | None) -> str:
    """What the target says of the limit that the rule is about."""
    if rule.targets is None or target is None:
        return ""
    found = (target.has_limit(name) for name in rule.targets.limits)
    return next((limit.reason for limit in found if limit is not None), "")
