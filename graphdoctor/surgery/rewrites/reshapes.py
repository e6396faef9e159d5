"""Ops that only give another shape, said as Reshape with a constant shape."""

from __future__ import annotations

import re

import msgspec
import numpy as np

from graphdoctor.ir import GraphView, Node, TensorSpec, Value
from graphdoctor.match.engine_rank import EngineRanks
from graphdoctor.passes.fold_constants import reshape_constant
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Refusal, Rename, SetInputs, Step, propose
from graphdoctor.surgery.rewrites.common import (
    become,
    const_step,
    constant_cone,
    dtype_of,
    has_limit,
    lacks,
    looked_at,
    reshape_target,
    with_inputs,
)
from graphdoctor.types import DType, dims_text

_TAKES_SHAPE = frozenset({"Shape", "ShapeN", "Size", "Rank"})
_WANTED = 3
"""Dimensions that FullyConnected wants beside the batch."""
_FLATTEN = re.compile("flatten", re.IGNORECASE)


class ReshapeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``to-reshape``: ``op`` is Squeeze or ExpandDims."""

    op: str


def to_reshape(graph: GraphView, facts: Facts, options: ReshapeOptions) -> Found:
    """Squeeze and ExpandDims as Reshape, where at most one dimension of the result is unknown."""
    for node in graph.by_op(options.op):
        if node.inputs and (lacks(facts, node) or _feeds_dense(graph, facts, node)):
            yield _to_reshape(node, facts)


def _feeds_dense(graph: GraphView, facts: Facts, node: Node) -> bool:
    """True for a Squeeze to [N,K] that dense layers alone read, of a parser that wants three dimensions there.

    How many dimensions its Squeeze leaves is not known; behind a Reshape to [N,K] it makes those that it wants.
    """
    if node.op != "Squeeze" or not has_limit(facts, "fc-3dims", without_target=False) or graph.is_output(node):
        return False
    uses = [u for u in graph.uses(node) if u.slot >= 0]
    dense = bool(uses) and all(u.node.op == "MatMul" and u.slot == 0 for u in uses)
    return dense and facts.specs.output(node).rank == 2


def _to_reshape(node: Node, facts: Facts) -> Proposal | Refusal:
    after = facts.specs.output(node)
    if after.shape is None:
        return Refusal(node, "the rank of the result is not known")
    target = reshape_target(after.shape)
    if target is None:
        return Refusal(node, f"more than one dimension of the result {dims_text(after.shape)} is unknown")
    before = facts.specs.of(node.inputs[0])
    if None in after.shape and not _same_unknown(before, after):
        return Refusal(node, "the unknown dimension may have changed on the way")
    dtype = dtype_of(node, before)
    key = f"{node.name}/shape"
    steps = (
        const_step(key, target),
        *become(node, "Reshape", (node.inputs[0], New(key)), {"T": dtype, "Tshape": DType.INT32}),
    )
    touched = tuple(n for v in node.inputs[1:] for n in looked_at(v))
    return propose(
        node, *steps, touches=(node.inputs[0].node, *touched), note=f"{node.op} -> Reshape to {dims_text(after.shape)}"
    )


def _same_unknown(before: TensorSpec, after: TensorSpec) -> bool:
    """True if the rest of both shapes is known, so that the unknown dimension follows from the element count."""
    return before.shape is not None and before.shape.count(None) == 1 and after.shape is not None


def keep_reshape(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Take the word flatten out of the scope of a Reshape.

    The UFF converter makes a Flatten of a Reshape whose last scope contains it in any case, and drops the shape.
    """
    if not any(has_limit(facts, name, without_target=True) for name in ("flatten-trt3", "flatten-by-name")):
        return
    for node in with_inputs(graph, 2, "Reshape"):
        outer, _, last = node.scope.rpartition("/")
        if not _FLATTEN.search(last):
            continue
        if graph.is_output(node):
            yield Refusal(node, "it is an output of the graph and must keep its name")
            continue
        scope = _FLATTEN.sub("flat", last)
        name = "/".join(part for part in (outer, scope, node.name.rpartition("/")[2]) if part)
        yield propose(node, Rename(node, name), note=f"renamed from {node.name}, so that it stays a Reshape")


def reshape_before_dense(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Give what a dense layer reads the dimensions that the parser's FullyConnected wants, and back to [N,K].

    Behind a Reshape to [N,K] of three dimensions beside the batch a FullyConnected works; of one it is refused.
    """
    dense = with_inputs(graph, 2, "MatMul")
    if not dense or not has_limit(facts, "fc-3dims", without_target=False):
        return
    ranks = EngineRanks(graph, facts.specs, lambda n: constant_cone(n.out()) is not None)
    for node in dense:
        found = ranks.of(node.inputs[0])
        if node.attr("transpose_a", False) or found.flat or found.rank is None or found.rank >= _WANTED:
            continue
        yield _with_rows(node, facts)


def _with_rows(node: Node, facts: Facts) -> Proposal | Refusal:
    data = node.inputs[0]
    spec = facts.specs.of(data)
    width = spec.shape[1] if spec.shape is not None and len(spec.shape) == 2 else None
    dtype = dtype_of(node, spec)
    if not width or dtype is DType.INVALID:
        return Refusal(node, f"how many numbers an item of {data.name} has is not known")
    rows, steps = as_rows(node, data, width, dtype)
    note = f"{data.name} as [N,{width},1,1] and as [N,{width}]"
    return propose(node, *steps, SetInputs(node, (rows, node.inputs[1])), touches=(data.node,), note=note)


def as_rows(node: Node, data: Value, width: int, dtype: DType) -> tuple[New, tuple[Step, ...]]:
    """``data`` as [N,width] of three dimensions in the engine, made for ``node``, and the steps to it."""
    image, rows = f"{node.name}/image", f"{node.name}/rows"
    attrs = {"T": dtype, "Tshape": DType.INT32}
    steps = (
        const_step(f"{image}/shape", np.asarray([-1, width, 1, 1], np.int32)),
        Make(image, "Reshape", (data, New(f"{image}/shape")), attrs),
        const_step(f"{rows}/shape", np.asarray([-1, width], np.int32)),
        Make(rows, "Reshape", (New(image), New(f"{rows}/shape")), attrs),
    )
    return New(rows), steps


def shape_chain(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Give a Reshape whose shape is computed and known but for the batch a constant shape with -1 there."""
    for node in with_inputs(graph, 2, "Reshape"):
        shape = reshape_constant(node, facts.specs)
        if shape is None:
            continue
        key = f"{node.name}/shape"
        steps = (const_step(key, shape), SetInputs(node, (node.inputs[0], New(key))))
        touched = (node.inputs[0].node, *_cone(node.inputs[1]))
        yield propose(node, *steps, touches=touched, note=f"shape {shape.tolist()} in place of {node.inputs[1].name}")


def _cone(value: Value, depth: int = 8) -> tuple[Node, ...]:
    """The arithmetic behind ``value``, a few nodes deep, up to where a shape is taken."""
    found: dict[Node, None] = {value.node: None}
    level = [value.node]
    for _ in range(depth):
        level = [v.node for n in level if n.op not in _TAKES_SHAPE for v in n.inputs if v.node not in found]
        found.update(dict.fromkeys(level))
    return tuple(found)


FINDERS = {
    "to-reshape": Finder(to_reshape, ReshapeOptions),
    "keep-reshape": Finder(keep_reshape),
    "reshape-before-dense": Finder(reshape_before_dense),
    "fold-shape-chains": Finder(shape_chain),
}
