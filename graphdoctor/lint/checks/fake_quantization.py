"""Ranges of fake quantization that are not the same on both sides of zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.constants import small_constant
from graphdoctor.types import Array

_FIXED = "FakeQuantWithMinMaxArgs"
_COMPUTED = ("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
_BITS = 8


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live node whose bits or range INT8 with zero point 0 does not have."""
    for node in ctx.live_nodes(_FIXED, *_COMPUTED):
        bits = node.attr("num_bits", _BITS)
        bounds = _bounds(ctx, node)
        if bits != _BITS:
            yield Hit(node, f"it has {bits} bits")
        elif bounds is None:
            yield Hit(node, "its range is not a constant", certain=False)
        elif uneven := _uneven(*bounds):
            yield Hit(node, uneven)


def _bounds(ctx: CheckContext, node: Node) -> tuple[Array, Array] | None:
    """Smallest and largest number, one for all or one for each channel."""
    if node.op == _FIXED:
        return np.array([node.attr("min", -6.0)]), np.array([node.attr("max", 6.0)])
    if len(node.inputs) < 3:
        return None
    low, high = (_value(ctx, node, slot) for slot in (1, 2))
    return None if low is None or high is None or low.shape != high.shape else (low, high)


def _value(ctx: CheckContext, node: Node, slot: int) -> Array | None:
    value = node.inputs[slot]
    known = ctx.specs.of(value).constant
    array = small_constant(value) if known is None else known
    return None if array is None or array.dtype.kind != "f" else array.reshape(-1)


def _uneven(low: Array, high: Array) -> str:
    """The first range off zero by more than the one level that an even number of levels leaves over."""
    level = (high - low) / (2**_BITS - 1)
    with np.errstate(invalid="ignore"):
        off = np.flatnonzero(~(np.abs(low + high) <= 1.5 * level))
    return f"its range is {low[off[0]]:g} to {high[off[0]]:g}" if off.size else ""
