"""Weights and arguments that the UFF converter looks up, behind two Identity nodes."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Value
from graphdoctor.lint.checks.argument_constant import ARGUMENTS
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.constants import constant_of

_WEIGHTS = dict.fromkeys(("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MatMul"), (1, "weights"))


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live node."""
    for op, (slot, what) in (ARGUMENTS | _WEIGHTS).items():
        for node in ctx.live_nodes(op):
            if len(node.inputs) > 1 and slot < len(node.inputs) and _is_behind_two(node.inputs[slot]):
                yield Hit(node, f"its {what} stands behind {node.inputs[slot].name} and another")


def _is_behind_two(value: Value) -> bool:
    """True for a constant that two Identity nodes or more pass on."""
    inner = value.node.inputs[0].node if value.node.op == "Identity" and value.node.inputs else None
    return inner is not None and inner.op == "Identity" and constant_of(value) is not None
