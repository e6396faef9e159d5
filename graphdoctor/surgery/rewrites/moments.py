"""Batch normalization by the statistics of the batch itself, in ops."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.batchnorm import DEFAULT_EPSILON, FUSED_OPS
from graphdoctor.match.names import reads_other_outputs
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, Step, propose
from graphdoctor.surgery.rewrites.common import (
    become,
    const_step,
    known_array,
    looked_at,
    with_inputs,
)
from graphdoctor.types import Array, DType

_AXES = {"NHWC": (1, 2), "NCHW": (2, 3)}


def instance_norm(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """FusedBatchNorm in training mode of one item, as mean and variance over height and width."""
    for node in with_inputs(graph, 5, *FUSED_OPS):
        if node.attr("is_training", True):
            reason = _why_not(graph, node, facts)
            yield Refusal(node, reason) if reason else _written(node, facts)


def _why_not(graph: GraphView, node: Node, facts: Facts) -> str:
    shape, used = facts.specs.of(node.inputs[0]).shape, reads_other_outputs(graph, node, 1)
    if used is not None:
        return f"its output {used} is read, which are statistics of the batch"
    if shape is None or len(shape) != 4 or shape[0] is None:
        return "the batch is not known; fix it with --input"
    if shape[0] != 1:
        return f"it looks at all {shape[0]} items at once"
    if node.attr("T", DType.FLOAT) is not DType.FLOAT or str(node.attr("data_format", "NHWC")) not in _AXES:
        return "it is not of float32, NHWC or NCHW"
    if any(known_array(facts, v) is None for v in node.inputs[1:3]):
        return "its scale or offset is not constant"
    return "" if isinstance(node.attr("epsilon", DEFAULT_EPSILON), float | int) else "its epsilon is no number"


def _written(node: Node, facts: Facts) -> Proposal:
    x, layout = node.inputs[0], str(node.attr("data_format", "NHWC"))
    epsilon = float(str(node.attr("epsilon", DEFAULT_EPSILON)))
    tail = (1, 1) if layout == "NCHW" else ()
    scale, offset = (_laid_out(known_array(facts, v), tail) for v in node.inputs[1:3])
    steps: list[Step] = [const_step(f"{node.name}/axes", np.asarray(_AXES[layout], np.int32))]
    steps += [const_step(f"{node.name}/{word}", a) for word, a in (("scale", scale), ("offset", offset))]
    steps.append(const_step(f"{node.name}/epsilon", np.asarray(epsilon, np.float32)))

    def make(word: str, op: str, *inputs: Ref) -> New:
        key, attrs = f"{node.name}/{word}", {"T": DType.FLOAT}
        steps.append(Make(key, op, inputs, attrs))
        return New(key)

    def mean(word: str, value: Ref) -> New:
        key, attrs = f"{node.name}/{word}", {"T": DType.FLOAT, "Tidx": DType.INT32, "keep_dims": True}
        steps.append(Make(key, "Mean", (value, New(f"{node.name}/axes")), attrs))
        return New(key)

    away = make("centered", "Sub", x, mean("mean", x))
    variance = mean("variance", make("squared", "Mul", away, away))
    inverse = make("inverse", "Rsqrt", make("sum", "Add", variance, New(f"{node.name}/epsilon")))
    scaled = make("scaled", "Mul", make("normalized", "Mul", away, inverse), New(f"{node.name}/scale"))
    return propose(
        node,
        *steps,
        *become(node, "Add", (scaled, New(f"{node.name}/offset")), {"T": DType.FLOAT}),
        touches=(x.node, *(n for v in node.inputs[1:3] for n in looked_at(v))),
        note="by the mean and variance of the image itself",
        unsafe="it is rounded otherwise; where inference mode was forgotten, export again instead",
    )


def _laid_out(array: Array | None, tail: tuple[int, ...]) -> Array:
    """One number per channel, to broadcast against an image without its batch."""
    assert array is not None  # asked before
    flat = array.astype(np.float32).reshape(-1)
    return flat.reshape((flat.size, *tail)) if tail else flat.reshape((1, 1, flat.size))


FINDERS = {"batch-norm-to-moments": Finder(instance_norm)}
