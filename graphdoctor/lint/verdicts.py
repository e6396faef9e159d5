"""From hits and support to a verdict for each target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphdoctor.findings import TargetVerdict, Verdict
from graphdoctor.ir import Node
from graphdoctor.match.support import Judge, Kind
from graphdoctor.targets import Target
from graphdoctor.types import Answer


@dataclass(slots=True)
class Trouble:
    """What stands in the way of one target: nodes with the reason, certain or not."""

    errors: dict[Node, str] = field(default_factory=dict)
    doubts: dict[Node, str] = field(default_factory=dict)

    def add(self, nodes: Iterable[Node], reason: str, certain: bool) -> None:
        """Note ``reason`` at ``nodes``; the first reason of a node stays."""
        kept = self.errors if certain else self.doubts
        for node in nodes:
            kept.setdefault(node, reason)


class Tally:
    """Counts the live nodes by kind once, and judges each kind for each target.

    Constants do not count: they are data. Inputs do: a target can lack their type.
    """

    def __init__(self, judge: Judge, live: Iterable[Node]) -> None:
        self.judge = judge
        self.nodes = [n for n in live if n.op != "Const"]
        self.constants = [n for n in live if n.op == "Const"]
        self._groups: dict[str, dict[Kind, list[Node]]] = {}

    def groups(self, target: Target) -> Mapping[Kind, list[Node]]:
        """The live nodes, constants included, by what ``target`` can ask of them."""
        found = self._groups.get(target.parser)
        if found is None:
            found = self._groups[target.parser] = {}
            for node in (*self.nodes, *self.constants):
                found.setdefault(self.judge.kind(node, target), []).append(node)
        return found

    def verdict(self, target: Target, trouble: Trouble, whole: str) -> TargetVerdict:
        """The verdict on ``target``.

        Args:
            target: the target.
            trouble: what the rules say.
            whole: why nothing can be said of the graph as a whole, empty if it can.
        """
        answers: Counter[Answer] = Counter()
        first: dict[Answer, str] = {}
        for kind, nodes in self.groups(target).items():
            support = self.judge.support_of(kind, target)
            answers[support.ok] += len(nodes)
            if support.ok is not Answer.YES:
                where = f"{nodes[0].name} ({nodes[0].op})"
                first.setdefault(support.ok, f"{where}: {support.reason}")
        supported = self._supported(target, trouble)
        reason = next(iter(trouble.errors.values()), "") or first.get(Answer.NO, "")
        if reason:
            return TargetVerdict(target.name, Verdict.INCOMPATIBLE, supported, len(self.nodes), reason)
        reason = whole or next(iter(trouble.doubts.values()), "") or first.get(Answer.UNKNOWN, "")
        if reason:
            return TargetVerdict(target.name, Verdict.UNKNOWN, supported, len(self.nodes), reason)
        return TargetVerdict(target.name, Verdict.COMPATIBLE, supported, len(self.nodes))

    def _supported(self, target: Target, trouble: Trouble) -> int:
        bad = trouble.errors.keys() | trouble.doubts.keys()
        count = 0
        for kind, nodes in self.groups(target).items():
            if nodes[0].op != "Const" and self.judge.support_of(kind, target).ok is Answer.YES:
                count += len(nodes) - sum(n in bad for n in nodes) if bad else len(nodes)
        return count
