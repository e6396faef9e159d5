"""Outputs that compute something: TF-TRT never takes the node of an output into a segment."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.types import Answer


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each target and output that the target would convert elsewhere."""
    for target in ctx.targets:
        uncounted = target.segments.uncounted if target.segments is not None else frozenset()
        for node in dict.fromkeys(v.node for v in ctx.graph.outputs):
            computes = node.op not in uncounted and not ctx.judge.is_constant(node) and node not in ctx.graph.inputs
            if computes and ctx.judge.support(node, target).ok is Answer.YES:
                yield Hit(node, "", target=target)
