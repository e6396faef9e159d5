"""Variables of which the graph holds the place and not the value, or the value in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.types import DType

_VARIABLES = ("VarHandleOp", "VariableV2", "Variable", "TemporaryVariable", "AutoReloadVariable")
_READERS = ("ReadVariableOp", "ResourceGather", "ResourceGatherNd")
_CARRIERS = ("Switch", "Enter", "Identity", "Merge")


def check(ctx: CheckContext, *, half_frozen: bool = False) -> Iterator[Hit]:
    """One hit for each variable, with what reads it; with ``half_frozen``, for each node that gets no handle."""
    wrong = {node: got for node in ctx.live_nodes(*_READERS, *_CARRIERS) if (got := _not_a_handle(ctx, node))}
    if half_frozen:
        for node, got in wrong.items():
            yield Hit(node, got)
        return
    told: set[Node] = set()
    for node in ctx.live_nodes(*_VARIABLES):
        readers = tuple(n for n in ctx.graph.consumers(node) if n.op in _READERS and n in ctx.live)
        told.update(readers)
        yield Hit(node, "", covers=readers)
    for node in ctx.live_nodes(*_READERS):
        if node not in told and node not in wrong:
            yield Hit(node, "")


def _not_a_handle(ctx: CheckContext, node: Node) -> str:
    """What ``node`` gets where it wants a handle; empty where that is one, or is not known."""
    if not node.inputs or (node.op in _CARRIERS and node.attr("T") is not DType.RESOURCE):
        return ""
    dtype = ctx.specs.of(node.inputs[0]).dtype
    if dtype in (DType.RESOURCE, DType.INVALID):
        return ""
    return f"{node.inputs[0].node.name} gives {dtype.label}"
