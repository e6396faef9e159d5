"""Variables that freezing made constants of, and the nodes that still want their handles."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, New, Proposal, Refusal, SetAttr, Step, propose
from graphdoctor.surgery.rewrites.common import become, const_step
from graphdoctor.types import DType

_CARRIERS = ("Identity", "Switch", "Enter")
"""Ops that give a handle on, and give a value on as well."""


def read_constants(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """ReadVariableOp of a constant as Identity, ResourceGather of one as GatherV2."""
    for node in graph.by_op("ReadVariableOp", "ResourceGather"):
        if len(node.inputs) == (1 if node.op == "ReadVariableOp" else 2):
            found = _read(node)
            if found is not None:
                yield found


def _read(node: Node) -> Proposal | Refusal | None:
    const, carriers = _source(node.inputs[0])
    if const is None:
        return None
    held, wanted = const.attr("dtype"), node.attr("dtype")
    if not isinstance(held, DType) or held in (DType.RESOURCE, DType.INVALID):
        return Refusal(node, f"{const.name} is the handle itself")
    if wanted is not held:
        said = wanted.label if isinstance(wanted, DType) else "no dtype"
        return Refusal(node, f"it reads {said}, and {const.name} holds {held.label}")
    steps: list[Step] = [SetAttr(c, "T", held) for c in carriers if c.attr("T") is DType.RESOURCE]
    if node.op == "ReadVariableOp":
        steps += become(node, "Identity", node.inputs, {"T": held})
    elif node.attr("batch_dims", 0):
        return Refusal(node, "it gathers item by item")
    else:
        axis, indices = f"{node.name}/axis", node.attr("Tindices")
        steps.append(const_step(axis, np.asarray(0, np.int32)))
        types = {"Tparams": held, "Tindices": indices if isinstance(indices, DType) else DType.INT32}
        steps += become(node, "GatherV2", (*node.inputs, New(axis)), {**types, "Taxis": DType.INT32})
    note = f"{node.op} of the constant {const.name}"
    return propose(node, *steps, touches=(const, *carriers), note=note)


def _source(value: Value) -> tuple[Node | None, tuple[Node, ...]]:
    """The constant that comes where a handle is wanted, and the nodes that give it on; ``None`` if it is none."""
    carriers: dict[Node, None] = {}
    node = value.node
    while node.op in _CARRIERS and node.inputs and node not in carriers:
        carriers[node] = None
        node = node.inputs[0].node
    return (node if node.op == "Const" else None), tuple(carriers)


FINDERS = {"read-constants": Finder(read_constants)}
