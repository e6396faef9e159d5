"""Plugin nodes of UFF: in ops of TensorFlow where their meaning is known, else as the plugin node that they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphdoctor.formats.uff.raise_blocks import normalize, prior_box, reorg, special_slice
from graphdoctor.formats.uff.raise_detection import batched_nms, flatten_concat, grid_anchor, nms
from graphdoctor.formats.uff.raise_fields import PluginFields
from graphdoctor.formats.uff.raise_layout import TO_NCHW, TO_NHWC
from graphdoctor.formats.uff.raising import NCHW, NHWC, RaiseError, Raiser, fail
from graphdoctor.ir import WHY, Value
from graphdoctor.targets.plugins import plugin_meanings
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPy, ShapeValue
from graphdoctor.wire.uff import Data, UffNode, dtype_of

Raised = Value | Sequence[Value]
UNKNOWN = "what a plugin of that name does is not known"


def raise_plugin(to: Raiser, node: UffNode) -> tuple[Value, ...]:
    """A plugin node, in ops of TensorFlow if what it does is known; the values that it gives.

    Else it stays, and says why.

    Raises:
        RaiseError: it is a layer of a network, with values whose meaning is not known.
    """
    name, mark = node.op[1:], to.graph.mark()
    if name in LAYERS:
        return (LAYERS[name](to, node),)
    if name not in DETECTORS or to.keep_plugins:
        known = plugin_meanings().get(name)
        return (_stays(to, node, UNKNOWN if known is None else known.reason),)
    try:
        values = DETECTORS[name](to, node)
    except RaiseError as e:
        to.take_back(mark)
        return (_stays(to, node, str(e)),)
    return (values,) if isinstance(values, Value) else tuple(values)


def _stays(to: Raiser, node: UffNode, why: str) -> Value:
    """The plugin node as graphsurgeon's ``create_plugin_node`` makes it: its fields are attributes."""
    attrs: dict[str, AttrPy] = {}
    for key, data in node.fields.items():
        value = _attr(key, to.model.resolve(data))
        if value is not None:
            attrs[key] = value
    if why:
        attrs[WHY] = why
    return to.add(node, node.op[1:], to.all_inputs(node), attrs)


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


def _leaky_relu(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "LeakyRelu", [to.input(node)], {"alpha": PluginFields(to, node).number("negSlope")})


def _clip(to: Raiser, node: UffNode) -> Value:
    of = PluginFields(to, node)
    low, high = (np.float32(of.number(name)) for name in ("clipMin", "clipMax"))
    above = to.add(node, "Maximum", [to.input(node), to.const(node, low, "min")], part="above")
    return to.add(node, "Minimum", [above, to.const(node, high, "max")])


def _resize_nearest(to: Raiser, node: UffNode) -> Value:
    """The plugin knows channels first alone; each place is repeated ``scale`` times."""
    scale = PluginFields(to, node).number("scale")
    if not scale.is_integer() or scale < 1:
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


LAYERS: dict[str, Callable[[Raiser, UffNode], Value]] = {
    "LReLU_TRT": _leaky_relu,
    "Clip_TRT": _clip,
    "ResizeNearest_TRT": _resize_nearest,
}
"""Plugins that are ops of TensorFlow for every target."""
DETECTORS: dict[str, Callable[[Raiser, UffNode], Raised]] = {
    "GridAnchor_TRT": grid_anchor,
    "GridAnchorRect_TRT": grid_anchor,
    "FlattenConcat_TRT": flatten_concat,
    "NMS_TRT": nms,
    "BatchedNMS_TRT": batched_nms,
    "Normalize_TRT": normalize,
    "PriorBox_TRT": prior_box,
    "Reorg_TRT": reorg,
    "SpecialSlice_TRT": special_slice,
}
"""Plugins that are what they are where a release has them, and ops of TensorFlow elsewhere."""
