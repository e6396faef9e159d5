"""The text of a finding: a rule's template, filled in."""

from __future__ import annotations

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.rules import Rule
from graphdoctor.targets import Target
from graphdoctor.types import dims_text


def message_of(ctx: CheckContext, rule: Rule, hit: Hit, target: Target | None, certain: bool) -> str:
    """What the finding says; one that is not certain begins with what could not be told."""
    if certain:
        return _filled(ctx, rule.message, rule, hit, target)
    doubt = rule.doubt or f"this holds: {rule.summary}"
    return f"cannot tell whether {_filled(ctx, doubt, rule, hit, target)}: {hit.reason.rstrip('.')}"


def _filled(ctx: CheckContext, template: str, rule: Rule, hit: Hit, target: Target | None) -> str:
    spec = ctx.specs.output(hit.node)
    fields = {
        "node": hit.node.name,
        "op": hit.node.op,
        "reason": hit.reason.rstrip("."),
        "shape": dims_text(spec.shape),
        "dtype": spec.dtype.label,
        "scope": hit.node.scope,
        "target": "the target" if target is None else target.title,
        "limit": _limit_text(rule, target),
    }
    return template.format_map(fields | {name: node.name for name, node in hit.bound.items() if name != "node"})


def _limit_text(rule: Rule, target: Target | None) -> str:
    """What the target says of the limit that the rule is about."""
    if rule.targets is None or target is None:
        return ""
    found = (target.has_limit(name) for name in rule.targets.limits)
    return next((limit.reason for limit in found if limit is not None), "")
