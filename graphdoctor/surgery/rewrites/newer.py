"""What older exporters spelled out, in the one op that newer ones write."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, New, Proposal, Refusal, SetInputs, SetOp, propose
from graphdoctor.surgery.rewrites.common import array_of, become, const_step, looked_at, with_inputs
from graphdoctor.types import DType

_LOWEST = float(np.finfo(np.float32).min)
_THRESHOLD = "T_threshold"
_IOU = 0.5
"""Default of attribute iou_threshold in TensorFlow's op definition of NonMaxSuppression."""
_SMALLEST = float(np.finfo(np.float32).tiny)
"""TensorFlow takes smaller numbers for zero, and infinity times zero is NaN."""


def leaky_relu(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Maximum(x * alpha, x) as LeakyRelu, for 0 < alpha < 1: the same bits."""
    for node in with_inputs(graph, 2, "Maximum"):
        for product, x in _orders(node):
            if product.node.op == "Mul" and len(product.node.inputs) == 2 and product.index == 0:
                slopes = [s for a, s in _orders(product.node) if a == x]
                if slopes:
                    yield _leaky_relu(node, x, product.node, slopes[0], facts)
                    break


def _leaky_relu(node: Node, x: Value, product: Node, slope: Value, facts: Facts) -> Proposal | Refusal:
    alpha = array_of(slope)
    if node.attr("T") is not DType.FLOAT:
        return Refusal(node, "the slope of LeakyRelu is float32, and this is not")
    if alpha is None or alpha.shape != ():
        return Refusal(node, "the slope is not one known number")
    if not _SMALLEST <= float(alpha) < 1:
        return Refusal(node, f"LeakyRelu is the same for a slope between 0 and 1 only, and it is {float(alpha):g}")
    steps = become(node, "LeakyRelu", (x,), {"T": DType.FLOAT, "alpha": float(alpha)})
    touched = (x.node, product, *looked_at(slope))
    return propose(node, *steps, touches=touched, note=f"LeakyRelu with a slope of {float(alpha):g}")


def relu6(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Minimum(Relu(x), 6) as Relu6."""
    for node in with_inputs(graph, 2, "Minimum"):
        for relu, limit in _orders(node):
            six = array_of(limit)
            if (
                relu.node.op == "Relu"
                and len(relu.node.inputs) == 1
                and six is not None
                and six.shape == ()
                and six == 6
            ):
                dtype = node.attr("T")
                if not isinstance(dtype, DType):
                    yield Refusal(node, "its dtype is not known")
                    break
                steps = become(node, "Relu6", relu.node.inputs, {"T": dtype})
                yield propose(node, *steps, touches=(relu.node, *looked_at(limit)), note="Minimum(Relu(x), 6) -> Relu6")
                break


def _orders(node: Node) -> Iterator[tuple[Value, Value]]:
    """The two inputs of ``node``, and the other way round."""
    first, second = node.inputs
    yield first, second
    yield second, first


def nms_v2(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """NonMaxSuppression as V2, which has its threshold as an input."""
    for node in with_inputs(graph, 3, "NonMaxSuppression"):
        threshold = node.attr("iou_threshold", _IOU)
        if not isinstance(threshold, float | int):
            yield Refusal(node, "its iou_threshold is no number")
            continue
        key = f"{node.name}/iou_threshold"
        steps = (
            const_step(key, np.asarray(threshold, np.float32)),
            *become(node, "NonMaxSuppressionV2", (*node.inputs, New(key)), {"T": DType.FLOAT, _THRESHOLD: DType.FLOAT}),
        )
        yield propose(node, *steps, touches=tuple(v.node for v in node.inputs), note="NonMaxSuppression -> V2")


def nms_v3(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """NonMaxSuppressionV2 as V3, with the lowest float as the lowest score."""
    for node in with_inputs(graph, 4, "NonMaxSuppressionV2"):
        kind = node.attr(_THRESHOLD, node.attr("T", DType.FLOAT))
        if kind is not DType.FLOAT or node.attr("T", DType.FLOAT) is not DType.FLOAT:
            yield Refusal(node, "its boxes are not float32")
            continue
        key = f"{node.name}/score_threshold"
        steps = (
            const_step(key, np.asarray(_LOWEST, np.float32)),
            SetInputs(node, (*node.inputs, New(key))),
            SetOp(node, "NonMaxSuppressionV3"),
        )
        yield propose(node, *steps, touches=tuple(v.node for v in node.inputs), note="V2 -> V3 without a lowest score")


FINDERS = {
    "leaky-relu-from-maximum": Finder(leaky_relu),
    "relu6-from-minimum": Finder(relu6),
    "nms-v1-to-v2": Finder(nms_v2),
    "nms-v2-to-v3": Finder(nms_v3),
}
