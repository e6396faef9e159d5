"""One rule over one graph: its check, or its pattern and predicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module

from graphdoctor.errors import InputError
from graphdoctor.ir import Node
from graphdoctor.lint.context import Check, CheckContext, Hit
from graphdoctor.lint.outside import OWN_CHECKS, checks_of
from graphdoctor.lint.rules import Rule
from graphdoctor.match.context import MatchContext
from graphdoctor.match.predicate import Predicate
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome, negated


@cache
def load_check(name: str, package: str = OWN_CHECKS) -> Check:
    """The check called ``name``: function ``check`` of ``<name>.py`` in ``package``.

    Raises:
        InputError: there is none.
    """
    module = f"{package}.{name.replace('-', '_')}"
    try:
        found: Check = import_module(module).check
    except ModuleNotFoundError as e:
        if e.name != module:
            raise
        raise InputError(f"there is no check {name!r}", where=module, remedy="Write it, or correct the rule") from e
    return found


def run_rule(ctx: CheckContext, rule: Rule) -> Iterator[Hit]:
    """Where ``rule`` is broken in ``ctx``, whose targets are those that the rule is about."""
    if rule.check is not None:
        check = load_check(rule.check, checks_of(rule.code))
        unknown = set(rule.args) - set(check.__kwdefaults__ or ())
        if unknown:
            raise InputError(f"the check {rule.check} has no argument {min(unknown)!r}", where=rule.code)
        return check(ctx, **rule.args)
    return _run_pattern(ctx, rule) if rule.match is not None else iter(())


def _run_pattern(ctx: CheckContext, rule: Rule) -> Iterator[Hit]:
    questions = [(t, ctx.match(t)) for t in (ctx.targets if rule.per_target else (None,))]
    pattern, readers = rule.pattern(), frozenset(rule.with_readers)
    for binding in pattern.matches(ctx.graph):
        anchor = binding[pattern.anchor]
        if rule.live_only and anchor not in ctx.live:
            continue
        covers = tuple(n for n in ctx.graph.consumers(anchor) if n.op in readers) if readers else ()
        for target, question in questions:
            outcome = holds(rule.where, question, binding, anchor)
            if not isinstance(outcome, NoMatch):
                yield Hit(anchor, outcome.reason, isinstance(outcome, Match), target, covers=covers, bound=binding)


def holds(where: Sequence[Predicate], ctx: MatchContext, binding: Mapping[str, Node], anchor: Node) -> Outcome:
    """All of ``where`` together: NoMatch as soon as one does not hold, else CannotTell if one cannot be told.

    The reason of a match is that of the last predicate.
    """
    answer: Outcome = Match()
    for predicate in where:
        outcome = predicate.test(ctx, binding[predicate.on] if predicate.on else anchor)
        if predicate.negate:
            outcome = negated(outcome)
        if isinstance(outcome, NoMatch):
            return outcome
        if isinstance(answer, Match):
            answer = outcome if isinstance(outcome, CannotTell) or outcome.reason else answer
    return answer
