"""Findings that say the same, together: a graph repeats its faults as often as its blocks."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from graphdoctor.findings import Finding, Fix, ModelReport, Safety, TargetVerdict, Verdict, in_order

ELLIPSIS = "…"
"""Stands for the node in a message that many nodes share."""
T = TypeVar("T")
_NAME_CHARACTERS = frozenset("_/-.")
_ALIKE = 4
"""So many reasons that differ in names, shapes and numbers alone are told as one."""
_PARTICULARS = re.compile(
    r"""
    \[[^][]*\](?:\ and\ \[[^][]*\])*  # shapes
    | '[^']*'                         # what is quoted
    | [^\s,;:()\[\]]+(?:/[^\s,;:()\[\]]+)+  # names with a scope
    | \b\d[\d,.]*\b                   # numbers
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Group:
    """Findings of one rule for one ``reason`` with the same ``targets``; ``findings`` are those of the first.

    ``alike`` is true where the reasons are alike and not the same: ``message`` leaves out in what they differ.
    """

    findings: tuple[Finding, ...]
    targets: tuple[str, ...]
    message: str
    remedy: str
    reason: tuple[object, ...] = ()
    alike: bool = False

    @property
    def head(self) -> Finding:
        """The finding that stands for all: code, name, severity, fix and remedy are theirs."""
        return self.findings[0]

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The nodes, each once; none for a finding about the whole model."""
        return tuple(dict.fromkeys(f.node for f in self.findings if f.node))

    @property
    def count(self) -> int:
        """How many findings; one that is said of several targets counts once."""
        return len(self.findings)

    @cached_property
    def ops(self) -> list[tuple[str, int]]:
        """Each op and its number of nodes, the most frequent first."""
        ops = {f.node: f.op for f in self.findings if f.node}
        return sorted(Counter(ops.values()).items(), key=lambda kv: (-kv[1], kv[0]))

    @cached_property
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
    """A target's verdict with its groups counted: blockers, those a rewrite removes, what could not be told.

    ``hidden`` blockers are not among the findings that are shown.
    """

    verdict: TargetVerdict
    blockers: int
    fixable: int
    unsafe: int
    untold: int
    hidden: int = 0


def group_findings(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """Group by code and reason, then by the targets concerned; the worst first, equal reasons together.

    A reason is the message without the node and the op that it is about: one and the same reason concerns many ops.
    Many reasons that are alike count as one.
    """
    places = _places(in_order(findings))
    repeated = _repeated(f for _, _, f in places)
    reasons: _Reasons = {}
    known: dict[tuple[int, str, str], dict[tuple[str, ...], list[Finding]]] = {}
    for kind, targets, f in places:
        key = (kind, f.message, f.op)
        if key in known:
            same = known[key]
        else:
            same = reasons.setdefault(_reason(f, repeated), {})
            if not _names_it(f, repeated):
                known[key] = same
        same.setdefault(targets, []).append(f)
    return tuple(g for reason, by_targets in _alike_as_one(reasons).items() for g in _groups(reason, by_targets))


_Reasons = dict[tuple[object, ...], dict[tuple[str, ...], list[Finding]]]


def _alike_as_one(reasons: _Reasons) -> _Reasons:
    often = Counter(_veiled(reason) for reason in reasons)
    found: _Reasons = {}
    for reason, by_targets in reasons.items():
        veiled = _veiled(reason)
        same = found.setdefault(veiled if often[veiled] >= _ALIKE else reason, {})
        for targets, members in by_targets.items():
            same[targets] = in_order([*same[targets], *members]) if targets in same else members
    return found


def _veiled(reason: tuple[object, ...]) -> tuple[object, ...]:
    """``reason`` with neither names nor shapes nor numbers in its texts, the message and the remedy."""
    return (*reason[:-2], *(without_particulars(str(text)) for text in reason[-2:]))


def without_particulars(text: str) -> str:
    """``text`` with each name that has a scope, each shape, number and quoted text replaced by an ellipsis."""
    return _PARTICULARS.sub(ELLIPSIS, text)


def by_place(found: Sequence[Finding]) -> Iterator[tuple[tuple[str, ...], Finding]]:
    """The targets that a finding is said of, and the finding, once and in the order of its first target."""
    yield from ((targets, f) for _, targets, f in _places(found))


def _places(found: Iterable[Finding]) -> list[tuple[int, tuple[str, ...], Finding]]:
    """Findings that differ in their target alone: the number of their kind, their targets and the first of them."""
    first: list[tuple[int, Finding]] = []
    said: list[int] = []  # of each its set of targets, by number: most have one of a few
    sets: list[tuple[str, ...]] = [()]
    grown: dict[tuple[int, str], int] = {}
    tables: defaultdict[int, dict[tuple[str, str, str], int]] = defaultdict(dict)  # small ones stay in the cache
    for kind, f in _kinds(found):
        at = tables[kind].setdefault((f.node, f.op, f.message), len(first))
        if at == len(first):
            first.append((kind, f))
            said.append(0)
        step = (said[at], f.target)
        if step not in grown:
            grown[step] = len(sets)
            sets.append(tuple(dict.fromkeys((*sets[step[0]], f.target))))
        said[at] = grown[step]
    return [(kind, sets[targets], f) for (kind, f), targets in zip(first, said, strict=True)]


def _kinds(found: Iterable[Finding]) -> Iterator[tuple[int, Finding]]:
    """Each finding with the number of what it shares with others. Neighbours mostly share it, and are not hashed."""
    numbers: dict[tuple[object, ...], int] = {}
    last, kind = None, 0
    for f in found:
        if last is None or not (
            f.code is last.code
            and f.severity is last.severity
            and f.certain is last.certain
            and f.level is last.level
            and f.remedy is last.remedy
            and f.fix is last.fix
        ):
            shared = (f.code, f.severity, f.certain, f.blocks, f.remedy, f.fix)
            last, kind = f, numbers.setdefault(shared, len(numbers))
        yield kind, f


def _groups(reason: tuple[object, ...], by_targets: Mapping[tuple[str, ...], Sequence[Finding]]) -> Iterator[Group]:
    """The groups of one reason: all have the words that hold for all."""
    every = [f for members in by_targets.values() for f in members]
    message = _shared(every, [f.message for f in every]).removeprefix(f"{ELLIPSIS}: ")
    remedy = _shared(every, [f.remedy for f in every])
    texts = {(m, n if n in m else "", op) for m, n, op in ((f.message, f.node, f.op) for f in every)}
    alike = len({without_node(without_node(text, node), op) for text, node, op in texts}) > 1
    for targets, members in by_targets.items():
        yield Group(tuple(members), targets, message, remedy, reason, alike)


def _repeated(findings: Iterable[Finding]) -> frozenset[str]:
    """The texts that are said of several nodes word for word: what looks like a node's name in them is just a word."""
    nodes: dict[str, str] = {}
    repeated: set[str] = set()
    for f in findings:
        for text in (f.message, f.remedy):
            if text not in repeated and nodes.setdefault(text, f.node) != f.node:
                repeated.add(text)
    return frozenset(repeated)


def _names_it(f: Finding, repeated: frozenset[str]) -> bool:
    """True if a text of ``f`` names its node, so that its reason is not that of every node."""
    return any(text not in repeated and f.node in text for text in (f.message, f.remedy))


def _reason(f: Finding, repeated: frozenset[str]) -> tuple[object, ...]:
    texts = (t if t in repeated else without_node(t, f.node) for t in (f.message, f.remedy))
    return (f.severity, f.code, f.certain, f.blocks, f.fix, *(without_node(t, f.op) for t in texts))


def _shared(findings: Sequence[Finding], texts: Sequence[str]) -> str:
    """What ``texts`` have in common: all, or all but the node, or but the node and the op, or but all particulars."""
    if texts.count(texts[0]) == len(texts):
        return texts[0]
    without = [without_node(t, f.node) for t, f in zip(texts, findings, strict=True)]
    if all(t == without[0] for t in without):
        return without[0]
    repeated = _repeated(findings)
    pairs = zip(texts, without, findings, strict=True)
    bare = [without_node(text if text in repeated else shorter, f.op) for text, shorter, f in pairs]
    if all(t == bare[0] for t in bare):
        return bare[0]
    general = [without_particulars(t) for t in without]
    return general[0] if all(t == general[0] for t in general) else without_particulars(bare[0])


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


@dataclass(frozen=True, slots=True)
class Section:
    """The groups of one rule that have one severity and certainty: those of one reason stand together."""

    reasons: tuple[tuple[Group, ...], ...]

    @property
    def head(self) -> Finding:
        """The finding that stands for all: code, name, severity and certainty are theirs."""
        return self.reasons[0][0].head

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups."""
        return tuple(g for groups in self.reasons for g in groups)

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target that one of the groups concerns."""
        return tuple(dict.fromkeys(t for g in self.groups for t in g.targets))

    def common(self, of: Callable[[Group], T]) -> T | None:
        """What ``of`` gives for every group, or ``None`` where it differs."""
        first = of(self.groups[0])
        return first if all(of(g) == first for g in self.groups) else None


def sections(groups: Iterable[Group]) -> tuple[Section, ...]:
    """One section for each rule, the worst first; what could not be told stands behind what is sure."""
    found: dict[tuple[object, ...], dict[tuple[object, ...], list[Group]]] = {}
    for g in sorted(groups, key=lambda g: (-g.head.severity, g.head.code, not g.head.certain)):
        reasons = found.setdefault((g.head.severity, g.head.code, g.head.certain), {})
        reasons.setdefault(g.reason, []).append(g)
    return tuple(_section(reasons.values()) for reasons in found.values())


def _section(reasons: Iterable[Sequence[Group]]) -> Section:
    """What concerns most nodes stands first."""
    return Section(tuple(tuple(groups) for groups in sorted(reasons, key=lambda r: -sum(g.count for g in r))))


def chosen_verdicts(model: ModelReport) -> tuple[TargetVerdict, ...]:
    """The verdicts of the targets the user chose, in the order chosen; all of them when none was chosen."""
    by_name = {v.target: v for v in model.verdicts}
    return tuple(by_name[t] for t in model.chosen if t in by_name) or model.verdicts


def summaries(model: ModelReport, groups: Sequence[Group]) -> tuple[TargetSummary, ...]:
    """One summary for each chosen target."""
    hidden = group_findings(h.finding for h in model.concealed)
    return tuple(_summary(v, groups, hidden) for v in chosen_verdicts(model))


def _summary(verdict: TargetVerdict, every: Sequence[Group], concealed: Sequence[Group]) -> TargetSummary:
    """A reason counts once, also where it concerns some nodes for one target and other nodes for another."""
    groups = [g for g in every if g.concerns(verdict.target)]
    blockers = {g.reason: g.head.fix for g in groups if g.blocks}
    shown = {_veiled(reason) for reason in blockers}
    hidden = {_veiled(g.reason) for g in concealed if g.blocks and g.concerns(verdict.target)} - shown
    fixes = [fix for fix in blockers.values() if fix is not None and is_fixable(fix)]
    unsafe = sum(1 for fix in fixes if fix.safety is Safety.UNSAFE)
    untold = {g.reason for g in groups if not g.head.certain}
    return TargetSummary(verdict, len(blockers), len(fixes), unsafe, len(untold), len(hidden))


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
