"""Nodes that TF-TRT could convert and leaves in TensorFlow, because of the segment that they would be in."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.segmenting import segmented


def check(ctx: CheckContext, *, empty: bool = False) -> Iterator[Hit]:
    """One hit for each node; with ``empty``, one for a graph without any segment, at its first output."""
    for target in ctx.targets:
        cut = segmented(ctx, target)
        if empty:
            if cut.is_empty and ctx.graph.outputs:
                yield Hit(ctx.graph.outputs[0].node, "", target=target)
        elif not cut.is_empty:
            for node, (reason, sure) in cut.left.items():
                yield Hit(node, reason, sure, target)
