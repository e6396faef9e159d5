"""Which nodes of a graph TF-TRT takes into segments, and why it leaves the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from graphdoctor.ir import Node, Value
from graphdoctor.lint.context import CheckContext
from graphdoctor.lint.trouble import Trouble
from graphdoctor.match.kinds import ORDER_ONLY, Kind
from graphdoctor.passes.numbered import Mask, Numbered, Numbers
from graphdoctor.passes.segments import Cutter, Segments
from graphdoctor.targets import SegmentRules, Target
from graphdoctor.types import Answer, DType
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
        running: nodes that nothing keeps from TensorRT but their place: in a segment, an input or output, or folded.
    """

    def __init__(self, ctx: CheckContext, target: Target, trouble: Trouble) -> None:
        assert target.segments is not None
        self.ctx = ctx
        self.target = target
        self.rules: SegmentRules = target.segments
        self.shared = _shared(ctx)
        self.refused: dict[Answer, str] = {}
        self._sure, self._unsure = self._sorted(trouble)
        self.segments = self._cut(self._sure)
        self.inside = self.shared.numbered.mask(n for segment in self.segments.kept for n in segment)
        self.running = self.inside | (self._sure & (self.shared.ends | self.shared.folded))

    @property
    def counts(self) -> tuple[int, int]:
        """How many live nodes run, and how many there are; constants do not count, what is folded to one does."""
        counted = self.shared.live & ~self.shared.constant
        return int((self.running & counted).sum()), int(counted.sum())

    @cached_property
    def between(self) -> list[Node]:
        """Live nodes that do not run, read a segment and are read by one, both directly."""
        numbered = self.shared.numbered
        inside = self.inside
        near = numbered.readers_of(inside) & numbered.read_by(inside, controls=True)
        return [numbered.nodes[i] for i in np.flatnonzero(near & self.shared.live & ~self.running)]

    @cached_property
    def left(self) -> dict[Node, tuple[str, bool]]:
        """Nodes that convert and are in no segment: the reason, and whether unknown nodes cannot change that."""
        most = self._most
        numbered, folded = self.shared.numbered, self.shared.folded.tolist()
        possible = numbered.mask(n for part in (most.kept, most.surplus) for segment in part for n in segment).tolist()
        at = numbered.at
        found: dict[Node, tuple[str, bool]] = {}
        for nodes, reason in self._reasons():
            sure, unsure = (reason, most.whole), (reason, False)
            for node in nodes:
                if not folded[i := at[node]]:
                    found[node] = unsure if possible[i] else sure
        return found

    @property
    def is_empty(self) -> bool:
        """True if there is certainly no segment."""
        return not self.segments.kept and not self._most.kept and self._most.whole

    @cached_property
    def _most(self) -> Segments:
        """Cut with all nodes that may convert."""
        maybe = self._unsure & ~self.shared.ends
        return self._cut(self._sure | maybe) if maybe.any() else self.segments

    def _sorted(self, trouble: Trouble) -> tuple[Mask, Mask]:
        """The nodes of which it is sure that they convert, and those that may."""
        numbered, parser = self.shared.numbered, self.target.parser
        errors, doubts = numbered.mask(trouble.errors), numbered.mask(trouble.doubts)
        kinds = self.shared.kinds.setdefault(parser, {})
        yes, unknown = np.zeros_like(errors), np.zeros_like(errors)
        for kind, nodes in self.ctx.kinds(self.target).items():
            support = self.ctx.judge.support_of(kind, self.target)
            if support.ok is not Answer.YES:
                self.refused.setdefault(support.ok, f"{nodes[0].name} ({nodes[0].op}): {support.reason}")
            if support.ok is not Answer.NO:
                if kind not in kinds:
                    kinds[kind] = numbered.numbers(nodes)
                (yes if support.ok is Answer.YES else unknown)[kinds[kind]] = True
        return yes & ~errors & ~doubts, ((yes & doubts) | unknown) & ~errors

    def _cut(self, taken: Mask) -> Segments:
        shared = self.shared
        nodes = (taken & ~shared.folded & ~shared.ends) | shared.leaves
        return shared.cutter.cut(nodes, shared.leaves, self.rules, self._fits, shared.typed(self.target))

    def _fits(self, value: Value) -> bool:
        return self.ctx.specs.of(value).dtype in self.target.dtypes

    def _reasons(self) -> Iterator[tuple[Sequence[Node], str]]:
        for segment in self.segments.small:
            size = sum(n.op not in self.rules.uncounted for n in segment)
            count = plural(size, "node") if size else "no nodes that count"
            yield segment, f"its segment has {count}, and {self.rules.minimum} are needed"
        for segment in self.segments.surplus:
            yield segment, f"there are {self.rules.engines} larger segments, and no more engines are made"
        yield self.segments.peeled, "it gives or takes a type that cannot cross the border of a segment"


class _Shared:
    """What all TF-TRT targets have in common of one graph.

    Attributes:
        numbered: its nodes by number; the masks below are over them.
        live: nodes that the outputs depend on.
        constant: nodes with the op Const.
        ends: inputs and outputs, and nodes without data, which no segment takes.
        folded: live nodes that folding makes constants of.
        leaves: those of them that are read by a node that is left.
        kinds: the numbers of the nodes of each kind, by parser.
    """

    def __init__(self, ctx: CheckContext) -> None:
        graph = ctx.graph
        self.numbered = numbered = Numbered(graph)
        self.cutter = Cutter(numbered)
        self.kinds: dict[str, dict[Kind, Numbers]] = {}
        self.live = numbered.mask(ctx.live)
        self.constant = numbered.mask(graph.by_op("Const"))
        self.ends = numbered.mask((*graph.inputs, *(v.node for v in graph.outputs), *graph.by_op(*ORDER_ONLY)))
        self.folded = self.live & numbered.mask(ctx.judge.constants())
        self.leaves = self.folded & numbered.read_by(self.live & ~self.folded) & ~self.ends
        outputs: dict[tuple[DType, ...], int] = {}
        table = ctx.specs.table
        signatures = [tuple([spec.dtype for spec in table.get(node, ())]) for node in numbered.nodes]
        self._outputs = np.array([outputs.setdefault(s, len(outputs)) for s in signatures], np.int64)
        self._signatures = tuple(outputs)

    def typed(self, target: Target) -> Mask:
        """Nodes all of whose outputs have types of ``target``."""
        fits = [bool(s) and all(dtype in target.dtypes for dtype in s) for s in self._signatures]
        found: Mask = np.array(fits, np.bool_)[self._outputs]
        return found


def _shared(ctx: CheckContext) -> _Shared:
    key = "shared by segments"
    if key not in ctx.shared:
        ctx.shared[key] = _Shared(ctx)
    found: _Shared = ctx.shared[key]
    return found
