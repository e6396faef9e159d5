"""Ops that a target lacks and that only compute a constant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.types import Answer

_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank"})
_REASONS = {
    "": "it computes the same value every time, from constants",
    "shapes": "it computes the same value every time, from shapes that are known",
}


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each node and target; the case ``shapes`` where the constant comes from the shape of an input."""
    from_shape = _constants(ctx)
    for target in ctx.targets if from_shape else ():
        for kind, nodes in ctx.kinds(target).items():
            found = [] if from_shape.keys().isdisjoint(nodes) else [n for n in nodes if n in from_shape]
            if found and ctx.judge.support_of(kind, target).ok is not Answer.YES:
                for node in found:
                    case = "shapes" if from_shape[node] else ""
                    yield Hit(node, _REASONS[case], target=target, case=case, covers=_only_for(ctx, node, from_shape))


def _only_for(ctx: CheckContext, node: Node, computed: Mapping[Node, bool]) -> tuple[Node, ...]:
    """The constants that ``node`` and others that are folded read, and nobody else: they go with it."""
    consts = (v.node for v in node.inputs if v.node.op == "Const")
    return tuple(c for c in consts if all(u.node in computed for u in ctx.graph.uses(c)) and not ctx.graph.is_output(c))


def _constants(ctx: CheckContext) -> dict[Node, bool]:
    """Nodes that compute a constant -> whether it comes from the shape of an input."""
    found: dict[Node, bool] = {}
    for node in ctx.graph.order().nodes:
        if node.op != "Const" and ctx.judge.is_constant(node):
            found[node] = node.op in _SHAPES or any(
                found.get(v.node, not ctx.judge.is_constant(v.node)) for v in node.inputs
            )
    return found
