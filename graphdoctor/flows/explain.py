"""explain and rules: a rule's page by code, by name or by the error that users see; the table of rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from typing import Any

from graphdoctor.errors import InputError
from graphdoctor.findings import Fix
from graphdoctor.lint import Rule, find_rule, load_rules
from graphdoctor.render import RuleInfo
from graphdoctor.render.text_rules import RulePage, RuleRow
from graphdoctor.resources import rules_dir
from graphdoctor.targets import Target, all_target_names, load_target

MOST = 3
"""How many rules one error message can bring up."""


def explain(words: str) -> list[RulePage]:
    """The page of the rule that ``words`` names, or those whose errors look like ``words``, best first.

    Args:
        words: a code (any case), a rule's name, or an error message of TensorFlow, of the UFF converter or of one of
            NVIDIA's parsers; of several lines, any may be the one.

    Raises:
        InputError: no rule has that code or name, or knows such a message.
    """
    words = words.strip()
    if not words:
        raise InputError("nothing to explain", remedy="Give a code, a rule's name or an error message")
    if _is_name(words):
        return [rule_page(find_rule(words.upper() if words[:2].upper() == "GD" else words.lower()))]
    found = rules_for_message(words)
    if not found:
        raise InputError(
            "no rule knows this message",
            where=_shortened(words),
            remedy="graphdoctor check MODEL says what stands in the way; graphdoctor rules lists what it looks for",
        )
    return [rule_page(rule) for rule in found]


def rules_of(target: str | None) -> list[Rule]:
    """The rules that can speak of ``target`` (``None``: all), by code.

    Raises:
        InputError: there is no such target.
    """
    if target is None:
        return list(load_rules())
    loaded = load_target(target)
    return [rule for rule in load_rules() if _is_about(rule, loaded)]


def rule_row(rule: Rule) -> RuleRow:
    """The rule's line in the table."""
    return RuleRow(rule.code, rule.name, rule.level, rule.summary, _fix(rule))


def rule_page(rule: Rule) -> RulePage:
    """Everything known of a rule, with its example."""
    return RulePage(
        code=rule.code,
        info=rule_info(rule),
        targets=_target_names(rule),
        errors=tuple(rule.errors),
        fix=_fix(rule),
        example=_example(rule, "bad"),
        fixed=_example(rule, "fixed"),
        references=tuple(rule.sources),
    )


def rule_info(rule: Rule) -> RuleInfo:
    """What the rule says of itself."""
    return RuleInfo(rule.name, rule.summary, rule.why.strip(), rule.remedy.strip(), rule.level)


def rule_infos() -> dict[str, RuleInfo]:
    """The text behind every code."""
    return {rule.code: rule_info(rule) for rule in load_rules()}


def row_record(rule: Rule) -> dict[str, Any]:
    """A rule's line for programs."""
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "summary": rule.summary,
        "default": rule.default,
        "targets": list(_target_names(rule)),
        "fix": _fix_record(_fix(rule)),
    }


def page_record(page: RulePage) -> dict[str, Any]:
    """A rule's page for programs."""
    return {
        "code": page.code,
        "name": page.info.name,
        "severity": page.info.severity.label,
        "summary": page.info.summary,
        "why": page.info.why,
        "remedy": page.info.remedy,
        "targets": list(page.targets),
        "errors": list(page.errors),
        "fix": _fix_record(page.fix),
        "example": page.example,
        "fixed": page.fixed,
        "references": list(page.references),
    }


def _fix_record(fix: Fix | None) -> dict[str, str] | None:
    return None if fix is None else {"rewrite": fix.rewrite, "safety": fix.safety.value, "pack": fix.pack}


def _fix(rule: Rule) -> Fix | None:
    """The rule's fix; of a rule with a fix for each case, the first."""
    offered = rule.fix or next(iter(rule.fixes.values()), None)
    return offered.value() if offered is not None else None


def _is_about(rule: Rule, target: Target) -> bool:
    return rule.targets is None or rule.targets.includes(target)


def _target_names(rule: Rule) -> tuple[str, ...]:
    """The targets that the rule singles out; none for a rule that holds whatever the target."""
    if rule.targets is None:
        return ()
    return tuple(name for name in all_target_names() if _is_about(rule, load_target(name)))


def _example(rule: Rule, which: str) -> str:
    """A fixture of the rule: beside ``rules/`` both in a checkout and in a wheel; empty if it has none."""
    path = rules_dir().parent / "fixtures" / "rules" / rule.code / f"{which}.gdt"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


_NAME = re.compile(r"GD[A-Z]?\d*|[a-z0-9]+(-[a-z0-9.]+)+", re.IGNORECASE)


def _is_name(words: str) -> bool:
    """True for what was meant as a code or name: an error message has a blank."""
    return _NAME.fullmatch(words) is not None or words in {rule.name for rule in load_rules()}


def _shortened(text: str, length: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


# Error messages. A rule's ``errors`` are messages with placeholders; a message that a user has seen holds names of its
# own graph and often more text around it. So a rule is judged by how much of its message is found, rare words counting
# more, and never by what else the user pasted.

_ENOUGH = 0.6
"""Share of a rule's message, by weight, that must be found."""
_CLOSE = 0.7
"""Part of the best rule's score that another one needs to be shown as well."""
_HOLE = re.compile(r"\{[^}]*\}|<[^>]*>|\bNODE\b|\bX\b")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Message:
    """A rule's message as words."""

    rule: Rule
    words: frozenset[str]


def rules_for_message(text: str) -> list[Rule]:
    """The rules whose errors look like ``text``, at most :data:`MOST`, best first."""
    best: dict[str, tuple[float, Rule]] = {}
    for window in _windows(text):
        for score, rule in _scores(window):
            if score > best.get(rule.code, (0.0, rule))[0]:
                best[rule.code] = (score, rule)
    ranked = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].code))
    return [rule for score, rule in ranked[:MOST] if score >= _CLOSE * ranked[0][0]]


def _windows(text: str) -> Iterator[frozenset[str]]:
    """The words of each line, and of each line with the next: terminals break messages."""
    lines = [_words(line) for line in text.splitlines()]
    for i, line in enumerate(lines):
        yield line
        if i + 1 < len(lines):
            yield line | lines[i + 1]


def _scores(words: frozenset[str]) -> Iterator[tuple[float, Rule]]:
    """Each message that is found in ``words`` far enough: its score is the weight found times the share found."""
    weights = _weights()
    for message in _messages():
        found = sum(weights[w] for w in message.words & words)
        share = found / sum(weights[w] for w in message.words)
        if share >= _ENOUGH:
            yield found * share, message.rule


def _words(text: str) -> frozenset[str]:
    """The words of a message in small letters, without placeholders and numbers."""
    return frozenset(word.lower() for word in _WORD.findall(_HOLE.sub(" ", text)))


@cache
def _messages() -> Sequence[_Message]:
    """Every message of every rule that has words of its own."""
    found = (_Message(rule, _words(error)) for rule in load_rules() for error in rule.errors)
    return tuple(m for m in found if m.words)


@cache
def _weights() -> dict[str, float]:
    """Word -> weight: the fewer rules' messages have it, the more it weighs."""
    holders = {(word, m.rule.code) for m in _messages() for word in m.words}
    counts = Counter(word for word, _ in holders)
    return {word: log(1 + len(load_rules()) / count) for word, count in counts.items()}
