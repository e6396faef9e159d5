"""int64 constants that int32 cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor, TensorError

_LARGEST = (1 << 31) - 1
_TO_THE_END = frozenset({(1 << 63) - 1, -(1 << 63), (1 << 63) - 2})
_SLICES = frozenset({"StridedSlice", "Slice"})


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live constant; int64's own limits as the end of a slice mean "to the end", and are left out."""
    for node in ctx.live_nodes("Const"):
        if node.attr("dtype") is DType.INT64:
            value = _outside(ctx, node)
            if value is not None:
                yield Hit(node, f"it holds {value}")


def _outside(ctx: CheckContext, node: Node) -> int | None:
    tensor = node.attr("value")
    try:
        array = tensor.array() if isinstance(tensor, Tensor) else np.zeros(0, np.int64)
    except TensorError:
        return None  # a finding of its own
    if not array.size or (array.max() <= _LARGEST and array.min() >= -_LARGEST - 1):
        return None
    found = [int(v) for v in (array.max(), array.min()) if not -_LARGEST - 1 <= v <= _LARGEST]
    if all(use.node.op in _SLICES for use in ctx.graph.uses(node)):
        found = [v for v in found if v not in _TO_THE_END]
    return found[0] if found else None
