"""Rules by the error message that a user has seen.

A rule's ``errors`` have placeholders; what a user has seen has names of its own graph instead, often more text around
it, and often lacks the end. So a message fits by the share of the rule's words that are found, or by the share of the
user's words that are the rule's, rare words counting more. Numbers, quotes and the order of words count for nothing. A
rule's ``symptoms`` are found in the same way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import log

from graphdoctor.lint import Rule, load_rules
from graphdoctor.match.history import has_heard_of
from graphdoctor.targets import all_target_names, load_target

MOST = 3
"""How many rules one error message can bring up."""
_ENOUGH = 0.7
"""Share of the words, by weight, that must be found."""
_CLOSE = 0.55
"""Part of the best rule's score that another one needs to be shown as well."""
_FEWEST = 3
"""Words of a user that must be a rule's where most of the rule's are missing."""
_COMMON = frozenset(
    "and are but can cannot error failed for from has have its layer layers must node nodes not only ops should"
    " supported that the this was with".split()
)
"""Words that say nothing by themselves: a part of a message that has no other is not looked for."""
_HOLE = re.compile(r"\{[^}]*\}|\b(?:NODE|HOST|X)\b")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{2,}")
_SENTENCE = re.compile(r"[;.] ")
_NAMED = re.compile(r"(?<=\b_)[A-Z][A-Za-z0-9]{2,}|(?<=operation )[A-Z][A-Za-z0-9]{2,}|\b[a-z]+[A-Z][A-Za-z0-9]*")
"""What a message is about: an op as UFF writes it, ``_Print`` or ``Print``, or a function, ``importTopK``."""
_OP = re.compile(r"(?:\bop: |\bnot registered ')(\w+)")
"""The op in a message that says that it is not known."""


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
    fitting = (pair for pair in best.values() if not _is_known_after_all(pair[1], text))
    ranked = sorted(fitting, key=lambda pair: (-pair[0], pair[1].code))
    return [rule for score, rule in ranked[:MOST] if score >= _CLOSE * ranked[0][0]]


def _is_known_after_all(rule: Rule, text: str) -> bool:
    """True if ``rule`` is about ops that nobody knows, and TensorFlow or a target has the one in ``text``."""
    found = _OP.search(text) if rule.args.get("because") == "nobody" else None
    return found is not None and (
        has_heard_of(found[1]) or any(found[1] in load_target(name).ops for name in all_target_names())
    )


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
        for text in dict.fromkeys((*rule.errors, *rule.symptoms, *_of_limits(rule), *_filled(rule))):
            named = {*_NAMED.findall(text), *_blamed(rule, text)}
            needed = frozenset(word.lower() for word in named)
            made += [_Message(rule, words, needed) for words in _parts(text)]
    return made


def _of_limits(rule: Rule) -> Iterator[str]:
    """What the targets say is printed where the limits do not hold that the rule is about."""
    for name in rule.targets.limits if rule.targets is not None else ():
        for target in all_target_names():
            limit = load_target(target).has_limit(name)
            if limit is not None and limit.error:
                yield limit.error


def _parts(text: str) -> Iterator[frozenset[str]]:
    """The words of the whole message, of each sentence, and of each behind its last colon: logs differ there."""
    yield _words(text)
    for sentence in _SENTENCE.split(text):
        for part, fewest in ((sentence, 3), (sentence.rpartition(": ")[2], 2)):
            if len(words := _words(part)) >= fewest and words - _COMMON:
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
