"""What is done to the pixels in front of the network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import small_constant, source_of
from graphdoctor.match.context import SpecTable
from graphdoctor.match.detection.head import Preprocessing
from graphdoctor.match.detection.loops import GATHER, READ, stored_in, written_to
from graphdoctor.match.detection.missing import missing
from graphdoctor.types import Array, DType

_LAYERS = frozenset({"Conv2D", "DepthwiseConv2dNative"})
_PADS = frozenset({"Pad", "PadV2", "MirrorPad", "Identity"})
_ARITHMETIC = frozenset({"Mul", "Add", "AddV2", "Sub", "RealDiv"})
_RESHAPING = frozenset({"ExpandDims", "Squeeze", "Cast", "Identity"})
_RESIZING = frozenset({"ResizeBilinear"})
_PLACEHOLDERS = frozenset({"Placeholder"})
_FARTHEST = 64


def preprocessing(graph: GraphView, predictors: Iterable[Node], specs: SpecTable) -> Preprocessing:
    """What stands between the placeholder and the first convolutions behind which ``predictors`` stand.

    Raises:
        MissingError: the network does not read one image of known size, made of one placeholder.
    """
    network = graph.live(predictors)
    first = _first_layers(graph, network)
    images = dict.fromkeys(_before_pads(n.inputs[0]) for n in first)
    if len(images) != 1:
        missing(f"the network reads {len(images)} images: {', '.join(v.name for v in images)}", first[0])
    image = next(iter(images))
    shape, dtype = specs.of(image).shape, specs.of(image).dtype
    if shape is None or len(shape) != 4 or None in shape[1:] or dtype is not DType.FLOAT:
        missing(f"the network does not read an image of known size in float32, but {specs.of(image)}", image.node)
    height, width, channels = (d for d in shape[1:] if d is not None)
    placeholder, scale, offset, resize = _from_pixels(graph, image, channels)
    reading = tuple(u.node for u in graph.uses(image.node, image.index) if u.node in network)
    return Preprocessing(placeholder, image, height, width, channels, scale, offset, resize, reading)


def _first_layers(graph: GraphView, network: set[Node]) -> list[Node]:
    """The convolutions of ``network`` with no other in front of them."""
    behind_one: set[Node] = set()
    found = []
    for node in graph.order().nodes:
        if node not in network:
            continue
        is_behind = any(v.node in behind_one for v in node.inputs)
        if node.op in _LAYERS and not is_behind and node.inputs:
            found.append(node)
        if is_behind or node.op in _LAYERS:
            behind_one.add(node)
    return found or missing("no convolution was found")


def _before_pads(value: Value) -> Value:
    while value.node.op in _PADS and value.node.inputs:
        value = value.node.inputs[0]
    return value


Numbers = tuple[float, ...]


def _from_pixels(graph: GraphView, image: Value, channels: int) -> tuple[Node, Numbers | None, Numbers | None, str]:
    """The placeholder, and scale and offset of each channel where that is all that is done; the op that resizes."""
    scale: Array | None = np.ones(channels)
    offset, resize, value = np.zeros(channels), "", image
    for _ in range(_FARTHEST):
        node = value.node
        if node.op in _PLACEHOLDERS:
            if scale is None:
                return node, None, None, resize
            return node, tuple(map(float, scale)), tuple(map(float, offset)), resize
        resize = node.op if node.op in _RESIZING else resize
        following = _step(node)
        if following is None:
            return _only_placeholder(graph, image), None, None, resize
        value, factor, shift = following
        if scale is not None:
            scale, offset = _composed(scale, offset, factor, shift, channels)
    return missing("the placeholder behind the image was not found", image.node)


def _composed(
    scale: Array, offset: Array, factor: Array | float, shift: Array | float, channels: int
) -> tuple[Array | None, Array]:
    """``scale * (factor * x + shift) + offset`` as scale and offset of x."""
    if np.size(factor) not in (1, channels) or np.size(shift) not in (1, channels):
        return None, offset
    factor, shift = np.reshape(factor, -1), np.reshape(shift, -1)
    return scale * factor, offset + scale * shift


def _step(node: Node) -> tuple[Value, Array | float, Array | float] | None:
    """What ``node`` computes of which value: ``value * factor + shift``; ``None`` for anything else."""
    if node.op == GATHER:
        written = written_to(node)
        return None if written is None else (written, 1.0, 0.0)
    if node.op == READ:
        stored = stored_in(node)
        return None if stored is None else (stored, 1.0, 0.0)
    if (node.op in _RESHAPING or node.op in _RESIZING) and node.inputs:
        return source_of(node.inputs[0]), 1.0, 0.0
    return _arithmetic(node) if node.op in _ARITHMETIC and len(node.inputs) == 2 else None


def _arithmetic(node: Node) -> tuple[Value, Array | float, Array | float] | None:
    a, b = node.inputs
    left, right = small_constant(a), small_constant(b)
    if right is not None:
        return (source_of(a), *_by_right(node.op, right.astype(np.float64)))
    if left is None or node.op == "RealDiv":
        return None
    factor: Array | float = left if node.op == "Mul" else -1.0 if node.op == "Sub" else 1.0
    return source_of(b), factor, 0.0 if node.op == "Mul" else left


def _by_right(op: str, constant: Array) -> tuple[Array | float, Array | float]:
    """Factor and shift of ``x op constant``."""
    if op == "Mul":
        return constant, 0.0
    if op == "RealDiv":
        return 1.0 / constant, 0.0
    return 1.0, -constant if op == "Sub" else constant


def _only_placeholder(graph: GraphView, image: Value) -> Node:
    found = [n for n in graph.live([image.node]) if n.op in _PLACEHOLDERS]
    if len(found) != 1:
        missing(f"the image depends on {len(found)} placeholders", image.node)
    return found[0]
