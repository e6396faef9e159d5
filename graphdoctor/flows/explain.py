"""explain and rules: a rule's page by code, by name or by the error that users see; the table of rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import dropwhile
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


_TEST_LINE = re.compile(r"# (target|expect|also|payload):")
"""What a fixture says to the tests, not to people."""


def _example(rule: Rule, which: str) -> str:
    """A fixture of the rule: beside ``rules/`` both in a checkout and in a wheel; empty if it has none."""
    path = rules_dir().parent / "fixtures" / "rules" / rule.code / f"{which}.gdt"
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    shown = [line for line in lines if not _TEST_LINE.match(line)]
    return "\n".join(dropwhile(lambda line: not line.strip("# "), shown)).strip()


_NAME = re.compile(r"GD[A-Z]?\d*|[a-z0-9]+(-[a-z0-9.]+)+", re.IGNORECASE)


def _is_name(words: str) -> bool:
    """True for what was meant as a code or name: an error message has a blank."""
    return _NAME.fullmatch(words) is not None or words in {rule.name for rule in load_rules()}


def _shortened(text: str, length: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


# Error messages. A rule's ``errors`` have placeholders; what a user has seen has names of its own graph instead, often
# more text around it, and often lacks the end. So a message fits by the share of the rule's words that are found, or by
# the share of the user's words that are the rule's, rare words counting more.

_ENOUGH = 0.7
"""Share of the words, by weight, that must be found."""
_CLOSE = 0.55
"""Part of the best rule's score that another one needs to be shown as well."""
_FEWEST = 3
"""Words of a user that must be a rule's where most of the rule's are missing."""
_HOLE = re.compile(r"\{[^}]*\}|\b(?:NODE|HOST|X)\b")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{2,}")
_SENTENCE = re.compile(r"[;.] ")
_NAMED = re.compile(r"(?<=\b_)[A-Z][A-Za-z0-9]{2,}|\b[a-z]+[A-Z][A-Za-z0-9]*")
"""What a message is about: an op as UFF writes it, ``_Print``, or a function, ``importTopK``."""


@dataclass(frozen=True, slots=True)
class _Message:
    """A message of a rule: its words, and those that must be found, since the message is about them."""

    rule: Rule
    words: frozenset[str]
    needed: frozenset[str]


def rules_for_message(text: str) -> list[Rule]:
    """The rules whose errors look like ``text``, at most :data:`MOST`, best first."""
    best: dict[str, tuple[float, Rule]] = {}
    for window in _windows(text):
        for message in _messages():
            score = _score(message, window)
            if score > best.get(message.rule.code, (0.0,))[0]:
                best[message.rule.code] = (score, message.rule)
    ranked = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].code))
    return [rule for score, rule in ranked[:MOST] if score >= _CLOSE * ranked[0][0]]


def _windows(text: str) -> Iterator[frozenset[str]]:
    """The words of each line, and of each line with the next: terminals break messages."""
    lines = [_words(line) for line in text.splitlines()]
    for i, line in enumerate(lines):
        yield line
        if i + 1 < len(lines):
            yield line | lines[i + 1]


def _score(message: _Message, words: frozenset[str]) -> float:
    """The weight of what is found, times the share that it is; 0 where that is too little."""
    common = message.words & words
    if not common or not message.needed <= words:
        return 0.0
    found = _weight(common)
    share = found / _weight(message.words)
    if len(common) >= _FEWEST:
        share = max(share, found / _weight(words))
    return found * share if share >= _ENOUGH else 0.0


def _words(text: str) -> frozenset[str]:
    """The words of a message in small letters, without placeholders and numbers."""
    return frozenset(word.lower() for word in _WORD.findall(_HOLE.sub(" ", text)))


def _weight(words: frozenset[str]) -> float:
    """The fewer rules have a word in their messages, the more it weighs."""
    counts = _counts()
    return sum(log(1 + len(load_rules()) / counts.get(word, 1)) for word in words)


@cache
def _counts() -> Mapping[str, int]:
    """Word -> number of rules that have it in their messages."""
    return Counter(word for _, word in {(m.rule.code, word) for m in _messages() for word in m.words})


@cache
def _messages() -> Sequence[_Message]:
    """Every message of every rule."""
    made = []
    for rule in load_rules():
        for text in (*rule.errors, *_filled(rule)):
            named = {*_NAMED.findall(text), *_blamed(rule, text)}
            needed = frozenset(word.lower() for word in named)
            made += [_Message(rule, words, needed) for words in _parts(text)]
    return made


def _parts(text: str) -> Iterator[frozenset[str]]:
    """The words of the whole message, of each sentence, and of each behind its last colon: logs differ there."""
    yield _words(text)
    for sentence in _SENTENCE.split(text):
        for part, fewest in ((sentence, 3), (sentence.rpartition(": ")[2], 2)):
            if len(words := _words(part)) >= fewest:
                yield words


def _filled(rule: Rule) -> Iterator[str]:
    """Where a rule's errors blame an op of its own: what other rules have for any op, with each of its ops."""
    if not any(_blamed(rule, error) for error in rule.errors):
        return
    for other in load_rules():
        if not _parsers(rule) or not _parsers(other) or _parsers(rule) & _parsers(other):
            yield from (e.replace("{op}", op) for e in other.errors if "{op}" in e for op in _own_ops(rule))


def _blamed(rule: Rule, text: str) -> list[str]:
    """The ops that the rule looks for and ``text`` names."""
    return [word for word in _WORD.findall(text) if word in _own_ops(rule)]


def _own_ops(rule: Rule) -> Sequence[str]:
    return rule.match.ops if rule.match is not None else ()


def _parsers(rule: Rule) -> frozenset[str]:
    return frozenset(rule.targets.parsers) if rule.targets is not None else frozenset()
