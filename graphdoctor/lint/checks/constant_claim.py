"""Constants that claim far more memory than the file holds for them."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.types import dims_text
from graphdoctor.wire.tensors import Tensor, TensorError

CLAIM_LIMIT = 1 << 30
"""Bytes a constant may claim without storing them: a splat of this size is no weight of a real model."""
_STORED_SHARE = 100


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each constant, dead ones too: whoever loads the graph would allocate them."""
    for node in ctx.graph.by_op("Const"):
        claimed = claimed_bytes(node)
        tensor = node.attr("value")
        if claimed > CLAIM_LIMIT and claimed > _STORED_SHARE * tensor.nbytes_stored:
            shape = dims_text(tensor.shape)
            yield Hit(
                node, f"{tensor.nbytes_stored} bytes say {tensor.dtype.label}{shape}, {claimed / (1 << 30):.1f} GiB"
            )


def claimed_bytes(node: Node) -> int:
    """What the constant ``node`` takes with all its values, stored or not; 0 for one that is damaged."""
    tensor = node.attr("value")
    if not isinstance(tensor, Tensor):
        return 0
    try:
        kind = tensor.dtype.numpy
        return tensor.element_count * (kind.itemsize if kind is not None else 2)
    except TensorError:
        return 0  # a finding of its own
