"""Detectors of the corpus with weights of a sane scale: theirs are constants of one value, so that all scores tie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from graphdoctor.formats.tensorflow import load_model, save_graph
from graphdoctor.ir import Graph, Node
from graphdoctor.match.constants import source_of
from graphdoctor.types import Array
from graphdoctor.wire.tensors import Tensor

_BOXES = ("BoxEncodingPredictor", "box_encoding")
_CLASSES = ("ClassPredictor", "class_predictor")


def with_sane_weights(path: Path, place: Path, seed: int = 0) -> Path:
    """The detector at ``path`` with random weights, written into the folder ``place``."""
    graph = load_model(str(path)).graph
    give_sane_weights(graph, seed)
    out = place / path.name
    save_graph(graph, str(out))
    return out


def give_sane_weights(graph: Graph, seed: int) -> None:
    """Put random numbers in the place of every synthetic constant: one that is a parameter and has one value alone."""
    rng = np.random.default_rng(seed)
    for node in graph.by_op("Conv2D", "DepthwiseConv2dNative", "MatMul"):
        _kernel(graph, node, rng)
    for node in graph.by_op("BiasAdd"):
        low = -1.0 if any(word in node.name for word in _CLASSES) else 0.0
        _put(graph, node, 1, lambda shape, low=low: rng.normal(low, 0.1, shape))
    for node in graph.by_op("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        _put(graph, node, 1, lambda shape: rng.uniform(0.8, 1.2, shape))
        _put(graph, node, 2, lambda shape: rng.uniform(-0.2, 0.6, shape))
        _put(graph, node, 3, lambda shape: rng.normal(0, 0.2, shape))
        _put(graph, node, 4, lambda shape: rng.uniform(0.5, 1.5, shape))
    for node in [n for n in graph.by_op("Add", "Mul", "Sub") if "batchnorm" in n.name]:
        _unfused(graph, node, rng)


def _kernel(graph: Graph, node: Node, rng: Any) -> None:
    """Kaiming's scale; less for what predicts, so that boxes stay near their anchors and scores are not all 1."""
    last = any(word in node.name for word in (*_BOXES, *_CLASSES))

    def values(shape: tuple[int, ...]) -> Array:
        fan = int(np.prod(shape[:-1])) if node.op != "DepthwiseConv2dNative" else shape[0] * shape[1]
        return np.asarray(rng.normal(0, (0.3 if last else 1.4) / np.sqrt(fan), shape))

    _put(graph, node, 1, values)


def _unfused(graph: Graph, node: Node, rng: Any) -> None:
    """The parameters of a batch norm of TensorFlow's own ops: variance + epsilon, rsqrt * scale, offset - mean."""
    for slot in (0, 1):
        if node.op == "Add":
            _put(graph, node, slot, lambda shape: rng.uniform(0.5, 1.5, shape))
        elif node.op == "Sub":
            _put(graph, node, slot, lambda shape: rng.uniform(-0.2, 0.6, shape))
        else:
            name = source_of(node.inputs[slot]).node.name
            low, high = (-0.3, 0.3) if "mean" in name else (0.8, 1.2)
            _put(graph, node, slot, lambda shape, low=low, high=high: rng.uniform(low, high, shape))


def _put(graph: Graph, node: Node, slot: int, values: Any) -> None:
    source = source_of(node.inputs[slot]).node
    tensor = source.attr("value") if source.op == "Const" else None
    if isinstance(tensor, Tensor) and tensor.element_count >= 4 and tensor.is_splat:
        graph.set_attr(source, "value", Tensor.from_array(values(tensor.shape).astype(np.float32)))
