"""What the UFF lowerings of several ops share."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdoctor.ir import Node
from graphdoctor.ops.base import UffLowering
from graphdoctor.ops.window import Format, Window
from graphdoctor.types import Array

_INT32 = np.iinfo(np.int32)
_STORED = frozenset({"float16", "float32", "int8", "int16", "int32"})
NOT_NEGATIVE = frozenset({"Relu", "Relu6", "Sigmoid", "Softplus", "Softmax", "Abs", "Square", "Exp", "Sqrt"})
"""Ops of which no element of the output is below 0."""
_KEEPS_SIGN = frozenset({"MaxPool", "AvgPool", "Pad", "Reshape", "Squeeze", "ExpandDims", "Transpose"})
_FARTHEST = 16


def order_of(form: Format) -> str:
    """The order of the data's dimensions, as UFF says it."""
    return "N+C" if form.data_last else "NC+"


def storable(low: UffLowering, value: Array) -> Array:
    """``value`` in a type that UFF and its parser have: int64 as int32.

    Raises:
        CannotLowerError: there is no such type, or a number does not fit.
    """
    if value.dtype == np.int64:
        if value.size and (value.min() < _INT32.min or value.max() > _INT32.max):
            low.fail("it holds numbers beyond int32, and the weights of TensorRT have no int64")
        return value.astype(np.int32)
    if value.dtype.name not in _STORED:
        low.fail(f"UFF has no constants of {value.dtype.name}")
    return value


def windowed(low: UffLowering, form: Format, window: Window) -> tuple[str, dict[str, Any]]:
    """The node whose data a window slides over, and the fields of padding and strides; a Pad in front is taken over.

    Raises:
        CannotLowerError: the padding is not the same on both sides.
    """
    fields: dict[str, Any] = {"strides": list(window.strides)}
    if window.padding == "SAME":
        return low.input(0), {**fields, "implicit_padding": "same"}
    if window.padding == "EXPLICIT":
        if any(a != b for a, b in window.explicit):
            low.fail(f"its paddings {list(window.explicit)} differ before and behind, which UFF cannot say")
        return low.input(0), {**fields, "padding": [a for a, _ in window.explicit]}
    pad = low.producer(0)
    taken = _taken_over(low, form, pad)
    return (low.input(0), fields) if taken is None else (low.of(pad.inputs[0]), {**fields, "padding": taken})


def _taken_over(low: UffLowering, form: Format, pad: Node) -> list[int] | None:
    """The spatial paddings of ``pad``, if a window can take them over: symmetric, and of the spatial axes alone.

    A max pool of TensorRT pads with what is below every number, and not with zeros: among numbers from 0 on, it is the
    same. An average pool of TensorRT counts no padding unless it is told to (``averageCountExcludesPadding`` is true by
    default, says NvInfer.h), and nobody says whether the UFF parser tells it: there the Pad stays, and its zeros count.
    """
    if pad.op != "Pad" or len(pad.inputs) != 2:
        return None
    paddings = low.constant_of(pad.inputs[1])
    if paddings is None or paddings.shape != (form.rank, 2) or (paddings[:, 0] != paddings[:, 1]).any():
        return None
    before = [int(p) for p in paddings[:, 0]]
    if before[0] or before[form.channel] or min(before) < 0:
        return None
    if any(before) and (low.node.op == "AvgPool" or (low.node.op == "MaxPool" and not _not_negative(pad))):
        return None
    return list(form.spatial(before))


def _not_negative(node: Node) -> bool:
    """True if what ``node`` gives is certainly nowhere below 0."""
    for _ in range(_FARTHEST):
        if node.op in NOT_NEGATIVE:
            return True
        if not node.inputs or node.op not in _KEEPS_SIGN | {"Identity"}:
            return False
        node = node.inputs[0].node
    return False
