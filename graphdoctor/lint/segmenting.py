"""Which nodes of a graph TF-TRT takes into segments, and why it leaves the others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from graphdoctor.ir import Node, Value
from graphdoctor.lint.context import CheckContext
from graphdoctor.lint.trouble import Trouble
from graphdoctor.match.support import ORDER_ONLY
from graphdoctor.passes.segments import Cutter, Segments
from graphdoctor.targets import SegmentRules, Target
from graphdoctor.types import Answer
from graphdoctor.words import plural


def segmented(ctx: CheckContext, target: Target, trouble: Trouble | None = None) -> Segmented:
    """How ``target`` cuts the graph of ``ctx``; kept for the run, so that all rules must have spoken before.

    Args:
        ctx: the graph.
        target: a target with segments.
        trouble: what the rules say of it; by default what they said in this run.
    """
    key = f"segments of {target.name}"
    if key not in ctx.shared:
        said = ctx.shared.get("trouble", {}).get(target.name) if trouble is None else trouble
        ctx.shared[key] = Segmented(ctx, target, said or Trouble())
    found: Segmented = ctx.shared[key]
    return found


class Segmented:
    """A graph as one TF-TRT target takes it.

    Attributes:
        segments: cut with the nodes of which it is sure that they convert.
        refused: an example for NO and for UNKNOWN, with its reason.
        inside: nodes of the segments that are kept.
    """

    def __init__(self, ctx: CheckContext, target: Target, trouble: Trouble) -> None:
        assert target.segments is not None
        self.ctx = ctx
        self.target = target
        self.rules: SegmentRules = target.segments
        self.refused: dict[Answer, str] = {}
        self._sure: set[Node] = set()
        self._unsure: set[Node] = set()
        self._sort(trouble)
        self._ends = {*ctx.graph.inputs, *(v.node for v in ctx.graph.outputs), *ctx.graph.by_op(*ORDER_ONLY)}
        self._folded = {n for n in ctx.live if ctx.judge.is_constant(n)}
        read = {v.node for n in ctx.live if n not in self._folded for v in n.inputs}
        self._constants = (self._folded & read) - self._ends
        self.segments = self._cut(self._sure)
        self.inside = frozenset(n for segment in self.segments.kept for n in segment)

    def runs(self, node: Node) -> bool:
        """True if nothing keeps ``node`` from TensorRT but its place: in a segment, an input or output, or folded."""
        return node in self.inside or (node in self._sure and (node in self._ends or node in self._folded))

    @cached_property
    def left(self) -> dict[Node, tuple[str, bool]]:
        """Nodes that convert and are in no segment: the reason, and whether unknown nodes cannot change that."""
        most = self._most
        possible = {n for part in (most.kept, most.surplus) for segment in part for n in segment}
        reasons = {node: reason for node, reason in self._reasons() if node not in self._folded}
        return {node: (reason, most.whole and node not in possible) for node, reason in reasons.items()}

    @property
    def is_empty(self) -> bool:
        """True if there is certainly no segment."""
        return not self.segments.kept and not self._most.kept and self._most.whole

    @cached_property
    def _most(self) -> Segments:
        """Cut with all nodes that may convert."""
        maybe = self._unsure - self._ends
        return self._cut(self._sure | maybe) if maybe else self.segments

    def _sort(self, trouble: Trouble) -> None:
        objected = trouble.errors.keys() | trouble.doubts.keys()
        for kind, nodes in self.ctx.kinds(self.target).items():
            support = self.ctx.judge.support_of(kind, self.target)
            if support.ok is not Answer.YES:
                self.refused.setdefault(support.ok, f"{nodes[0].name} ({nodes[0].op}): {support.reason}")
            if support.ok is Answer.YES:
                self._sure.update(n for n in nodes if n not in objected)
                self._unsure.update(n for n in nodes if n in trouble.doubts and n not in trouble.errors)
            elif support.ok is Answer.UNKNOWN:
                self._unsure.update(n for n in nodes if n not in trouble.errors)

    def _cut(self, taken: set[Node]) -> Segments:
        nodes = (taken - self._folded - self._ends) | self._constants
        cutter: Cutter = self.ctx.shared.setdefault("cutter", Cutter(self.ctx.graph))
        return cutter.cut(nodes, self._constants, self.rules, self._fits, self._all_fit)

    def _fits(self, value: Value) -> bool:
        return self.ctx.specs.of(value).dtype in self.target.dtypes

    def _all_fit(self, node: Node) -> bool:
        specs = self.ctx.specs.table.get(node, ())
        return bool(specs) and all(spec.dtype in self.target.dtypes for spec in specs)

    def _reasons(self) -> Iterator[tuple[Node, str]]:
        for segment in self.segments.small:
            size = sum(n.op not in self.rules.uncounted for n in segment)
            count = plural(size, "node") if size else "no nodes that count"
            for node in segment:
                yield node, f"its segment has {count}, and {self.rules.minimum} are needed"
        for segment in self.segments.surplus:
            for node in segment:
                yield node, f"there are {self.rules.engines} larger segments, and no more engines are made"
        for node in self.segments.peeled:
            yield node, "it gives or takes a type that cannot cross the border of a segment"
