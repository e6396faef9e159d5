"""The numbers of rules that a user may set: ``[options]`` of a rule says which, and where they stand in it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.lint.options import LintOptions, RuleOption
from graphdoctor.lint.rules import Rule, RuleOptionFile, nearest

Number = int | float


def configured(rules: Sequence[Rule], options: LintOptions) -> tuple[Rule, ...]:
    """``rules`` with the numbers of ``options.rule_options`` in their places.

    Raises:
        InputError: no such rule, no such option, or a number that it cannot be; the message says what it may be.
    """
    if not options.rule_options:
        return tuple(rules)
    places = dict(options.places)
    changed = {r.code: r for r in rules}
    for word, key, value in options.rule_options:
        rule = _rule(word, rules, places.get(word, ""))
        changed[rule.code] = _with(changed[rule.code], (word, key, value), places.get(f"{word}.{key}", ""))
    return tuple(changed.values())


def option_value(rule: Rule, option: RuleOptionFile) -> Number:
    """The number that stands in ``rule`` now."""
    if not option.predicate:
        return _number(rule.args[option.sets])
    found = next(p for p in rule.where if p.__struct_config__.tag == option.predicate)
    return _number(getattr(found, option.sets))


def _number(value: object) -> Number:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number")
    return value


def _rule(word: str, rules: Sequence[Rule], where: str) -> Rule:
    for rule in rules:
        if word in (rule.code, rule.name):
            return rule
    near = nearest(word, [w for r in rules for w in (r.code, r.name)])
    raise InputError(f"there is no rule {word!r}", where=where, remedy=f"{near}graphdoctor rules lists them")


def _with(rule: Rule, given: RuleOption, where: str) -> Rule:
    _, key, value = given
    option = rule.options.get(key)
    if option is None:
        known = ", ".join(sorted(rule.options)) or "none"
        near = nearest(key, rule.options)
        raise InputError(f"{rule.code} has no option {key!r}", where=where, remedy=f"{near}Its options: {known}")
    before = option_value(rule, option)
    if isinstance(value, bool) or not isinstance(value, (int, float) if isinstance(before, float) else int):
        kind = "a number" if isinstance(before, float) else "a whole number"
        raise InputError(f"{key} must be {kind}, not {value!r}", where=where, remedy=_range(option))
    if not option.low <= value <= option.high:
        raise InputError(f"{key} cannot be {value!r}", where=where, remedy=_range(option))
    return _placed(rule, option, float(value) if isinstance(before, float) else value)


def _range(option: RuleOptionFile) -> str:
    return f"Give one from {option.low:g} to {option.high:g}: {option.summary}"


def _placed(rule: Rule, option: RuleOptionFile, value: Number) -> Rule:
    if not option.predicate:
        return msgspec.structs.replace(rule, args={**rule.args, option.sets: value})
    where = [
        msgspec.structs.replace(p, **{option.sets: value}) if p.__struct_config__.tag == option.predicate else p
        for p in rule.where
    ]
    return msgspec.structs.replace(rule, where=where)
