"""What is known of the head of a single-shot detector: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphdoctor.ir import Node, Value
from graphdoctor.types import Array

ScoreConverter = Literal["sigmoid", "softmax", "identity"]
Clip = Literal["before", "after", "never"]


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """One feature map and what is predicted from it, NHWC.

    Attributes:
        height: cells from top to bottom.
        width: cells from left to right.
        anchors: anchors in each cell.
        boxes: encodings as they enter the concat, [N, height * width * anchors, 4] or [.., 1, 4].
        scores: class logits as they enter the concat, [N, height * width * anchors, classes].
        box_map: encodings as the convolution gives them, bias added: [N, height, width, anchors * 4].
        score_map: logits as the convolution gives them, bias added: [N, height, width, anchors * classes].
        box_layer: the convolution behind ``box_map``.
        score_layer: the convolution behind ``score_map``.
    """

    height: int
    width: int
    anchors: int
    boxes: Value
    scores: Value
    box_map: Value
    score_map: Value
    box_layer: Node
    score_layer: Node


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What is done to the pixels before the network.

    Attributes:
        placeholder: the input of the graph, usually uint8 [N, ?, ?, 3].
        image: what the network reads, float32 [N, height, width, channels].
        height: of ``image``, in pixels.
        width: of ``image``, in pixels.
        channels: of ``image``.
        scale: ``image = pixel * scale + offset`` on the resized picture, one number for each channel; ``None``
            where something else is done.
        offset: see ``scale``.
        resize: the op that resizes, empty for none.
        reading: nodes that read ``image`` and belong to the network.
    """

    placeholder: Node
    image: Value
    height: int
    width: int
    channels: int
    scale: tuple[float, ...] | None
    offset: tuple[float, ...] | None
    resize: str
    reading: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Suppression:
    """How overlapping boxes are dropped, the same for each class.

    Attributes:
        nodes: one NonMaxSuppression for each class without the background, in the order of the classes.
        iou_threshold: a box that overlaps a better one by more is dropped.
        score_threshold: a box with this score or less is not looked at.
        per_class: boxes kept of a class, at most.
        total: boxes kept of an image, at most; the outputs have so many rows.
        clip: whether boxes are clipped to the image, and if so before or after the suppression.
    """

    nodes: tuple[Node, ...]
    iou_threshold: float
    score_threshold: float
    per_class: int
    total: int
    clip: Clip


@dataclass(frozen=True, slots=True)
class Detections:
    """The outputs of the graph that are detections; those that it does not have are ``None``.

    Attributes:
        boxes: [N, total, 4], ymin xmin ymax xmax as parts of the image.
        scores: [N, total], best first.
        classes: [N, total], ``label_offset`` for the first class behind the background.
        count: [N], the rows that mean something.
        other: further outputs (raw boxes, scores of all classes).
        label_offset: what is added to the number of a class, counted without the background.
    """

    boxes: Value
    scores: Value | None
    classes: Value | None
    count: Value | None
    other: tuple[Value, ...]
    label_offset: float


@dataclass(frozen=True, slots=True)
class SsdHead:
    """The head of a single-shot detector of the TensorFlow Object Detection API.

    ``decoded`` and ``scored`` are where the network ends and the loop over the images begins: what reads them is
    done on the host when the graph is cut there; ``encodings`` and ``logits`` are in front of decoding.

    Attributes:
        preprocessing: from the pixels to the network.
        feature_maps: in the order in which their predictions are joined.
        encodings: box encodings of all maps, [N, A, 4] or [N, A, 1, 4].
        logits: class predictions of all maps, [N, A, C].
        decoded: boxes, [N, A, 1, 4]: ymin xmin ymax xmax.
        scored: scores without the background, [N, A, classes].
        anchors: float32 [A, 4]: ymin xmin ymax xmax, as the graph computes them.
        variance: what encodings of y, x, height, width are multiplied by.
        converter: what makes scores of logits.
        classes: C, the background counted.
        has_background: True if the first class is the background, which is no detection.
        suppression: how boxes are dropped.
        detections: which outputs of the graph are what.
    """

    preprocessing: Preprocessing
    feature_maps: tuple[FeatureMap, ...]
    encodings: Value
    logits: Value
    decoded: Value
    scored: Value
    anchors: Array
    variance: tuple[float, float, float, float]
    converter: ScoreConverter
    classes: int
    has_background: bool
    suppression: Suppression
    detections: Detections
