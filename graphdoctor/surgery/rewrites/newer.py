"""What older exporters spelled out, in the one op that newer ones write."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, New, Proposal, Refusal, SetInputs, SetOp, propose
from graphdoctor.surgery.rewrites.common import array_of, become, const_step, looked_at, with_inputs
from graphdoctor.types import Answer, DType

_LOWEST = float(np.finfo(np.float32).min)
_THRESHOLD = "T_threshold"
_IOU = 0.5
"""Default of attribute iou_threshold in TensorFlow's op definition of NonMaxSuppression."""
_SMALLEST = float(np.finfo(np.float32).tiny)
"""TensorFlow takes smaller numbers for zero, and infinity times zero is NaN."""


class TargetOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of rewrites to newer ops: ``always`` also where no target was named."""

    always: bool = True


def leaky_relu(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Maximum(x * alpha, x) as LeakyRelu, for 0 < alpha < 1: the same bits."""
    if not _has(facts, "LeakyRelu"):
        return
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


def relu6(graph: GraphView, facts: Facts, options: TargetOptions) -> Found:
    """Minimum(Relu(x), 6), and in other orders Maximum(Minimum(x, 6), 0) and ClipByValue(x, 0, 6), as Relu6."""
    if not _has(facts, "Relu6", always=options.always):
        return
    for node in graph.by_op("Minimum", "Maximum", "ClipByValue"):
        x = _behind_relu(node) or _clipped(node)
        dtype = node.attr("T")
        if x is not None and not isinstance(dtype, DType):
            yield Refusal(node, "its dtype is not known")
        elif x is not None and isinstance(dtype, DType):
            steps = become(node, "Relu6", (x,), {"T": dtype})
            note = "Minimum(Relu(x), 6) -> Relu6" if node.op == "Minimum" else f"{node.op} between 0 and 6 -> Relu6"
            same = node.op == "Minimum"
            unsafe = "" if same else "a zero may get the other sign"
            yield propose(node, *steps, touches=_cone(node, 3), note=note, unsafe=unsafe, safe=same)


def _behind_relu(node: Node) -> Value | None:
    """What the Relu reads in Minimum(Relu(x), 6)."""
    if node.op == "Minimum" and len(node.inputs) == 2:
        for relu, six in _orders(node):
            if relu.node.op == "Relu" and len(relu.node.inputs) == 1 and _one(six) == 6:
                return relu.node.inputs[0]
    return None


def _clipped(node: Node) -> Value | None:
    """What ClipByValue or Maximum(Minimum(x, 6), 0) limits to 0 to 6."""
    if node.op == "ClipByValue" and len(node.inputs) == 3:
        x, *bounds = node.inputs
        return x if [_one(v) for v in bounds] == [0, 6] else None
    for inner, zero in _orders(node) if node.op == "Maximum" and len(node.inputs) == 2 else ():
        if _one(zero) == 0 and inner.node.op == "Minimum" and len(inner.node.inputs) == 2:
            for x, six in _orders(inner.node):
                if _one(six) == 6:
                    return x
    return None


def _one(value: Value) -> float | None:
    """The one number that ``value`` is."""
    array = array_of(value)
    return float(array) if array is not None and array.shape == () and array.dtype.kind == "f" else None


def softplus(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Log(Exp(x) + 1), Log1p(Exp(x)) and Relu(x) + Log(1 + Exp(-|x|)) as Softplus."""
    if not _has(facts, "Softplus"):
        return
    for node in graph.by_op("Log", "Log1p", "Add", "AddV2"):
        x = _softplus(node)
        if x is not None and isinstance(node.attr("T"), DType):
            touched = _cone(node, 6)
            steps = become(node, "Softplus", (x,), {"T": node.attr("T")})
            note = f"the logarithm of 1 + exp({x.name}) -> Softplus"
            yield propose(
                node, *steps, touches=touched, note=note, unsafe="it is rounded otherwise, and never overflows"
            )


def _softplus(node: Node) -> Value | None:
    grown = _exponent(node)
    if grown is not None:
        return grown if grown.node.op != "Neg" or _negated_size(grown) is None else None
    for relu, rest in _orders(node) if node.op in ("Add", "AddV2") and len(node.inputs) == 2 else ():
        falling = _exponent(rest.node) if relu.node.op == "Relu" else None
        if falling is not None and relu.node.inputs and _negated_size(falling) == relu.node.inputs[0]:
            return relu.node.inputs[0]
    return None


def _exponent(node: Node) -> Value | None:
    """``u`` where ``node`` is the logarithm of 1 + exp(u)."""
    if node.op not in ("Log", "Log1p") or len(node.inputs) != 1:
        return None
    inner = node.inputs[0].node
    if node.op == "Log":
        if inner.op not in ("Add", "AddV2") or len(inner.inputs) != 2:
            return None
        grown = [v.node for v, one in _orders(inner) if _one(one) == 1]
        inner = grown[0] if grown else inner
    return inner.inputs[0] if inner.op == "Exp" and len(inner.inputs) == 1 else None


def _negated_size(value: Value) -> Value | None:
    """``x`` where ``value`` is -|x|."""
    inner = value.node.inputs[0].node if value.node.op == "Neg" and value.node.inputs else None
    return inner.inputs[0] if inner is not None and inner.op == "Abs" and inner.inputs else None


def _cone(node: Node, depth: int) -> tuple[Node, ...]:
    """``node`` and what stands ``depth`` steps in front of it."""
    found, level = {node: None}, [node]
    for _ in range(depth):
        level = [v.node for n in level for v in n.inputs if v.node not in found]
        found.update(dict.fromkeys(level))
    return tuple(found)


def softsign(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """x / (1 + |x|) as Softsign: the same bits."""
    if not _has(facts, "Softsign"):
        return
    for node in with_inputs(graph, 2, "RealDiv", "Div"):
        x, total = node.inputs
        if total.node.op not in ("Add", "AddV2") or len(total.node.inputs) != 2:
            continue
        sizes = [v.node for v, one in _orders(total.node) if _one(one) == 1]
        if sizes and sizes[0].op == "Abs" and sizes[0].inputs == (x,) and isinstance(node.attr("T"), DType):
            steps = become(node, "Softsign", (x,), {"T": node.attr("T")})
            yield propose(node, *steps, touches=_cone(node, 3), note="x / (1 + |x|) -> Softsign")


def _has(facts: Facts, op: str, *, always: bool = True) -> bool:
    """True if the target has ``op``; ``always`` is the answer where none was named. Of ONNX parsers it is not asked."""
    target = facts.target
    if target is None:
        return always
    return target.parser == "onnx" or target.row(op).support is Answer.YES


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
    "relu6-from-minimum": Finder(relu6, TargetOptions),
    "softplus-from-log": Finder(softplus),
    "softsign-from-division": Finder(softsign),
    "nms-v1-to-v2": Finder(nms_v2),
    "nms-v2-to-v3": Finder(nms_v3),
}
