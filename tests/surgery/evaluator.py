"""Small graphs run in numpy, branches of Switch and Merge included: what a fetch gives, and which effects it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphdoctor.ir import Graph, Node, TensorSpec, Value
from graphdoctor.ops import OpContext, find_op
from graphdoctor.types import Array, DType

DEAD = "dead"
"""The value of what does not run."""
_EFFECTS = frozenset({"Print", "Assert"})


def evaluate(graph: Graph, feeds: Mapping[str, Array]) -> dict[str, Any]:
    """Every output of ``graph``: an array, or :data:`DEAD`."""
    values: dict[Value, Any] = {}
    for node in graph.order().nodes:
        values.update(_run(node, values, feeds))
    return {v.name: values[v] for v in graph.outputs}


def effects(graph: Graph, feeds: Mapping[str, Array]) -> set[str]:
    """Names of the nodes with an effect that run when the outputs are fetched."""
    values: dict[Value, Any] = {}
    for node in graph.order().nodes:
        values.update(_run(node, values, feeds))
    wanted = graph.live()
    return {n.name for n in graph.by_op(*_EFFECTS) if n in wanted and not isinstance(values[n.out()], str)}


def _run(node: Node, values: Mapping[Value, Any], feeds: Mapping[str, Array]) -> dict[Value, Any]:
    inputs = [values[v] for v in node.inputs]
    if node.op == "Merge":  # waits for its control inputs, and runs even if they do not (TensorFlow's executor)
        alive = [(x, k) for k, x in enumerate(inputs) if not isinstance(x, str)]
        assert len(alive) < 2, f"{node.name} has two live inputs"
        x, index = alive[0] if alive else (DEAD, DEAD)
        return {node.out(): x, node.out(1): np.int32(index) if alive else DEAD}
    waits_for_dead = any(isinstance(values[c.out()], str) and _all_dead(c, values) for c in node.controls)
    if waits_for_dead or any(isinstance(x, str) for x in inputs):
        return {node.out(): DEAD, node.out(1): DEAD}
    if node.op == "Switch":
        taken = int(bool(inputs[1]))
        return {node.out(taken): inputs[0], node.out(1 - taken): DEAD}
    return {node.out(): _compute(node, inputs, feeds)}


def _all_dead(node: Node, values: Mapping[Value, Any]) -> bool:
    """True if ``node`` did not run; a Switch whose input lives did, whichever output is dead."""
    if node.op == "Switch":
        return all(isinstance(values[node.out(k)], str) for k in range(2))
    return True


def _compute(node: Node, inputs: list[Array], feeds: Mapping[str, Array]) -> Any:
    if node.op == "Placeholder":
        return feeds[node.name]
    if node.op == "Const":
        return node.attr("value").array()
    if node.op in ("NoOp", "Assert"):
        return np.float32(0)
    if node.op == "Print":
        return inputs[0]
    if node.op == "BiasAdd":
        return inputs[0] + inputs[1]
    if node.op == "MatMul":
        return inputs[0] @ (inputs[1].T if node.attr("transpose_b") else inputs[1])
    op = find_op(node.op)
    assert op is not None, node.op
    specs = tuple(TensorSpec(DType.from_numpy(x.dtype), x.shape) for x in inputs)
    folded = op.fold(OpContext(node, specs, op.defaults), inputs)
    assert folded is not None, node.op
    return folded[0]
