"""Findings that say the same, together: a graph repeats its faults as often as its blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphdoctor.findings import Finding, Fix, ModelReport, Safety, TargetVerdict, Verdict

ELLIPSIS = "…"
"""Stands for the node in a message that many nodes share."""
_NAME_CHARACTERS = frozenset("_/-.")


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one rule with one message: ``findings`` of the first target, in order; all its ``targets``."""

    findings: tuple[Finding, ...]
    targets: tuple[str, ...]
    message: str
    remedy: str

    @property
    def head(self) -> Finding:
        """The finding that stands for all: code, name, severity, fix and remedy are theirs."""
        return self.findings[0]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes, each once; none for a finding about the whole model."""
        return tuple(dict.fromkeys(f.node for f in self.findings if f.node))

    @property
    def count(self) -> int:
        """How many findings, over all targets."""
        return len(self.findings) * len(self.targets)

    @property
    def ops(self) -> list[tuple[str, int]]:
        """Each op and its number of nodes, the most frequent first."""
        ops = {f.node: f.op for f in self.findings if f.node}
        return sorted(Counter(ops.values()).items(), key=lambda kv: (-kv[1], kv[0]))

    @property
    def scopes(self) -> int:
        """In how many name scopes the nodes lie."""
        return len({f.scope for f in self.findings if f.node})

    @property
    def blocks(self) -> bool:
        """True when the rule is sure, and it stands in the way of the target."""
        return self.head.blocks

    def concerns(self, target: str) -> bool:
        """True for a finding about ``target``, or about the model whatever the target."""
        return target in self.targets or self.targets == ("",)


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """A target's verdict with its groups counted: blockers, those a rewrite removes, what could not be told."""

    verdict: TargetVerdict
    blockers: int
    fixable: int
    unsafe: int
    untold: int


def group_findings(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """Group by code, target and message without the node; equal groups of several targets become one. Worst first."""
    by_target: dict[tuple[object, ...], list[Finding]] = {}
    for f in sorted(findings, key=lambda f: f.sort_key):
        by_target.setdefault((f.target, *_key(f)), []).append(f)
    merged: dict[tuple[object, ...], Group] = {}
    for (target, *key), members in by_target.items():
        place = (*key, tuple((f.node, f.op) for f in members))
        first = merged.get(place)
        targets = (*first.targets, str(target)) if first else (str(target),)
        message = _shared([(f.message, f.node) for f in members]).removeprefix(f"{ELLIPSIS}: ")
        remedy = _shared([(f.remedy, f.node) for f in members])
        merged[place] = Group(first.findings if first else tuple(members), targets, message, remedy)
    return tuple(merged.values())


def _key(f: Finding) -> tuple[object, ...]:
    return (f.severity, f.code, f.certain, f.fix, without_node(f.message, f.node), without_node(f.remedy, f.node))


def _shared(texts: Sequence[tuple[str, str]]) -> str:
    """What the texts, each with its node, have in common: the text itself, or the text without the node."""
    text, node = texts[0]
    return text if all(t == text for t, _ in texts) else without_node(text, node)


def without_node(text: str, node: str) -> str:
    """``text`` with each whole mention of ``node`` replaced by an ellipsis."""
    if not node or node not in text:
        return text
    done, rest = "", text
    while (at := rest.find(node)) >= 0:
        before, end = done + rest[:at], at + len(node)
        inside = _joins(before[-1:]) or (_joins(rest[end : end + 1]) and rest[end : end + 1] != ".")
        done = before + (node if inside else ELLIPSIS)
        rest = rest[end:]
    return done + rest


def _joins(character: str) -> bool:
    return character.isalnum() or character in _NAME_CHARACTERS


def chosen_verdicts(model: ModelReport) -> tuple[TargetVerdict, ...]:
    """The verdicts of the targets the user chose, in the order chosen; all of them when none was chosen."""
    by_name = {v.target: v for v in model.verdicts}
    return tuple(by_name[t] for t in model.chosen if t in by_name) or model.verdicts


def summaries(model: ModelReport, groups: Sequence[Group]) -> tuple[TargetSummary, ...]:
    """One summary for each chosen target."""
    return tuple(_summary(v, [g for g in groups if g.concerns(v.target)]) for v in chosen_verdicts(model))


def _summary(verdict: TargetVerdict, groups: Sequence[Group]) -> TargetSummary:
    blockers = [g for g in groups if g.blocks]
    fixes = [g.head.fix for g in blockers if is_fixable(g.head.fix)]
    unsafe = sum(1 for fix in fixes if fix is not None and fix.safety is Safety.UNSAFE)
    return TargetSummary(verdict, len(blockers), len(fixes), unsafe, sum(1 for g in groups if not g.head.certain))


def is_fixable(fix: Fix | None) -> bool:
    """True when ``graphdoctor fix`` can do it."""
    return fix is not None and fix.safety is not Safety.MANUAL


def nearest_compatible(model: ModelReport, target: str) -> str:
    """The compatible target that stands nearest to ``target`` in the list of verdicts; the later of two; or empty."""
    order = [v.target for v in model.verdicts]
    at = order.index(target) if target in order else 0
    passing = [i for i, v in enumerate(model.verdicts) if v.verdict is Verdict.COMPATIBLE]
    return order[min(passing, key=lambda i: (abs(i - at), -i))] if passing else ""


def fix_packs(groups: Iterable[Group], safety: Safety, order: Sequence[str] = ()) -> tuple[str, ...]:
    """The packs that hold the fixes of ``groups`` with this safety, each once; those of ``order`` first and so."""
    found = dict.fromkeys(g.head.fix.pack for g in groups if g.head.fix and g.head.fix.safety is safety)
    return (*(p for p in order if p in found), *(p for p in found if p not in order))
