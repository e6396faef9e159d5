"""Constants seen through the nodes that pass a value on unchanged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphdoctor.ir import GraphView, Node, Value, tensor_of
from graphdoctor.types import Array, element_count
from graphdoctor.wire.tensors import Tensor, TensorError

PASS_THROUGH = frozenset(
    {"Identity", "StopGradient", "PreventGradient", "Snapshot", "Enter", "RefEnter", "Exit", "RefExit"}
)
"""Ops that give input 0 on unchanged as output 0. Enter and Exit do so for constants: a loop does not change them."""
FARTHEST = 64
"""Pass-through nodes that are looked through: real graphs have chains of a few, and a made-up one must not cost n²."""
_RESHAPING = frozenset({"Reshape", "Squeeze", "ExpandDims", "Transpose", "Cast"})
_LONGEST_CHAIN = 8
SMALL = 4096
"""Elements up to which :func:`small_constant` reads a constant."""


def source_of(value: Value) -> Value:
    """Where ``value`` really comes from: the first producer that is no pass-through, at most :data:`FARTHEST` back."""
    for _ in range(FARTHEST):
        if value.node.op not in PASS_THROUGH or not value.node.inputs:
            break
        value = value.node.inputs[0]
    return value


def constant_of(value: Value) -> Tensor | None:
    """The constant that ``value`` is, directly or through pass-through nodes; ``None`` if it is none."""
    return tensor_of(source_of(value).node)


def is_constant_chain(value: Value) -> bool:
    """True if ``value`` is a constant, or one that only got another shape, layout or type on the way."""
    for _ in range(_LONGEST_CHAIN):
        if constant_of(value) is not None:
            return True
        node = source_of(value).node
        if node.op not in _RESHAPING or not node.inputs:
            return False
        if any(constant_of(v) is None for v in node.inputs[1:]):
            return False
        value = node.inputs[0]
    return False


def small_constant(value: Value) -> Array | None:
    """The elements of a constant of at most :data:`SMALL` elements; ``None`` for others and for damaged ones."""
    tensor = constant_of(value)
    if tensor is None:
        return None
    try:
        return tensor.array() if (element_count(tensor.shape) or 0) <= SMALL else None
    except TensorError:
        return None


def scalar_of(value: Value) -> float | None:
    """The number that a numeric constant of one element holds, else ``None``."""
    array = small_constant(value)
    if array is None or array.size != 1 or not np.issubdtype(array.dtype, np.number):
        return None
    item = array.reshape(-1)[0]
    return None if np.iscomplexobj(item) else float(item)


def uses_through(graph: GraphView, value: Value, ops: frozenset[str]) -> Iterator[tuple[Node, int]]:
    """The (node, slot) that read ``value``, looking through nodes of ``ops``; slot -1 is a control use.

    Linear in what it passes; a node is passed once.
    """
    waiting, seen = [value], {value}
    while waiting:
        current = waiting.pop()
        for use in graph.uses(current.node):
            if use.slot >= 0 and use.index != current.index:
                continue
            if use.node.op in ops and use.slot == 0:
                following = use.node.out()
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
            else:
                yield use.node, use.slot
