"""Maximum and Minimum with a constant, for parsers that refuse one there."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, propose
from graphdoctor.surgery.rewrites.common import (
    become,
    constant_cone,
    dtype_of,
    has_limit,
    known_array,
    looked_at,
    with_inputs,
)
from graphdoctor.types import DType

_LIMIT = "binary-const-minmax"
_ROUNDED = "the sum is rounded, and an infinity becomes NaN"
_FLOATS = (DType.FLOAT, DType.HALF, DType.DOUBLE)


def by_relu(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Maximum(x, c) as Relu(x - c) + c, and Minimum(x, c) as c - Relu(c - x)."""
    if not has_limit(facts, _LIMIT, without_target=False):
        return
    for node in with_inputs(graph, 2, "Maximum", "Minimum"):
        data = [v for v in node.inputs if constant_cone(v) is None]
        if len(data) == 1:
            bound = next(v for v in node.inputs if v != data[0])
            yield _by_relu(node, data[0], bound, facts)


def _by_relu(node: Node, x: Value, bound: Value, facts: Facts) -> Proposal | Refusal:
    array, dtype = known_array(facts, bound), dtype_of(node, facts.specs.of(x))
    if array is None or dtype not in _FLOATS:
        return Refusal(node, f"the bound is not known, or {dtype.label} has no Relu")
    if not np.isfinite(array).all():
        return Refusal(node, "the bound is not finite")
    far, relu, attrs = f"{node.name}/far", f"{node.name}/relu", {"T": dtype}
    above = node.op == "Maximum"
    difference = (x, bound) if above else (bound, x)
    inputs: tuple[Ref, ...] = (New(relu), bound) if above else (bound, New(relu))
    return propose(
        node,
        Make(far, "Sub", difference, attrs),
        Make(relu, "Relu", (New(far),), attrs),
        *become(node, "Add" if above else "Sub", inputs, {**attrs}),
        touches=(x.node, *looked_at(bound)),
        note=f"{node.op} with a constant -> {'Relu(x - c) + c' if above else 'c - Relu(c - x)'}",
        unsafe=_ROUNDED,
    )


FINDERS = {"minimum-maximum-to-relu": Finder(by_relu)}
