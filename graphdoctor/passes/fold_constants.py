"""Constants computed ahead: constant subgraphs, and shape arithmetic that inference has resolved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphdoctor.ir import Graph, Node, TensorSpec, Value, tensor_of
from graphdoctor.ops import find_op
from graphdoctor.ops.reshape import settled_dims
from graphdoctor.passes.infer_shapes import Specs, context, infer_shapes
from graphdoctor.types import Array, DType, element_count
from graphdoctor.wire.tensors import Tensor, TensorError

FOLD_LIMIT = 1 << 26
"""Largest number of elements a folded constant, and what it is computed from, may have."""
_SOURCES = frozenset({"Const", "Placeholder", "PlaceholderWithDefault"})


@dataclass(frozen=True, slots=True)
class Folded:
    """A node whose only read output is constant, and the constant."""

    node: Node
    tensor: Tensor


def constant_tensor(value: Value) -> Tensor | None:
    """The constant that ``value`` is, directly or through Identity; of any size."""
    node, seen = value.node, 0
    while node.op in ("Identity", "StopGradient", "Snapshot") and node.inputs and seen < 1000:
        node, seen = node.inputs[0].node, seen + 1
    return tensor_of(node)


def find_foldable(graph: Graph, specs: Specs | None = None) -> Iterator[Folded]:
    """Nodes that can be replaced by a constant, producers first.

    Only nodes whose outputs beyond the first are unread are found; nodes with side effects, random ones and nodes
    with control inputs are left alone.
    """
    specs = specs or infer_shapes(graph)
    known: dict[Value, Array] = {}
    for node in graph.order().nodes:
        result = _fold(graph, node, specs, known)
        if result is not None:
            known[node.out()] = result
            yield Folded(node, Tensor.from_array(result, specs.output(node).dtype))


def fold_constants(graph: Graph, specs: Specs | None = None) -> int:
    """Replace every foldable node by a ``Const`` of its name; returns how many."""
    found = list(find_foldable(graph, specs))
    for folded in found:
        make_constant(graph, folded.node, folded.tensor)
    return len(found)


def make_constant(graph: Graph, node: Node, tensor: Tensor) -> None:
    """Turn ``node`` into a Const with the value ``tensor``, keeping its name."""
    graph.set_inputs(node, (), ())
    graph.drop_attrs(node, *node.attrs)
    graph.set_op(node, "Const")
    graph.set_attr(node, "dtype", tensor.dtype)
    graph.set_attr(node, "value", tensor)


def _fold(graph: Graph, node: Node, specs: Specs, known: dict[Value, Array]) -> Array | None:
    op = find_op(node.op)
    if op is None or op.stateful or op.side_effect or node.op in _SOURCES or node.controls:
        return None
    if any(u.index > 0 for u in graph.uses(node)) or not _numeric(specs.output(node)):
        return None
    inferred = specs.output(node).constant
    if inferred is not None:
        return inferred
    values = _input_values(node, known)
    if values is None or (element_count(specs.output(node).shape) or 0) > FOLD_LIMIT:
        return None
    if any(value.size > FOLD_LIMIT for value in values):
        return None
    folded = op.fold(context(node, op, specs), values)
    return folded[0] if folded and folded[0].size <= FOLD_LIMIT else None


def _numeric(spec: TensorSpec) -> bool:
    return spec.dtype.numpy is not None and spec.dtype is not DType.STRING


def _input_values(node: Node, known: dict[Value, Array]) -> Sequence[Array] | None:
    """The whole values of all inputs, or ``None`` if one is not constant or there are none."""
    found = []
    for value in node.inputs:
        array = known.get(value)
        if array is None:
            array = _constant_array(value)
            if array is None:
                return None
        found.append(array)
    return found or None


def _constant_array(value: Value) -> Array | None:
    """The constant at ``value``; ``None`` for what is none, is damaged, or is too large to compute with."""
    tensor = constant_tensor(value)
    try:
        if tensor is None or not _numeric(TensorSpec(tensor.dtype)) or tensor.element_count > FOLD_LIMIT:
            return None
        return tensor.array()
    except TensorError:
        return None  # a rule reports the constant; folding has no opinion of it


def reshape_constant(node: Node, specs: Specs) -> Array | None:
    """The constant shape a Reshape may use although one element of its shape input (the batch) is unknown.

    With all but one dimension known and non-zero, the unknown one follows from the number of elements: it is -1. A -1
    beside an unknown batch is settled by the shape of the result, where inference tells it.
    """
    if node.op != "Reshape" or len(node.inputs) != 2 or node.inputs[1].node.op == "Const":
        return None
    spec = specs.of(node.inputs[1])
    wanted, kind = spec.ints(), spec.dtype.numpy or np.dtype(np.int32)
    if wanted is None or None not in wanted or any(i is not None and i < -1 for i in wanted):
        return None
    dims = settled_dims(wanted, specs.output(node).shape)
    if dims is None or any(d > np.iinfo(kind).max for d in dims):
        return None
    return np.asarray(dims, dtype=kind)


def simplify_reshapes(graph: Graph, specs: Specs) -> int:
    """Give every Reshape whose shape is known but for the batch a constant shape; returns how many."""
    count = 0
    for node in graph.by_op("Reshape"):
        shape = reshape_constant(node, specs)
        if shape is not None:
            const = graph.add(
                "Const",
                f"{node.name}/shape_const",
                attrs={"dtype": DType.from_numpy(shape.dtype), "value": Tensor.from_array(shape)},
                origins=node.inputs[1].node.origins,
            )
            graph.set_input(node, 1, const.out())
            count += 1
    return count
