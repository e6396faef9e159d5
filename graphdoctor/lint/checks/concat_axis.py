"""Concatenation along an axis that the parser does not take."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.layout import data_format
from graphdoctor.match.results import CannotTell

_CHANNELS = {"NHWC": 3, "NCHW": 1}


def check(ctx: CheckContext, *, channels_only: bool = False) -> Iterator[Hit]:
    """Concatenations on the batch axis, or with ``channels_only`` on any axis but the channels."""
    for node in ctx.live_nodes("ConcatV2", "Concat"):
        if not ctx.judge.is_constant(node) and len(node.inputs) > 1:
            hit = _judge(ctx, node, channels_only)
            if hit is not None:
                yield hit


def _judge(ctx: CheckContext, node: Node, channels_only: bool) -> Hit | None:
    slot = 0 if node.op == "Concat" else len(node.inputs) - 1
    known = ctx.specs.of(node.inputs[slot]).constant
    if known is None or known.size != 1:
        return Hit(node, "its axis is computed while the graph runs", certain=False)
    ranks = [s.rank for i, s in enumerate(ctx.specs.inputs(node)) if i != slot and s.rank is not None]
    axis = int(known.reshape(-1)[0])
    if not ranks and (axis < 0 or channels_only):
        return Hit(node, "the rank of its inputs is not known", certain=False)
    rank = ranks[0] if ranks else axis + 1
    axis += rank if axis < 0 else 0
    if rank == 1 and ctx.specs.output(node).dtype.is_integer:
        return None  # arithmetic on shapes
    if axis == 0:
        return Hit(node, "it concatenates along the batch")
    return _channels(ctx, node, axis, rank) if channels_only else None


def _channels(ctx: CheckContext, node: Node, axis: int, rank: int) -> Hit | None:
    if rank == 2:
        return None  # axis 1 holds the channels
    if rank != 4:
        return Hit(node, f"its inputs have rank {rank}, and which axis holds the channels is not known", certain=False)
    if axis == 2:
        return Hit(node, "it concatenates along axis 2, which is never the channels")
    layout = data_format(ctx.graph, node.out())
    if isinstance(layout, CannotTell):
        return Hit(node, layout.reason, certain=False)
    if axis == _CHANNELS[layout]:
        return None
    return Hit(node, f"it concatenates along axis {axis}, and the channels of {layout} are axis {_CHANNELS[layout]}")
