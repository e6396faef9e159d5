"""From all findings to those that are shown: selection, suppressions, baseline. No verdict changes here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from graphdoctor.findings import Accepted, Finding, Hidden, Severity, TargetVerdict, Verdict, in_order
from graphdoctor.lint.baseline import match_baseline
from graphdoctor.lint.options import LintOptions
from graphdoctor.lint.rules import Rule, find_rule, load_rules
from graphdoctor.lint.selection import Selection, check_word, named
from graphdoctor.lint.suppress import SECURITY, Suppression, is_judged

UNUSED = "unused-suppression"
EXPIRED = "expired-suppression"
UNREASONED = "suppression-without-reason"
"""Names of the rules that speak of suppressions."""
BY_BASELINE = "by the baseline"
BY_ATTRIBUTE = "by attributes of the graph"


@dataclass(frozen=True, slots=True)
class Answers:
    """What the user has answered findings with.

    Attributes:
        suppressions: those of files.
        inline: True to heed those that stand in the graph.
        require_reason: True to heed none without a reason.
        baseline: findings accepted as they were.
    """

    suppressions: tuple[Suppression, ...] = ()
    inline: bool = False
    require_reason: bool = False
    baseline: tuple[Accepted, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """The findings that are shown and those that are not, both in the order of output; entries nothing needs.

    ``stale`` are those of the baseline, ``spent`` numbers of those of the suppression file.
    """

    shown: tuple[Finding, ...]
    concealed: tuple[Hidden, ...]
    stale: tuple[Accepted, ...]
    spent: tuple[int, ...]


@dataclass(slots=True)
class _Heeded:
    """Suppressions in force, with what each was good for."""

    suppressions: Sequence[Suppression]
    used: set[tuple[int, str]] = field(default_factory=set)
    """The number of a suppression with each of its words that answered for something."""

    def of(self, finding: Finding, rule: Rule | None) -> Suppression | None:
        """The first that answers for ``finding``; one that names the rule goes before one that names a prefix."""
        found = [(i, s) for i, s in enumerate(self.suppressions) if rule is not None and s.covers(finding, rule)]
        self.used.update((i, w) for i, s in found for w in s.rules if rule is not None and named(rule, (w,)))
        exact = (s for _, s in found if rule is not None and s.names(rule))
        return next(exact, found[0][1] if found else None)


def choose(
    findings: Iterable[Finding],
    options: LintOptions,
    answers: Answers,
    targets: Sequence[str],
    elsewhere: Callable[[], Iterable[Finding]],
) -> Chosen:
    """Part ``findings`` into shown and not shown, and add what is to be said of the suppressions themselves.

    Args:
        findings: all that were made, with fingerprints.
        options: selection and severities.
        answers: suppressions, those of the graph included, and the baseline.
        targets: those that the findings are about.
        elsewhere: the findings for every target; asked where a suppression is of no use for ``targets``.

    Raises:
        InputError: a word names no rule.
    """
    rules = (*load_rules(), *options.own_rules)
    selection = Selection(rules, options)
    for s in answers.suppressions:
        for word in () if s.inline else s.rules:
            check_word(word, rules, s.source)
    by_code = {r.code: r for r in rules}
    heeded = _Heeded([s for s in answers.suppressions if not s.is_over and (s.reason or not answers.require_reason)])
    made = [*map(selection.weighed, findings)]
    # By identity: most runs have no suppressions, and hashing every finding would cost as much as all else here.
    by = {id(f): heeded.of(f, by_code.get(f.code)) for f in (made if heeded.suppressions else ())}
    ran = frozenset(r.code for r in rules if selection.runs(r) and r.raised_by != "live")
    unused = list(_unused(heeded, rules, ran, targets, elsewhere))
    said = [*_out_of_force(answers), *(_finding(UNUSED, s, _why_unused(s, rules)) for s in unused)]
    ordered = in_order([*made, *map(selection.weighed, said)])
    matched = match_baseline(ordered, answers.baseline)
    shown, concealed = [], []
    for i, finding in enumerate(ordered):
        hidden = _hidden(finding, selection, by.get(id(finding)), i in matched.old)
        if hidden is None:
            shown.append(finding)
        else:
            concealed.append(hidden)
    known = {r.code for r in rules} - ran
    stale = (e for e in matched.stale if e.target in ("", *targets) and e.code not in known)
    spent = sorted({s.number for s in answers.suppressions if not s.inline and (s.is_over or s in unused)})
    return Chosen(tuple(shown), tuple(concealed), tuple(stale), tuple(spent))


def _hidden(finding: Finding, selection: Selection, by: Suppression | None, in_baseline: bool) -> Hidden | None:
    """``finding`` with the first reason that hides it, or ``None`` where none does."""
    if finding.code in selection.mandatory:
        return None
    accepted = in_baseline or (by is not None and by.names(selection.rules[finding.code]))
    reason = selection.reason(finding)
    if not reason and by is not None:
        reason = BY_ATTRIBUTE if by.inline else f"by {by.file}"
    if not reason and in_baseline:
        reason = BY_BASELINE
    return Hidden(finding, reason, accepted) if reason else None


def accepted_targets(
    verdicts: Iterable[TargetVerdict],
    behind: Mapping[str, frozenset[str]],
    shown: Iterable[Finding],
    concealed: Iterable[Hidden],
) -> tuple[str, ...]:
    """Targets that are not *compatible* and whose verdict rests on accepted findings alone.

    Every finding of a rule that is an error must be accepted, and every node behind the verdict must be one that an
    accepted finding speaks of. So what no finding explains is never accepted.
    """
    rules = {r.code: r for r in load_rules() if r.decides}
    hidden = [h for h in concealed if h.finding.code in rules]
    answered = [h.finding for h in hidden if h.accepted]
    explained = {(f.target, n) for f in answered if rules[f.code].explains for n in (f.node, *f.covers)}
    # Where the rule that explains a node was not selected, one that defers to it speaks; nobody is shown that.
    silent = [f for h in hidden if not h.accepted and not _defers((f := h.finding), rules[f.code], explained)]
    objections = [f for f in (*shown, *silent) if f.code in rules and rules[f.code].level is Severity.ERROR]
    found = []
    for v in verdicts:
        if v.verdict is Verdict.COMPATIBLE or v.target not in behind:
            continue
        mine = [f for f in answered if f.target in ("", v.target)]
        told = {name for f in mine for name in (f.node, *f.covers)}
        if mine and behind[v.target] <= told and not any(f.target in ("", v.target) for f in objections):
            found.append(v.target)
    return tuple(found)


def _defers(finding: Finding, rule: Rule, explained: AbstractSet[tuple[str, str]]) -> bool:
    return rule.defers and any((target, finding.node) in explained for target in ("", finding.target))


def counts(concealed: Iterable[Hidden]) -> tuple[tuple[str, int], ...]:
    """How many findings are hidden, by reason, sorted by it."""
    return tuple(sorted(Counter(h.reason for h in concealed).items()))


def _out_of_force(answers: Answers) -> Iterator[Finding]:
    for s in answers.suppressions:
        if s.is_over:
            yield _finding(EXPIRED, s, f"it ended on {s.until}")
        elif answers.require_reason and not s.reason:
            yield _finding(UNREASONED, s, "it gives no reason")


def _unused(
    heeded: _Heeded,
    rules: Sequence[Rule],
    ran: frozenset[str],
    targets: Sequence[str],
    elsewhere: Callable[[], Iterable[Finding]],
) -> Iterator[Suppression]:
    """Each suppression with those of its words that answer for nothing, on any target."""
    doubtful = [
        (s, alone)
        for i, s in enumerate(heeded.suppressions)
        for alone in ([replace(s, rules=(w,)) for w in s.rules if (i, w) not in heeded.used] if s.rules else [s])
        if (not s.target or s.target in targets) and is_judged(alone, rules, ran)
    ]
    by_code = {r.code: r for r in rules}
    others = [(f, by_code[f.code]) for f in elsewhere() if f.code in by_code] if doubtful else []
    idle: dict[Suppression, tuple[str, ...]] = {}
    for s, alone in doubtful:
        if not any(alone.covers(f, rule) for f, rule in others):
            idle[s] = (*idle.get(s, ()), *alone.rules)
    yield from (replace(s, rules=words) for s, words in idle.items())


def _why_unused(s: Suppression, rules: Sequence[Rule]) -> str:
    if not any(named(r, s.rules) for r in rules):
        return "no rule has such a code, prefix or name"
    if s.inline and any(named(r, s.rules) and r.family == SECURITY for r in rules):
        return "a graph cannot silence findings about security by itself"
    return "nothing there breaks it"


def _finding(name: str, s: Suppression, reason: str) -> Finding:
    rule = find_rule(name)
    words = ", ".join(s.rules) or "no rule"
    message = rule.message.format(reason=f"{s.source} ({words}): {reason}")
    node = s.node if s.inline else ""
    return Finding(rule.code, rule.name, rule.level, "", node, "", message, remedy=rule.remedy)
