"""From hits and support to a verdict for each target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from graphdoctor.findings import TargetVerdict, Verdict
from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext
from graphdoctor.lint.wording import Words, message_of
from graphdoctor.targets import Target
from graphdoctor.types import Answer

Reason = Words | str
"""A reason in words, or what words are made of when they are wanted."""


@dataclass(slots=True)
class Trouble:
    """What the rules say stands in the way of one target: nodes with the first reason, certain or not."""

    errors: dict[Node, Reason] = field(default_factory=dict)
    doubts: dict[Node, Reason] = field(default_factory=dict)

    def add(self, nodes: Iterable[Node], reason: Reason, certain: bool) -> None:
        """Note ``reason`` at ``nodes``; the first reason of a node stays."""
        kept = self.errors if certain else self.doubts
        for node in nodes:
            kept.setdefault(node, reason)


def verdict_of(ctx: CheckContext, target: Target, trouble: Trouble, whole: str) -> TargetVerdict:
    """The verdict on ``target``, with how many of the live nodes it supports.

    Constants do not count: they are data. Inputs do: a target can lack their type. A node counts as supported where
    the target's table says so and no rule objects or doubts.

    Args:
        ctx: the graph.
        target: the target.
        trouble: what the rules say of it.
        whole: why nothing can be said of the graph as a whole, empty if it can.
    """
    objected = trouble.errors.keys() | trouble.doubts.keys()
    supported = total = 0
    refused: dict[Answer, str] = {}
    for kind, nodes in ctx.kinds(target).items():
        support = ctx.judge.support_of(kind, target)
        if support.ok is not Answer.YES:
            refused.setdefault(support.ok, f"{nodes[0].name} ({nodes[0].op}): {support.reason}")
        if nodes[0].op != "Const":
            total += len(nodes)
            if support.ok is Answer.YES:
                supported += len(nodes) - (sum(n in objected for n in nodes) if objected else 0)
    verdict, reason = _decide(trouble, refused, whole)
    return TargetVerdict(target.name, verdict, supported, total, reason)


def behind(ctx: CheckContext, target: Target, trouble: Trouble, whole: str) -> frozenset[str]:
    """The names of the nodes that keep the verdict on ``target`` from *compatible*; empty for the whole graph."""
    names = {n.name for n in (*trouble.errors, *trouble.doubts)}
    for kind, nodes in ctx.kinds(target).items():
        if ctx.judge.support_of(kind, target).ok is not Answer.YES:
            names.update(n.name for n in nodes)
    return frozenset(names | {""} if whole else names)


def _decide(trouble: Trouble, refused: dict[Answer, str], whole: str) -> tuple[Verdict, str]:
    if trouble.errors:
        return Verdict.INCOMPATIBLE, _first(trouble.errors)
    if Answer.NO in refused:
        return Verdict.INCOMPATIBLE, refused[Answer.NO]
    if whole:
        return Verdict.UNKNOWN, whole
    if trouble.doubts:
        return Verdict.UNKNOWN, _first(trouble.doubts)
    if Answer.UNKNOWN in refused:
        return Verdict.UNKNOWN, refused[Answer.UNKNOWN]
    return Verdict.COMPATIBLE, ""


def _first(reasons: dict[Node, Reason]) -> str:
    reason = next(iter(reasons.values()))
    return reason if isinstance(reason, str) else message_of(reason)
