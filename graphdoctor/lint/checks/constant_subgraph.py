"""Ops that a target lacks and that only compute a constant."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.types import Answer

_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank"})


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each node and target; the case ``shapes`` where the constant comes from the shape of an input."""
    from_shape: dict[Node, bool] = {}
    for node in ctx.graph.order().nodes:
        if node.op == "Const" or not ctx.judge.is_constant(node):
            continue
        from_shape[node] = node.op in _SHAPES or any(
            from_shape.get(v.node, not ctx.judge.is_constant(v.node)) for v in node.inputs
        )
        if node in ctx.live:
            yield from _refused(ctx, node, "shapes" if from_shape[node] else "")


def _refused(ctx: CheckContext, node: Node, case: str) -> Iterator[Hit]:
    what = "shapes that are known" if case else "constants"
    for target in ctx.targets:
        if ctx.judge.support(node, target).ok is not Answer.YES:
            yield Hit(node, f"it computes the same value every time, from {what}", target=target, case=case)
