"""Batch normalization, fused or written out."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.batchnorm import (
    FUSED_OPS,
    BatchNormMatch,
    batchnorm_fused,
    layer_before,
    unfused_batchnorms,
)
from graphdoctor.match.results import CannotTell

NO_FIX = "none"


def check(ctx: CheckContext, *, fused: bool = True) -> Iterator[Hit]:
    """One hit for each; the case tells whether a convolution before it can take it over."""
    return _fused(ctx) if fused else _unfused(ctx)


def _fused(ctx: CheckContext) -> Iterator[Hit]:
    for node in ctx.live_nodes(*FUSED_OPS):
        found = batchnorm_fused(ctx.graph, node)
        if isinstance(found, BatchNormMatch):
            yield _hit(ctx, found)
        else:
            yield Hit(node, f"it cannot be folded: {found.reason}", case=NO_FIX)


def _unfused(ctx: CheckContext) -> Iterator[Hit]:
    for found in unfused_batchnorms(ctx.graph):
        if isinstance(found, CannotTell):
            node = ctx.graph.get(found.node)
            if node is not None and node in ctx.live:
                yield Hit(node, found.reason, certain=False)
        elif found.output.node in ctx.live:
            yield _hit(ctx, found)


def _hit(ctx: CheckContext, found: BatchNormMatch) -> Hit:
    inner = tuple(n for n in found.interior if n is not found.output.node)
    if layer_before(ctx.graph, found) is not None:
        return Hit(found.output.node, "the layer before it can take it over", covers=inner)
    return Hit(
        found.output.node,
        "no layer stands before it, and a Mul and an Add do the same",
        case="no-layer",
        covers=inner,
    )
