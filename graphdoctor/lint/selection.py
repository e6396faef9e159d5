"""Which rules run, which findings are wanted, and with which severity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from graphdoctor.errors import InputError
from graphdoctor.findings import Finding, Hidden, Severity, in_order
from graphdoctor.globs import holds
from graphdoctor.lint.options import LintOptions
from graphdoctor.lint.rules import Rule

EVERY_RULE = "ALL"
OFF = "off"
_LEVELS = {level.label: level for level in Severity}
_NOT_SELECTED = "as not selected"
_IGNORED = "as ignored"
_OFF = "as switched off"


class Selection:
    """What the words of :class:`LintOptions` mean for each rule.

    Raises:
        InputError: a word names no rule; the message offers the nearest.
    """

    def __init__(self, rules: Sequence[Rule], options: LintOptions) -> None:
        scoped = (word for _, words in options.scope_ignores for word in words)
        said = (*options.select, *options.extend_select, *options.ignore, *options.mandatory, *scoped)
        for word in (*said, *(word for word, _ in options.severity)):
            check_word(word, rules, dict(options.places).get(word, ""))
        self.rules = {r.code: r for r in rules}
        self._scopes = [(glob, _codes(rules, words)) for glob, words in options.scope_ignores]
        self.mandatory = _codes(rules, options.mandatory)
        self.ignored = _codes(rules, options.ignore) - self.mandatory
        wanted = {r.code for r in rules if (named(r, options.select) if options.select else r.default)}
        self.chosen = frozenset(wanted | _codes(rules, options.extend_select) | self.mandatory)
        self._severity = {r.code: _chosen_level(r, options, self.mandatory) for r in rules}
        off = {code for code, word in self._severity.items() if word == OFF}
        self._shown = self.mandatory | (self.chosen - self.ignored - off).difference(*(c for _, c in self._scopes))

    def runs(self, rule: Rule) -> bool:
        """True for a rule that can say or change something: also why a target does not run a node."""
        return rule.code in self.chosen or rule.level is Severity.ERROR or rule.explains

    def weighed(self, finding: Finding) -> Finding:
        """``finding`` with the severity that the user gave its rule; what is not certain is at most a warning."""
        word = self._severity.get(finding.code, "")
        if word in ("", OFF):
            return finding
        level = _LEVELS[word] if finding.certain else min(_LEVELS[word], Severity.WARNING)
        return replace(finding, severity=level, level=finding.level or self._own_level(finding))

    def _own_level(self, finding: Finding) -> Severity:
        rule = self.rules.get(finding.code)
        return finding.severity if rule is None else rule.level

    def reason(self, finding: Finding) -> str:
        """Why ``finding`` is not wanted; empty if it is."""
        if finding.code in self._shown:
            return ""
        if finding.code not in self.chosen and finding.code in self.rules:
            return _NOT_SELECTED
        if self._severity.get(finding.code) == OFF:
            return _OFF
        if finding.code in self.ignored:
            return _IGNORED
        inside = any(finding.code in codes and holds(glob, finding.node) for glob, codes in self._scopes)
        return _IGNORED if inside and finding.node else ""

    def split(self, findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], tuple[Hidden, ...]]:
        """The findings that are wanted and those that are not, each in the order of output."""
        shown: list[Finding] = []
        concealed: list[Hidden] = []
        for finding in in_order(map(self.weighed, findings)):
            reason = self.reason(finding)
            if reason:
                concealed.append(Hidden(finding, reason))
            else:
                shown.append(finding)
        return tuple(shown), tuple(concealed)


def named(rule: Rule, words: Iterable[str]) -> bool:
    """True if one of ``words`` is the rule's code, a prefix of it, its name or ``ALL``."""
    return any(w == EVERY_RULE or rule.code.startswith(w.upper()) or rule.name == w for w in words)


def is_exact(rule: Rule, word: str) -> bool:
    """True if ``word`` names this rule and no other."""
    return word.upper() == rule.code or word == rule.name


def check_word(word: str, rules: Sequence[Rule], where: str = "") -> None:
    """Refuse a word that selects nothing.

    Raises:
        InputError: no rule has it; the message offers the nearest.
    """
    if word and any(named(r, (word,)) for r in rules):
        return
    import difflib

    near = difflib.get_close_matches(word, [w for r in rules for w in (r.code, r.name)], n=2, cutoff=0.5)
    raise InputError(
        f"no rule has the code, prefix or name {word!r}",
        where=where,
        remedy=f"Did you mean {' or '.join(near)}?" if near else "graphdoctor rules lists them",
    )


def _codes(rules: Sequence[Rule], words: Sequence[str]) -> frozenset[str]:
    return frozenset(r.code for r in rules if named(r, words))


def _chosen_level(rule: Rule, options: LintOptions, mandatory: frozenset[str]) -> str:
    """The word of ``options.severity`` for ``rule``, that of its most exact name; empty for none."""
    found = [(_exactness(rule, word), level) for word, level in options.severity if named(rule, (word,))]
    level = max(found, key=lambda pair: pair[0], default=(0, ""))[1]
    if rule.code in mandatory and (level == OFF or _LEVELS.get(level, rule.level) < rule.level):
        return ""
    return level


def _exactness(rule: Rule, word: str) -> int:
    if is_exact(rule, word):
        return 100
    return 0 if word == EVERY_RULE else len(word)
