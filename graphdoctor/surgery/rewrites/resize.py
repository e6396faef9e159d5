"""Resizing, for UFF parsers, which have none: a plugin, or a transposed convolution that repeats pixels."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Refusal, Step, propose
from graphdoctor.surgery.rewrites.common import (
    become,
    const_step,
    dims_known,
    dtype_of,
    forward,
    known_array,
    looked_at,
    with_inputs,
)
from graphdoctor.types import Answer, DType
from graphdoctor.wire.attrs import AttrPy

_PLUGIN = "ResizeNearest_TRT"
_RESIZES = ("ResizeNearestNeighbor", "ResizeBilinear")
_LARGEST = 1 << 23
"""Weights of one transposed convolution, at most."""
_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def same_size(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Remove a resize to the size that the images have already."""
    for node in with_inputs(graph, 2, *_RESIZES):
        sizes = _sizes(node, facts)
        dtype = dtype_of(node, facts.specs.of(node.inputs[0]))
        bilinear = node.op == "ResizeBilinear" and dtype is not DType.FLOAT
        if sizes is not None and sizes[0] == sizes[1] and dtype is not DType.INVALID and not bilinear:
            touched = (node.inputs[0].node, *looked_at(node.inputs[1]))
            steps = forward(graph, node, node.inputs[0], dtype)
            yield propose(node, *steps, touches=touched, note=f"images are {_text(sizes[0])} already")


def to_plugin(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """ResizeNearestNeighbor by one whole factor as ResizeNearest_TRT, which is NCHW alone, between two Transposes."""
    if facts.target is None or not _has_plugin(facts):
        return
    for node in with_inputs(graph, 2, *_RESIZES):
        found = _factor(node, facts)
        if isinstance(found, Refusal):
            yield found
        elif found[0] != found[1]:
            yield Refusal(node, "the plugin has one factor for height and width")
        else:
            yield _plugin(node, found[0], facts)


def to_convolution(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """ResizeNearestNeighbor by whole factors as a transposed convolution, where the target has no plugin for it."""
    if facts.target is None or facts.target.parser != "uff" or _has_plugin(facts):
        return
    for node in with_inputs(graph, 2, *_RESIZES):
        found = _factor(node, facts)
        yield found if isinstance(found, Refusal) else _convolution(node, found, facts)


def _has_plugin(facts: Facts) -> bool:
    target = facts.target
    return target is not None and target.parser == "uff" and target.row(_PLUGIN).support is not Answer.NO


def _sizes(node: Node, facts: Facts) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Height and width before and after, where all are known."""
    shape, wanted = facts.specs.of(node.inputs[0]).shape, known_array(facts, node.inputs[1])
    image = dims_known(shape[1:3]) if shape is not None and len(shape) == 4 else None
    if image is None or wanted is None or wanted.shape != (2,):
        return None
    return (image[0], image[1]), (int(wanted[0]), int(wanted[1]))


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _factor(node: Node, facts: Facts) -> tuple[int, int] | Refusal:
    """The whole factors of height and width by which ``node`` repeats pixels; why it does something else."""
    sizes = _sizes(node, facts)
    if sizes is None:
        return Refusal(node, "the size before or after it is not known; fix it with --input")
    before, after = sizes
    if node.attr("T") is not DType.FLOAT:
        return Refusal(node, "it is not of float32")
    if any(b < 1 or a % b for b, a in zip(before, after, strict=True)):
        return Refusal(node, f"{_text(after)} is no multiple of {_text(before)}")
    if before != (1, 1):
        if node.op == "ResizeBilinear":
            return Refusal(node, "it interpolates, and no convolution does so at the border as TensorFlow")
        if node.attr("align_corners", False):
            return Refusal(node, "its corners are aligned, so that pixels are repeated unevenly")
        half = bool(node.attr("half_pixel_centers", False))
        if not all(_repeats(b, a, half=half) for b, a in zip(before, after, strict=True)):
            return Refusal(node, "in float32 a pixel is taken from its neighbour")
    return after[0] // before[0], after[1] // before[1]


def _repeats(before: int, after: int, *, half: bool) -> bool:
    """True if TensorFlow's choice of pixels, in float32, repeats each equally often."""
    places = np.arange(after, dtype=np.float32)
    scale = np.float32(before) / np.float32(after)
    chosen = np.floor((places + np.float32(0.5 if half else 0)) * scale).astype(np.int64)
    return bool((np.minimum(chosen, before - 1) == np.arange(after) // (after // before)).all())


def _plugin(node: Node, factor: int, facts: Facts) -> Proposal | Refusal:
    if facts.target is None or facts.target.row("Transpose").support is not Answer.YES:
        return Refusal(node, "the target has no Transpose for the layout of the plugin")
    to, back = f"{node.name}/to_nchw", f"{node.name}/to_nhwc"
    attrs = {"T": DType.FLOAT, "Tperm": DType.INT32}
    plugin = f"{node.name}/nearest"
    steps: tuple[Step, ...] = (
        const_step(f"{to}/perm", np.asarray(_TO_NCHW, np.int32)),
        const_step(f"{back}/perm", np.asarray(_TO_NHWC, np.int32)),
        Make(to, "Transpose", (node.inputs[0], New(f"{to}/perm")), attrs),
        Make(plugin, _PLUGIN, (New(to),), {"scale_u_float": float(factor)}),
        *become(node, "Transpose", (New(plugin), New(f"{back}/perm")), {**attrs}),
    )
    touched = (node.inputs[0].node, *looked_at(node.inputs[1]))
    unsafe = "TensorFlow cannot run the plugin, so that nothing can be proved"
    return propose(node, *steps, touches=touched, note=f"{node.op} by {factor} -> {_PLUGIN}", unsafe=unsafe)


def _convolution(node: Node, factor: tuple[int, int], facts: Facts) -> Proposal | Refusal:
    shape = dims_known(facts.specs.output(node).shape)
    if shape is None:
        return Refusal(node, "the batch or the channels are not known, and the result has to say them; use --input")
    channels, (high, wide) = shape[3], factor
    if high * wide * channels * channels > _LARGEST:
        return Refusal(node, f"it would take {high * wide * channels * channels} weights")
    weights = np.broadcast_to(np.eye(channels, dtype=np.float32), (high, wide, channels, channels))
    size, kernel = f"{node.name}/shape", f"{node.name}/weights"
    attrs: dict[str, AttrPy] = {
        "T": DType.FLOAT,
        "strides": (1, high, wide, 1),
        "padding": "VALID",
        "data_format": "NHWC",
    }
    steps = (
        const_step(size, np.asarray(shape, np.int32)),
        const_step(kernel, np.ascontiguousarray(weights)),
        *become(node, "Conv2DBackpropInput", (New(size), New(kernel), node.inputs[0]), attrs),
    )
    touched = (node.inputs[0].node, *looked_at(node.inputs[1]))
    note = f"{node.op} by {high} x {wide} -> a transposed convolution"
    unsafe = "infinities and NaN spread to the other channels, and a zero may get the other sign"
    return propose(node, *steps, touches=touched, note=note, unsafe=unsafe)


FINDERS = {
    "resize-to-same-size": Finder(same_size),
    "resize-to-plugin": Finder(to_plugin),
    "resize-to-convolution": Finder(to_convolution),
}
