"""Arguments that the UFF converter reads as constants, and that are computed."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.constants import constant_of, source_of

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
            hit = _judge(ctx, node, slot, what)
            if hit is not None:
                yield hit


def _judge(ctx: CheckContext, node: Node, slot: int, what: str) -> Hit | None:
    if len(node.inputs) < 2 or slot >= len(node.inputs):
        return None
    value = node.inputs[slot]
    source = source_of(value).node
    if constant_of(value) is not None:
        return None
    if source.is_missing:
        return Hit(node, f"the node that gives its {what} is missing", certain=False)
    if ctx.judge.is_constant(source):
        return Hit(node, f"{source.op} computes its {what}, always with the same result", case="folds")
    return Hit(node, f"{source.op} computes its {what}")
