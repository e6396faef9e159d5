"""Image inputs in NHWC for an engine that works in CHW."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit

_INPUTS = ("Placeholder", "PlaceholderWithDefault")


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live rank-4 input that the ops behind it read as NHWC."""
    for node in ctx.live_nodes(*_INPUTS):
        shape = ctx.specs.output(node).shape
        if shape is not None and len(shape) == 4 and ctx.judge.layout(node.out()) == "NHWC":
            height, width, channels = ("?" if d is None else str(d) for d in shape[1:])
            yield Hit(node, f"[{height},{width},{channels}] becomes [{channels},{height},{width}]")
