"""Values in the order of dimensions that the engine holds them in: channels before height and width."""

from __future__ import annotations

import numpy as np

from graphdoctor.formats.uff.raising import NHWC, Raiser
from graphdoctor.ir import Value
from graphdoctor.types import DType
from graphdoctor.wire.uff import UffNode

TO_NHWC, TO_NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


def channels_first(to: Raiser, node: UffNode, value: Value, layout: str, part: str) -> Value:
    """``value``, of which ``layout`` is known, as a plugin is given it."""
    if layout != NHWC:
        return value
    return to.add(node, "Transpose", [value, to.const(node, TO_NCHW, f"{part}/perm")], part=part)


def flattened(to: Raiser, node: UffNode, value: Value, layout: str, part: str = "") -> Value:
    """``value`` as rows, in the order of the engine."""
    stem = f"{part}/" if part else ""
    value = channels_first(to, node, value, layout, f"{stem}nchw")
    shape = to.add(node, "Shape", [value], {"out_type": DType.INT32}, f"{stem}shape")
    bounds = [to.const(node, [k], f"{stem}batch/{name}") for k, name in ((0, "begin"), (1, "end"), (1, "strides"))]
    batch = to.add(node, "StridedSlice", [shape, *bounds], {"shrink_axis_mask": 1}, f"{stem}batch")
    rows = to.add(node, "Pack", [batch, to.const(node, np.int32(-1), f"{stem}rest")], {"axis": 0}, f"{stem}rows")
    return to.add(node, "Reshape", [value, rows], part=part)
