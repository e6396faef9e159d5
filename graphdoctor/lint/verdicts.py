"""From hits and support to a verdict for each target."""

from __future__ import annotations

from graphdoctor.findings import TargetVerdict, Verdict
from graphdoctor.lint.context import CheckContext
from graphdoctor.lint.segmenting import Segmented, segmented
from graphdoctor.lint.trouble import Trouble
from graphdoctor.targets import Target
from graphdoctor.types import Answer


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
    if target.segments is not None:
        return _in_segments(ctx, target, trouble, whole)
    objected = trouble.errors | trouble.doubts
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
    if target.segments is not None:
        cut = segmented(ctx, target, trouble)
        names.update(n.name for n in cut.left)
        names.update(v.node.name for v in ctx.graph.outputs[:1] if cut.is_empty)
    return frozenset(names | {""} if whole else names)


def _in_segments(ctx: CheckContext, target: Target, trouble: Trouble, whole: str) -> TargetVerdict:
    """The verdict on TF-TRT: compatible if every node is in a segment, or is an input or output that may be in one.

    A node counts as supported where it is in a segment that is kept; inputs, outputs and what is folded before count
    where nothing is against them.
    """
    cut = segmented(ctx, target, trouble)
    supported, total = cut.counts
    verdict, reason = _decide(trouble, cut.refused, whole)
    if verdict is not Verdict.INCOMPATIBLE and not whole:
        verdict, reason = _with_left(cut, verdict, reason)
    return TargetVerdict(target.name, verdict, supported, total, reason, target.parser, len(cut.segments.kept))


def _with_left(cut: Segmented, verdict: Verdict, reason: str) -> tuple[Verdict, str]:
    """The verdict with what no segment takes although its ops convert."""
    for node, (why, sure) in cut.left.items():
        if sure:
            return Verdict.INCOMPATIBLE, f"{node.name} ({node.op}): {why}"
    if cut.is_empty:
        return Verdict.INCOMPATIBLE, "no part of the graph becomes an engine"
    if verdict is Verdict.COMPATIBLE and cut.left:
        node, (why, _) = next(iter(cut.left.items()))
        return Verdict.UNKNOWN, f"{node.name} ({node.op}): {why}"
    return verdict, reason


def _decide(trouble: Trouble, refused: dict[Answer, str], whole: str) -> tuple[Verdict, str]:
    if trouble.errors:
        return Verdict.INCOMPATIBLE, trouble.reason(True)
    if Answer.NO in refused:
        return Verdict.INCOMPATIBLE, refused[Answer.NO]
    if whole:
        return Verdict.UNKNOWN, whole
    if trouble.doubts:
        return Verdict.UNKNOWN, trouble.reason(False)
    if Answer.UNKNOWN in refused:
        return Verdict.UNKNOWN, refused[Answer.UNKNOWN]
    return Verdict.COMPATIBLE, ""
