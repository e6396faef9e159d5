"""Activations and small arithmetic, said in ops that old parsers have."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Refusal, Step, propose
from graphdoctor.surgery.rewrites.common import become, const_step, dtype_of, has_limit, lacks, with_inputs
from graphdoctor.types import DType

_LEAKY_ALPHA = 0.2
"""Default of attribute alpha in TensorFlow's op definition of LeakyRelu."""
_MINMAX_LIMIT = "binary-const-minmax"
_IN_ENGINE = (DType.FLOAT, DType.HALF, DType.DOUBLE)


def leaky_relu(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """LeakyRelu(x) = Maximum(x * alpha, x), the same bits for 0 < alpha <= 1."""
    for node in with_inputs(graph, 1, "LeakyRelu"):
        yield _leaky_relu(node, facts)


def _leaky_relu(node: Node, facts: Facts) -> Proposal | Refusal:
    stated = node.attr("alpha", _LEAKY_ALPHA)
    if not isinstance(stated, float | int):
        return Refusal(node, "its alpha is no number")
    alpha = float(np.float32(stated))  # attributes are float32, whatever T is
    dtype = _dtype(node, facts)
    if not 0 < alpha <= 1:
        return Refusal(node, f"Maximum is the same for 0 < alpha <= 1 only, and alpha is {alpha:g}")
    if dtype not in _IN_ENGINE or dtype.numpy is None:
        return Refusal(node, f"no constant of dtype {dtype.label} can be made")
    x, slope, product = node.inputs[0], f"{node.name}/alpha", f"{node.name}/mul"
    steps: tuple[Step, ...] = (
        const_step(slope, np.asarray(alpha, dtype=dtype.numpy), dtype),
        Make(product, "Mul", (x, New(slope)), {"T": dtype}),
        *become(node, "Maximum", (New(product), x), {"T": dtype}),
    )
    return propose(node, *steps, touches=(x.node,), note=f"LeakyRelu -> Mul by {alpha:g}, Maximum")


def relu6(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Relu6(x) = Minimum(Relu(x), 6); where the target refuses a constant there, Relu(x) - Relu(x - 6)."""
    for node in with_inputs(graph, 1, "Relu6"):
        if not lacks(facts, node):
            continue
        dtype = _dtype(node, facts)
        if dtype not in _IN_ENGINE:
            yield Refusal(node, f"no constant of dtype {dtype.label} can be made")
        elif has_limit(facts, _MINMAX_LIMIT, without_target=False):
            yield _difference(node, dtype)
        else:
            yield _minimum(node, dtype)


def _minimum(node: Node, dtype: DType) -> Proposal:
    six, relu = f"{node.name}/six", f"{node.name}/relu"
    return propose(
        node,
        const_step(six, np.asarray(6, dtype=dtype.numpy), dtype),
        Make(relu, "Relu", (node.inputs[0],), {"T": dtype}),
        *become(node, "Minimum", (New(relu), New(six)), {"T": dtype}),
        touches=(node.inputs[0].node,),
        note="Relu6 -> Relu, Minimum",
    )


def _difference(node: Node, dtype: DType) -> Proposal:
    x, six, above = node.inputs[0], f"{node.name}/six", f"{node.name}/above"
    low, high = f"{node.name}/relu", f"{node.name}/relu_above"
    return propose(
        node,
        const_step(six, np.asarray(6, dtype=dtype.numpy), dtype),
        Make(low, "Relu", (x,), {"T": dtype}),
        Make(above, "Sub", (x, New(six)), {"T": dtype}),
        Make(high, "Relu", (New(above),), {"T": dtype}),
        *become(node, "Sub", (New(low), New(high)), {"T": dtype}),
        touches=(x.node,),
        note="Relu6 -> Relu(x) - Relu(x - 6)",
        unsafe="above 12 the difference is rounded",
    )


def square(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Square(x) = x * x."""
    for node in with_inputs(graph, 1, "Square"):
        if not lacks(facts, node):
            continue
        x, dtype = node.inputs[0], _dtype(node, facts)
        if dtype is DType.INVALID:
            yield Refusal(node, "its dtype is not known")
        else:
            steps = become(node, "Mul", (x, x), {"T": dtype})
            yield propose(node, *steps, touches=(x.node,), note="Square -> Mul")


def _dtype(node: Node, facts: Facts) -> DType:
    return dtype_of(node, facts.specs.of(node.inputs[0]))


FINDERS = {
    "leaky-relu-to-mul-maximum": Finder(leaky_relu),
    "relu6-to-relu-minimum": Finder(relu6),
    "square-to-mul": Finder(square),
}
