"""Concatenation that the parser does not take: along another axis, or of tensors that do not agree elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.engine_rank import unlike
from graphdoctor.match.results import CannotTell
from graphdoctor.types import Shape, dims_text

NO_FIX = "none"
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
    shapes = [s.shape for i, s in enumerate(ctx.specs.inputs(node)) if i != slot]
    ranks = [len(s) for s in shapes if s is not None]
    said = int(known.reshape(-1)[0])
    if not ranks and (said < 0 or channels_only):
        return Hit(node, "the rank of its inputs is not known", certain=False)
    rank = ranks[0] if ranks else said + 1
    axis = said + rank if said < 0 else said
    if rank == 1 and ctx.specs.output(node).dtype.is_integer:
        return None  # arithmetic on shapes
    if axis == 0:
        return Hit(node, "it concatenates along the batch")
    wrong = _channels(ctx, node, axis, rank) if channels_only else _from_behind(ctx, node, said, rank)
    return wrong or _others(node, shapes, axis) or _in_engine(ctx, node)


def _in_engine(ctx: CheckContext, node: Node) -> Hit | None:
    """Inputs that have as many dimensions in TensorFlow, and not in the engine."""
    if not unlike(ctx.judge.engine_rank(v) for v in node.inputs):
        return None
    return Hit(node, "its inputs have different numbers of dimensions in the engine", certain=False)


def _from_behind(ctx: CheckContext, node: Node, said: int, rank: int) -> Hit | None:
    """An axis that is counted from the end: -1 is known to mean the channels of NHWC."""
    if said >= 0 or rank == 2 or (said == -1 and rank == 4 and ctx.judge.layout(node.out()) == "NHWC"):
        return None
    return Hit(node, f"its axis is {said}, and what the parser counts it from is not known", certain=False)


def _others(node: Node, shapes: Sequence[Shape], axis: int) -> Hit | None:
    """Dimensions besides ``axis`` and the batch, which must be equal."""
    if any(s is None for s in shapes):
        return Hit(node, "the rank of an input is not known", certain=False)
    beside = [tuple(d for i, d in enumerate(s) if i not in (0, axis)) for s in shapes if s is not None]
    shown = " and ".join(dims_text(s) for s in dict.fromkeys(shapes))
    if len({len(b) for b in beside}) > 1 or any(len({*dims} - {None}) > 1 for dims in zip(*beside, strict=False)):
        return Hit(node, f"the other dimensions differ: {shown}", case=NO_FIX)
    if any(None in b for b in beside):
        return Hit(node, f"another dimension is not known: {shown}", certain=False)
    return None


def _channels(ctx: CheckContext, node: Node, axis: int, rank: int) -> Hit | None:
    if rank == 2:
        return None  # axis 1 holds the channels
    if rank != 4:
        return Hit(node, f"its inputs have rank {rank}, and which axis holds the channels is not known", certain=False)
    if axis == 2:
        return Hit(node, "it concatenates along axis 2, which is never the channels")
    layout = ctx.judge.layout(node.out())
    if isinstance(layout, CannotTell):
        return Hit(node, layout.reason, certain=False)
    if axis == _CHANNELS[layout]:
        return None
    return Hit(node, f"it concatenates along axis {axis}, and the channels of {layout} are axis {_CHANNELS[layout]}")
