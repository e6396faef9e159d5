"""The named predicates of rules about ONNX parsers."""

from __future__ import annotations

from typing import ClassVar

from graphdoctor.ir import Node
from graphdoctor.match.context import MatchContext
from graphdoctor.match.predicate import Predicate
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome
from graphdoctor.targets import Confidence
from graphdoctor.types import Answer


class TargetLacksOnnx(Predicate, tag="target-lacks-onnx", frozen=True):
    """The target does not run the ONNX op ``op``, which any converter makes of the node."""

    op: str

    per_target: ClassVar[bool] = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; a row that sets conditions is not looked into."""
        if ctx.target is None:
            return CannotTell("no target is given", node.name)
        row = ctx.target.row(self.op)
        if row.support is Answer.YES:
            return NoMatch(f"the target has ONNX {self.op}", node.name)
        if row.support is Answer.NO and row.confidence is not Confidence.LOW:
            return Match(f"ONNX {self.op}: {row.reason}")
        return CannotTell(f"ONNX {self.op}: {row.reason}", node.name)
