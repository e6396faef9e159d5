"""What TensorRT's plugins of single-shot detectors compute, in numpy, and detectors with weights of a sane scale.

The plugins are written from NVIDIA/TensorRT (plugin/gridAnchorPlugin, plugin/nmsPlugin, plugin/common/kernels), loop
by loop and apart from the code under test, which works the fields out the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.ir import Graph, Node, Value
from graphdoctor.match import BatchNormMatch, batchnorm_fused, unfused_batchnorms
from graphdoctor.match.batchnorm import FUSED_OPS
from graphdoctor.match.constants import source_of
from graphdoctor.match.detection import SsdHead
from graphdoctor.types import Array
from graphdoctor.wire.tensors import Tensor
from tests.ops import harness


def fields(node: Node) -> dict[str, Any]:
    """The fields of a plugin node, without the marks of their types."""
    return {key.rpartition("_u_")[0]: node.attr(key) for key in node.attrs if "_u_" in key}


# ---- the plugins ------------------------------------------------------------------------------------------------


def grid_anchor(given: dict[str, Any], rectangular: bool = False) -> Array:
    """GridAnchor_TRT and the concat behind it: [A, 4] xmin ymin xmax ymax."""
    layers, shapes = given["numLayers"], list(given["featureMapShapes"])
    boxes: list[tuple[float, ...]] = []
    for layer in range(layers):
        height, width = shapes[2 * layer : 2 * layer + 2] if rectangular else (shapes[layer], shapes[layer])
        scale = given["minSize"] + (given["maxSize"] - given["minSize"]) * layer / (layers - 1)
        after = given["minSize"] + (given["maxSize"] - given["minSize"]) * (layer + 1) / (layers - 1)
        ratios, scales = list(given["aspectRatios"]), [scale] * len(given["aspectRatios"])
        if layer == 0:
            ratios, scales = ratios[:3], [0.1, given["minSize"], given["minSize"]]
        else:
            ratios.append(1.0)
            scales.append((scale * (1.0 if layer == layers - 1 else after)) ** 0.5)
        for y in range(height):
            for x in range(width):
                for ratio, size in zip(ratios, scales, strict=True):
                    cy, cx = (y + 0.5) / height, (x + 0.5) / width
                    w, h = size * ratio**0.5 / 2, size / ratio**0.5 / 2
                    boxes.append((cx - w, cy - h, cx + w, cy + h))
    return np.asarray(boxes)


def decode(loc: Array, priors: Array, variance: Sequence[float]) -> Array:
    """Code type TF_CENTER: locations [A, 4] y x h w on ``priors`` [A, 4]; boxes xmin ymin xmax ymax."""
    wide, high = priors[:, 2] - priors[:, 0], priors[:, 3] - priors[:, 1]
    x = variance[0] * loc[:, 1] * wide + (priors[:, 0] + priors[:, 2]) / 2
    y = variance[1] * loc[:, 0] * high + (priors[:, 1] + priors[:, 3]) / 2
    w, h = np.exp(variance[2] * loc[:, 3]) * wide, np.exp(variance[3] * loc[:, 2]) * high
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)


def overlap(box: Array, boxes: Array) -> Array:
    """Intersection over union of one box with others."""
    size = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    inner = np.where((size > 0).all(axis=1), size.prod(axis=1), 0.0)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return inner / ((box[2:] - box[:2]).prod() + areas - inner)


def nms(given: dict[str, Any], loc: Array, conf: Array, priors: Array, variance: Sequence[float]) -> Array:
    """NMS_TRT for one image: rows of image, class, score, xmin, ymin, xmax, ymax, those that mean something."""
    classes, boxes = given["numClasses"], decode(loc.reshape(-1, 4), priors, variance)
    scores = conf.reshape(-1, classes)
    scores = 1 / (1 + np.exp(-scores)) if given["confSigmoid"] else scores
    kept: list[tuple[float, int, int]] = []
    for label in range(classes):
        if label != given["backgroundLabelId"]:
            for index in _kept(given, boxes, scores[:, label]):
                kept.append((float(scores[index, label]), label, index))
    kept.sort(key=lambda k: -k[0])
    rows = [[0, label, score, *np.clip(boxes[i], 0, 1)] for score, label, i in kept[: given["keepTopK"]]]
    return np.asarray(rows).reshape(-1, 7)


def _kept(given: dict[str, Any], boxes: Array, scores: Array) -> list[int]:
    order = [i for i in np.argsort(-scores, kind="stable") if scores[i] > given["confidenceThreshold"]]
    left, kept = np.asarray(order[: given["topK"]], dtype=int), []
    while len(left):
        kept.append(int(left[0]))
        rest = left[1:]
        left = rest[overlap(boxes[left[0]], boxes[rest]) <= given["nmsThreshold"]]
    return kept


# ---- running ----------------------------------------------------------------------------------------------------


def run(graph: Graph, feed: dict[str, Array], fetch: Sequence[Value]) -> list[Array]:
    """Values of ``graph`` in TensorFlow; only what they depend on is imported."""
    v1 = harness.tensorflow()
    message = v1.GraphDef()
    message.ParseFromString(graphdef_bytes(graph))
    needed = {n.name for n in graph.live([v.node for v in fetch])}
    nodes = [n for n in message.node if n.name in needed]
    del message.node[:]
    message.node.extend(nodes)
    with v1.Graph().as_default() as imported:
        v1.import_graph_def(message, name="")
        with v1.Session(graph=imported) as session:
            found: list[Array] = session.run(
                [f"{v.node.name}:{v.index}" for v in fetch], {f"{k}:0": v for k, v in feed.items()}
            )
    return found


def detected(graph: Graph, head: SsdHead, pixels: Array) -> Array:
    """What the graph detects in one image: rows of class, score, xmin, ymin, xmax, ymax."""
    given = head.detections
    outputs = [v for v in (given.boxes, given.scores, given.classes, given.count) if v is not None]
    boxes, scores, classes, count = run(graph, {head.preprocessing.placeholder.name: pixels}, outputs)
    rows = int(count[0])
    return np.column_stack([classes[0], scores[0], boxes[0][:, [1, 0, 3, 2]]])[:rows]


def detected_by_plugins(graph: Graph, image: Array) -> Array:
    """The same of a graph with the plugins: the network in TensorFlow, the plugins in numpy."""
    node = graph.outputs[0].node
    inputs = [node.inputs[k].node for k in fields(node)["inputOrder"]]
    joins, grid = inputs[:2], inputs[2].inputs[0].node
    parts = [v for join in joins for v in join.inputs]
    found = run(graph, {graph.inputs[0].name: image}, parts)
    count = len(joins[0].inputs)
    loc, conf = (np.concatenate([p.reshape(-1) for p in ps]) for ps in (found[:count], found[count:]))
    priors = grid_anchor(fields(grid), grid.op == "GridAnchorRect_TRT")
    return nms(fields(node), loc, conf, priors, fields(grid)["variance"])[:, 1:]


def unlike(expected: Array, found: Array, tolerance: float) -> list[str]:
    """Rows of one that the other does not have, whatever the order of equal scores."""
    problems = [f"{len(expected)} detections, and {len(found)}"] if len(expected) != len(found) else []
    left = list(range(len(found)))
    for row in expected:
        near = [k for k in left if np.abs(found[k] - row).max() <= tolerance]
        if near:
            left.remove(near[0])
        else:
            problems.append(f"not found: {row.round(4).tolist()}")
    return problems


# ---- weights ----------------------------------------------------------------------------------------------------


def give_weights(graph: Graph, head: SsdHead, seed: int) -> None:
    """Put weights of a sane scale in the place of the synthetic ones of the corpus, which are all alike.

    Boxes are made small, so that hardly one reaches over the border of the image: the older graphs clip boxes before
    they drop overlapping ones, and the plugin does so afterwards.
    """
    rng = np.random.default_rng(seed)
    for node in graph.by_op("Conv2D", "DepthwiseConv2dNative"):
        shape = _shape(node.inputs[1])
        fan = shape[0] * shape[1] * (shape[2] if node.op == "Conv2D" else 1)
        _set(graph, node.inputs[1], rng.normal(0, np.sqrt(2 / fan), shape))
    for node in graph.by_op("BiasAdd"):
        _set(graph, node.inputs[1], rng.normal(0, 0.3, _shape(node.inputs[1])))
    fused = (batchnorm_fused(graph, n) for n in graph.by_op(*FUSED_OPS))
    for found in [*fused, *unfused_batchnorms(graph)]:
        assert isinstance(found, BatchNormMatch), found
        for value, low, high in ((found.scale, 0.8, 1.2), (found.variance, 0.5, 1.5), (found.offset, -0.2, 0.6)):
            if value is not None:
                _set(graph, value, rng.uniform(low, high, _shape(value)))
        _set(graph, found.mean, rng.normal(0, 0.2, _shape(found.mean)))
    for grid in head.feature_maps:
        kernel, bias = grid.box_layer.inputs[1], grid.box_map.node.inputs[1]
        _set(graph, kernel, rng.normal(0, 0.5 / np.sqrt(_shape(kernel)[2]), _shape(kernel)))
        _set(graph, bias, np.tile([0.0, 0.0, -12.0, -12.0], grid.anchors) + rng.normal(0, 0.1, _shape(bias)))


def _shape(value: Value) -> tuple[int, ...]:
    tensor = source_of(value).node.attr("value")
    assert isinstance(tensor, Tensor)
    return tensor.shape


def _set(graph: Graph, value: Value, numbers: Array) -> None:
    graph.set_attr(source_of(value).node, "value", Tensor.from_array(numbers.astype(np.float32)))
