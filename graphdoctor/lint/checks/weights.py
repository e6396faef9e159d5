"""Constants that FP16, or any float, cannot carry."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.weights import FP16_TINY, WeightStats, scan
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor, TensorError

_BOXES_AND_SCORES = 2
_SUPPRESS = tuple(f"{kind}NonMaxSuppression" for kind in ("", "Combined")) + tuple(
    f"NonMaxSuppression{version}" for version in ("V2", "V3", "V4", "V5", "WithOverlaps")
)
_FLOATS = frozenset({DType.FLOAT, DType.DOUBLE, DType.BFLOAT16, DType.HALF})


def check(ctx: CheckContext, *, problem: str = "non-finite", limit: float = 0.0) -> Iterator[Hit]:
    """One hit for each live constant with the ``problem``.

    Args:
        ctx: the graph.
        problem: ``non-finite``, ``overflow`` or ``underflow``.
        limit: the largest magnitude for ``overflow``; for ``underflow`` the share of values that may be lost.
    """
    say = {"non-finite": _non_finite, "overflow": _overflow, "underflow": _underflow}[problem]
    for node, stats in _scanned(ctx).items():
        reason = say(stats, limit)
        if reason:
            yield Hit(node, reason)


def _scanned(ctx: CheckContext) -> dict[Node, WeightStats]:
    """Every live float constant, read once for all rules."""
    if "weights" not in ctx.shared:
        ctx.shared["weights"] = dict(_scan_all(ctx))
    found: dict[Node, WeightStats] = ctx.shared["weights"]
    return found


def _scan_all(ctx: CheckContext) -> Iterator[tuple[Node, WeightStats]]:
    thresholds = set(_thresholds(ctx))
    for node in ctx.live_nodes("Const"):
        if node in thresholds:
            continue
        tensor = node.attr("value")
        dtype = node.attr("dtype")
        if isinstance(tensor, Tensor) and isinstance(dtype, DType) and dtype in _FLOATS:
            try:
                yield node, scan(tensor)
            except TensorError:
                continue  # a finding of its own


def _thresholds(ctx: CheckContext) -> Iterator[Node]:
    """Constants that only say when to suppress a box: they are no tensors of an engine, and -inf is a default there."""
    for node in ctx.live_nodes(*_SUPPRESS):
        for value in node.inputs[_BOXES_AND_SCORES:]:
            if all(user.op in _SUPPRESS for user in ctx.graph.consumers(value.node)):
                yield value.node


def _non_finite(stats: WeightStats, limit: float) -> str:
    found = [f"{n} {name}" for n, name in ((stats.nan, "NaN"), (stats.infinite, "infinite")) if n]
    return f"{' and '.join(found)} of {stats.size} values" if found else ""


def _overflow(stats: WeightStats, limit: float) -> str:
    return f"its largest magnitude is {stats.largest:.6g}" if stats.largest > limit else ""


def _underflow(stats: WeightStats, limit: float) -> str:
    if not stats.tiny or stats.tiny / stats.nonzero < limit:
        return ""
    return f"{stats.tiny} of {stats.nonzero} values are below {FP16_TINY:.2g}"
