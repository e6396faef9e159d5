"""The convolutions that predict boxes and classes, feature map by feature map, and the concats that join them."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.ir import Node, Value
from graphdoctor.match.constants import is_constant_chain, scalar_of, source_of
from graphdoctor.match.context import SpecTable
from graphdoctor.match.detection.head import FeatureMap
from graphdoctor.match.detection.loops import behind
from graphdoctor.match.detection.missing import missing

_JOINS = frozenset({"ConcatV2", "Concat"})
_LAYERS = frozenset({"Conv2D"})
_STOP = frozenset({"Conv2D", "DepthwiseConv2dNative", "MatMul"})
_RESHAPING = frozenset({"Reshape", "Squeeze", "ExpandDims"})
_BIAS = frozenset({"BiasAdd", "Add", "AddV2"})
_BOX = 4


@dataclass(frozen=True, slots=True)
class _Predicted:
    """One part of a concat: as it enters, as the convolution gives it, and the convolution."""

    entering: Value
    map: Value
    layer: Node


def join_behind(value: Value, what: str) -> Value:
    """The concat of predictions that ``value`` is computed from.

    Raises:
        MissingError: there is none whose every part comes from a convolution.
    """
    for node in behind(value, _STOP):
        if node.op in _JOINS and parts(node) and all(_predicted(v) is not None for v in parts(node)):
            return node.out()
    return missing(f"no concat of the {what} that convolutions predict was found", value.node)


def parts(join: Node) -> tuple[Value, ...]:
    """What a concat joins, without its axis."""
    return join.inputs[1:] if join.op == "Concat" else join.inputs[:-1]


def _axis(join: Node) -> float | None:
    return scalar_of(join.inputs[0] if join.op == "Concat" else join.inputs[-1])


def feature_maps(encodings: Value, logits: Value, specs: SpecTable) -> tuple[FeatureMap, ...]:
    """The feature maps behind both concats.

    Raises:
        MissingError: the concats do not fit together, or a convolution is not NHWC with a known map.
    """
    boxes, scores = parts(encodings.node), parts(logits.node)
    if len(boxes) != len(scores):
        missing(f"{len(boxes)} feature maps predict boxes and {len(scores)} classes", logits.node)
    for join in (encodings.node, logits.node):
        if _axis(join) != 1:
            missing("the predictions are not joined along the anchors (axis 1)", join)
    return tuple(_feature_map(b, s, specs) for b, s in zip(boxes, scores, strict=True))


def _feature_map(boxes: Value, scores: Value, specs: SpecTable) -> FeatureMap:
    box, score = _predicted(boxes), _predicted(scores)
    if box is None or score is None:
        missing("the convolution that predicts was not found", boxes.node)
    height, width, channels = _grid(box, specs)
    if _grid(score, specs)[:2] != (height, width):
        missing("boxes and classes of one feature map are predicted on different grids", score.layer)
    if channels % _BOX:
        missing(f"a convolution that predicts boxes has {channels} channels, no multiple of 4", box.layer)
    anchors = channels // _BOX
    shape = specs.of(boxes).shape
    if shape is None or shape[-1] != _BOX or shape[1] != height * width * anchors:
        missing(f"the boxes are not reshaped to [N, {height * width * anchors}, 4]", boxes.node)
    return FeatureMap(height, width, anchors, boxes, scores, box.map, score.map, box.layer, score.layer)


def _grid(found: _Predicted, specs: SpecTable) -> tuple[int, int, int]:
    shape = specs.of(found.map).shape
    if found.layer.attr("data_format", "NHWC") not in ("NHWC", b"NHWC"):
        missing("a convolution that predicts is not NHWC", found.layer)
    if shape is None or len(shape) != 4 or None in shape[1:]:
        missing("the size of a feature map is not known; give the input a fixed size", found.layer)
    height, width, channels = (d for d in shape[1:] if d is not None)
    return height, width, channels


def _predicted(value: Value) -> _Predicted | None:
    """The prediction that ``value`` is, reshaped."""
    found = source_of(value)
    for _ in range(8):
        if found.node.op not in _RESHAPING or not found.node.inputs:
            break
        found = source_of(found.node.inputs[0])
    layer = found
    if layer.node.op in _BIAS and len(layer.node.inputs) == 2 and is_constant_chain(layer.node.inputs[1]):
        layer = source_of(layer.node.inputs[0])
    return _Predicted(value, found, layer.node) if layer.node.op in _LAYERS else None
