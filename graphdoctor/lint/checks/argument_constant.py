"""Arguments that the UFF converter reads as constants, and that are computed."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.constants import constant_of, source_of
from graphdoctor.types import Answer

ARGUMENTS = {
    "ConcatV2": (-1, "axis"),
    "Transpose": (1, "permutation"),
    "BiasAdd": (1, "bias"),
    "Mean": (1, "axes"),
    "Sum": (1, "axes"),
    "Max": (1, "axes"),
    "Min": (1, "axes"),
    "Prod": (1, "axes"),
    "ArgMax": (1, "axis"),
    "ArgMin": (1, "axis"),
    "GatherV2": (2, "axis"),
    "ExpandDims": (1, "axis"),
}
"""Op -> input and what it says (uff 0.6.3 converter: "expected Const")."""


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live node; the case ``folds`` where folding makes the argument a constant."""
    for op, (slot, what) in ARGUMENTS.items():
        for node in ctx.live_nodes(op):
            yield from _judge(ctx, node, slot, what)


def _judge(ctx: CheckContext, node: Node, slot: int, what: str) -> Iterator[Hit]:
    if len(node.inputs) < 2 or slot >= len(node.inputs):
        return
    value = node.inputs[slot]
    source = source_of(value).node
    if constant_of(value) is not None:
        return
    if source.is_missing:
        yield Hit(node, f"its {what} comes from a node that is missing", certain=False)
    elif not ctx.judge.is_constant(source):
        yield Hit(node, f"its {what} is computed by {source.op}")
    else:
        reason = f"its {what} is computed by {source.op}, always with the same result"
        for target in ctx.targets:
            # Where the target does not run what computes it, that is told there (GDU013), with the same repair.
            if ctx.judge.support(source, target).ok is Answer.YES:
                yield Hit(node, reason, target=target, case="folds")
