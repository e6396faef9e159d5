"""The head of real detectors of the Object Detection API, against the pipelines they were made from."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from graphdoctor.formats.tensorflow import graph_from_graphdef, graphdef_from_graph, load_model
from graphdoctor.ir import Graph
from graphdoctor.match import NoMatch
from graphdoctor.match.detection import SsdHead, find_ssd_head
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.passes.signature import set_signature

CORPUS = Path(__file__).parent.parent.parent.parent / "shared" / "corpus" / "pb"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the graphs of other people are not here")
MAPS = [(19, 19, 3), (10, 10, 6), (5, 5, 6), (3, 3, 6), (2, 2, 6), (1, 1, 6)]
PIPELINES = {
    "v1_buoy": (91, 1e-8, "before"),
    "v1_checkpoint": (91, 1e-8, "before"),
    "v1_coco_2018": (91, 0.3, "before"),
    "v2_tf115_cast_nms5": (6, 1e-8, "after"),
    "v2_tofloat_nms3": (4, 1e-8, "after"),
}
"""Classes with the background, score threshold, and when boxes are clipped."""


def opened(name: str) -> tuple[Graph, Specs]:
    graph = load_model(str(CORPUS / f"{name}.pb")).graph
    set_signature(graph)
    return graph, infer_shapes(graph)


@cache
def head(name: str) -> SsdHead:
    found = find_ssd_head(*opened(f"od_ssd_mobilenet_{name}"))
    assert isinstance(found, SsdHead), found
    return found


@pytest.mark.parametrize("name", PIPELINES)
def test_the_head_is_that_of_the_pipeline(name: str) -> None:
    found, (classes, threshold, clip) = head(name), PIPELINES[name]
    suppression = found.suppression
    assert [(m.height, m.width, m.anchors) for m in found.feature_maps] == MAPS
    assert found.anchors.shape == (1917, 4)
    assert found.variance == (0.1, 0.1, 0.2, 0.2)
    assert (found.classes, found.has_background, found.converter) == (classes, True, "sigmoid")
    assert len(suppression.nodes) == classes - 1
    assert suppression.score_threshold == pytest.approx(threshold)
    assert suppression.iou_threshold == pytest.approx(0.6)
    assert (suppression.per_class, suppression.total, suppression.clip) == (100, 100, clip)


@pytest.mark.parametrize("name", PIPELINES)
def test_outputs_and_pixels_are_told_apart(name: str) -> None:
    found = head(name)
    given, before = found.detections, found.preprocessing
    named = (given.boxes, given.scores, given.classes, given.count)
    assert [v.name if v else "" for v in named] == [
        "detection_boxes",
        "detection_scores",
        "detection_classes",
        "num_detections",
    ]
    assert given.label_offset == 1
    assert before.placeholder.name == "image_tensor"
    assert (before.height, before.width, before.channels, before.resize) == (300, 300, 3, "ResizeBilinear")
    assert before.scale == pytest.approx((2 / 255,) * 3)
    assert before.offset == (-1.0, -1.0, -1.0)


def test_anchors_of_the_first_cell_are_those_of_the_paper() -> None:
    anchors = head("v1_coco_2018").anchors
    sizes = anchors[:3, 2:] - anchors[:3, :2]
    np.testing.assert_allclose(sizes, [[0.1, 0.1], [0.1414214, 0.2828427], [0.2828427, 0.1414214]], atol=1e-6)
    centres = (anchors[3, :2] + anchors[3, 2:]) / 2
    np.testing.assert_allclose(centres, [0.5 / 19, 1.5 / 19], atol=1e-6)


def described(found: SsdHead) -> tuple[object, ...]:
    """What does not speak of names."""
    s, p = found.suppression, found.preprocessing
    maps = [(m.height, m.width, m.anchors, m.box_layer.op) for m in found.feature_maps]
    numbers = (s.iou_threshold, s.score_threshold, s.per_class, s.total, s.clip, found.classes, found.variance)
    return (*maps, *numbers, p.height, p.width, p.scale, p.offset, found.converter, found.anchors.tobytes())


@pytest.mark.parametrize("name", ["v1_buoy", "v2_tf115_cast_nms5"])
def test_names_and_node_order_decide_nothing(name: str) -> None:
    graph, _ = opened(f"od_ssd_mobilenet_{name}")

    for number, node in enumerate(list(graph)):
        graph.rename(node, f"n{(number * 7919) % 100_003}")
    renamed = [v.name for v in graph.outputs]
    message = graphdef_from_graph(graph)
    nodes = list(message.node)
    random.Random(3).shuffle(nodes)
    del message.node[:]
    message.node.extend(nodes)
    again = graph_from_graphdef(message)
    set_signature(again, outputs=renamed)
    found = find_ssd_head(again, infer_shapes(again))
    assert isinstance(found, SsdHead), found
    assert described(found) == described(head(name))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("od_faster_rcnn_fire", "not of each class once"),
        ("od_mask_rcnn_inception_v2", "not of each class once"),
        ("opencv_opencv_face_detector_uint8", "no NonMaxSuppression was found"),
    ],
)
def test_other_detectors_have_no_such_head(name: str, reason: str) -> None:
    found = find_ssd_head(*opened(name))
    assert isinstance(found, NoMatch)
    assert reason in found.reason
