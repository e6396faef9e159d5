"""What rewrites ask of a node: a finding offers one only where these hold."""

from __future__ import annotations

from graphdoctor.ir import Node
from graphdoctor.match.context import MatchContext
from graphdoctor.match.predicate import Predicate
from graphdoctor.match.results import Match, NoMatch, Outcome
from graphdoctor.types import Shape, dims_text

_ONLY_SHAPE = frozenset({"Shape", "Size", "Rank"})


class IsOutput(Predicate, tag="is-output", frozen=True):
    """The node is an output of the graph, so that its name stays."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if ctx.graph.is_output(node):
            return Match("it is an output of the graph")
        return NoMatch("it is no output of the graph", node.name)


class ShapeWritable(Predicate, tag="shape-writable", frozen=True):
    """A Reshape by a constant can give output 0 its shape: one dimension of it at most is unknown.

    With ``follows`` that dimension has to follow from the only unknown one of input 0; without ``scalar`` there must
    be a dimension.
    """

    follows: bool = False
    scalar: bool = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        shape = ctx.specs.output(node).shape
        if not is_writable(shape) or (not shape and not self.scalar):
            shown = "unknown" if shape is None else dims_text(shape)
            return NoMatch(f"the shape of the result is {shown}", node.name)
        before = ctx.specs.of(node.inputs[0]).shape if node.inputs else None
        if self.follows and shape and None in shape and (before is None or before.count(None) != 1):
            return NoMatch("the unknown dimension may have changed on the way", node.name)
        return Match("its shape can be written down")


class OnlyCast(Predicate, tag="only-cast", frozen=True):
    """What reads the node casts it or takes its shape, and something casts it."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        readers = ctx.graph.consumers(node)
        other = next((n for n in readers if n.op != "Cast" and n.op not in _ONLY_SHAPE), None)
        if ctx.graph.is_output(node) or other is not None:
            return NoMatch(f"{other.op} {other.name} reads it" if other else "it is an output", node.name)
        if not any(n.op == "Cast" for n in readers):
            return NoMatch("nothing casts it", node.name)
        return Match("it is cast")


def is_writable(shape: Shape | None) -> bool:
    """True if the argument of a Reshape can say ``shape``: -1 for a dimension that is unknown, none of 0 beside it."""
    return shape is not None and shape.count(None) <= 1 and not (None in shape and 0 in shape)
