"""Reductions that drop the dimensions they reduce, for parsers that keep them."""

from __future__ import annotations

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Refusal, propose
from graphdoctor.surgery.rewrites.common import (
    become,
    const_step,
    constant_cone,
    dtype_of,
    has_limit,
    known_array,
    looked_at,
    reshape_target,
    with_inputs,
)
from graphdoctor.types import DType, dims_text

_LIMIT = "reduce-keepdims"
_REDUCING = ("Mean", "Sum", "Max", "Min", "Prod")


def keep_dims(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """A reduction that keeps its dimensions, and a Reshape behind it that drops them."""
    if not has_limit(facts, _LIMIT, without_target=False):
        return
    for node in with_inputs(graph, 2, *_REDUCING):
        if not node.attr("keep_dims", False) and constant_cone(node.inputs[0]) is None:
            yield _kept(node, facts)


def _kept(node: Node, facts: Facts) -> Proposal | Refusal:
    data, after = facts.specs.of(node.inputs[0]), facts.specs.output(node)
    axes = known_array(facts, node.inputs[1])
    dtype, index = dtype_of(node, data), dtype_of(node, facts.specs.of(node.inputs[1]), "Tidx")
    if axes is None or data.rank is None or after.shape is None:
        return Refusal(node, "its axes or the rank of its input are not known")
    if not after.shape:
        return Refusal(node, "it reduces to one number, which has no shape to reshape to")
    target = reshape_target(after.shape)
    if target is None:
        return Refusal(node, f"more than one dimension of the result {dims_text(after.shape)} is unknown")
    if dtype is DType.INVALID or index is DType.INVALID:
        return Refusal(node, "its dtype is not known")
    kept, shape = f"{node.name}/kept", f"{node.name}/shape"
    return propose(
        node,
        Make(kept, node.op, node.inputs, {"T": dtype, "Tidx": index, "keep_dims": True}),
        const_step(shape, target),
        *become(node, "Reshape", (New(kept), New(shape)), {"T": dtype, "Tshape": DType.INT32}),
        touches=(node.inputs[0].node, *looked_at(node.inputs[1])),
        note=f"{node.op} with keep_dims, Reshape to {dims_text(after.shape)}",
    )


FINDERS = {"keep-reduced-dims": Finder(keep_dims)}
