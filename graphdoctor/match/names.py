"""Whether a node can take over the name of the Identity that it feeds, and what else hangs on a node's name."""

from __future__ import annotations

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.frames import FLOW_OPS
from graphdoctor.types import DType
from graphdoctor.wire.attrs import RefDType

REF_SOURCES = frozenset(
    "Variable VariableV2 TemporaryVariable Assign AssignAdd AssignSub ScatterUpdate ScatterAdd ScatterSub "
    "ScatterNdUpdate RefSwitch RefMerge RefEnter RefExit RefNextIteration RefIdentity RefSelect CountUpTo".split()
)
"""Ops whose outputs are references: an Identity behind them reads the value, and is no mere copy."""
PIVOT = "nodes wait for the branch or the loop that it marks"
_FED = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
_HANDLES = frozenset({DType.RESOURCE, DType.VARIANT})
"""Values of these are found by the name of the node that makes them, where it says no other."""


def why_no_name(graph: GraphView, node: Node, dtype: DType) -> str:
    """Why the producer cannot take over the name of the output Identity ``node`` of ``dtype``; empty if it can."""
    value = node.inputs[0]
    producer = value.node
    if producer in graph.inputs or producer.op in _FED:
        return f"{producer.name} is an input of the graph and must keep its name"
    if graph.is_output(producer):
        return f"{producer.name} is an output of the graph itself and must keep its name"
    if value.index:
        return f"it is output {value.index} of {producer.name}, and would have another name"
    if (other := reads_other_outputs(graph, producer, 1)) is not None:
        return f"{producer.name} has several outputs, and its output {other} is read by its name too"
    if dtype in _HANDLES or isinstance(node.attr("T"), RefDType):
        return f"{producer.name} is a handle, which may be known by its name"
    if marks_branch(graph, node, value):
        return PIVOT
    return why_kept(graph, node, output=True) or ""


def why_kept(graph: GraphView, node: Node, *, output: bool = False) -> str | None:
    """Why ``node`` cannot go; ``None`` if it can, empty where it goes without saying: an output, unless ``output``."""
    source = node.inputs[0].node
    if graph.is_output(node) and not output:
        return ""
    if node in graph.inputs:
        return "it is an input of the graph"
    if node.controls:
        return f"it waits for {node.controls[0].name} by control"
    if source.op in REF_SOURCES:
        return f"it reads the variable {source.name}"
    return None


def marks_branch(graph: GraphView, node: Node, root: Value) -> bool:
    """True if something waits for ``node`` by control, and with it for the branch or loop that ``root`` comes from."""
    return root.node.op in FLOW_OPS and any(u.slot < 0 for u in graph.uses(node))


def reads_other_outputs(graph: GraphView, node: Node, count: int) -> int | None:
    """The first output of ``node`` from number ``count`` on that something reads or that is an output."""
    used = [u.index for u in graph.uses(node) if u.slot >= 0 and u.index >= count]
    used += [v.index for v in graph.outputs if v.node is node and v.index >= count]
    return min(used) if used else None
