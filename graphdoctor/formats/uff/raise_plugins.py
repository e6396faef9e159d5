"""Plugin nodes of UFF: in ops of TensorFlow where their meaning is known, else as the plugin node that they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphdoctor.formats.uff.raising import NCHW, NHWC, Raiser, fail
from graphdoctor.ir import Value
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPy, ShapeValue
from graphdoctor.wire.uff import Data, UffNode, dtype_of

TO_NHWC, TO_NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


def flattened(to: Raiser, node: UffNode, value: Value, layout: str, part: str = "") -> Value:
    """``value`` as rows, in the order of the engine: channels before height and width."""
    stem = f"{part}/" if part else ""
    if layout == NHWC:
        value = to.add(node, "Transpose", [value, to.const(node, TO_NCHW, f"{stem}nchw/perm")], part=f"{stem}nchw")
    shape = to.add(node, "Shape", [value], {"out_type": DType.INT32}, f"{stem}shape")
    bounds = [to.const(node, [k], f"{stem}batch/{name}") for k, name in ((0, "begin"), (1, "end"), (1, "strides"))]
    batch = to.add(node, "StridedSlice", [shape, *bounds], {"shrink_axis_mask": 1}, f"{stem}batch")
    rows = to.add(node, "Pack", [batch, to.const(node, np.int32(-1), f"{stem}rest")], {"axis": 0}, f"{stem}rows")
    return to.add(node, "Reshape", [value, rows], part=part)


def raise_plugin(to: Raiser, node: UffNode) -> Value:
    """A plugin node as graphsurgeon's ``create_plugin_node`` makes it: its fields are attributes."""
    attrs: dict[str, AttrPy] = {}
    for key, data in node.fields.items():
        value = _attr(key, to.model.resolve(data))
        if value is not None:
            attrs[key] = value
    return to.add(node, node.op[1:], to.inputs(node), attrs)


def _attr(key: str, data: Data | None) -> AttrPy | None:
    if data is None or not data.member or data.member in ("blob", "dim_orders", "dim_orders_list"):
        return None
    if data.member == "dtype":
        dtype = dtype_of(data.value)
        return None if dtype is DType.INVALID else dtype
    if data.member == "dtype_list":
        return tuple(dtype_of(v) for v in data.value)
    if key == "shape" and data.member == "i_list":
        return ShapeValue(tuple(None if d < 0 else d for d in data.value))
    value: Any = data.value
    return value  # type: ignore[no-any-return]


def _field(to: Raiser, node: UffNode, name: str) -> float:
    """A number among the fields, whatever type its name ends in."""
    for suffix in ("_u_float", "_u_int", ""):
        data = to.model.field(node, name + suffix)
        if data is not None and data.member in ("d", "i"):
            return float(data.value)
    return fail(f"it has no field {name}")


def _leaky_relu(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "LeakyRelu", [to.input(node)], {"alpha": _field(to, node, "negSlope")})


def _clip(to: Raiser, node: UffNode) -> Value:
    low, high = (np.float32(_field(to, node, name)) for name in ("clipMin", "clipMax"))
    above = to.add(node, "Maximum", [to.input(node), to.const(node, low, "min")], part="above")
    return to.add(node, "Minimum", [above, to.const(node, high, "max")])


def _resize_nearest(to: Raiser, node: UffNode) -> Value:
    """The plugin knows channels first alone; each place is repeated ``scale`` times."""
    scale = _field(to, node, "scale")
    if scale != int(scale) or scale < 1:
        fail(f"its scale is {scale:g}, and which place it takes is known for whole numbers alone")
    value, layout = to.input(node), to.layouts.get(node.inputs[0], "")
    if not layout:
        fail("the order of its data is not known")
    if layout == NCHW:
        value = to.add(node, "Transpose", [value, to.const(node, TO_NHWC, "nhwc/perm")], part="nhwc")
    shape = to.add(node, "Shape", [value], {"out_type": DType.INT32}, "shape")
    bounds = [to.const(node, k, f"sizes/{name}") for k, name in (([1], "begin"), ([3], "end"), ([1], "strides"))]
    sizes = to.add(node, "StridedSlice", [shape, *bounds], part="sizes")
    scaled = to.add(node, "Mul", [sizes, to.const(node, np.int32(scale), "scale")], part="scaled")
    to.layouts[node.id] = layout
    if layout == NHWC:
        return to.add(node, "ResizeNearestNeighbor", [value, scaled])
    resized = to.add(node, "ResizeNearestNeighbor", [value, scaled], part="resized")
    return to.add(node, "Transpose", [resized, to.const(node, TO_NCHW, "nchw/perm")])


PLUGINS: dict[str, Callable[[Raiser, UffNode], Value]] = {
    "LReLU_TRT": _leaky_relu,
    "Clip_TRT": _clip,
    "ResizeNearest_TRT": _resize_nearest,
}
"""Plugins whose meaning TensorFlow's ops can say."""
