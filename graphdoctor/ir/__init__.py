"""The graph: nodes, values, edit log, invariants and the compact text form. The only floor that knows networkx."""

from __future__ import annotations

from graphdoctor.ir.attrs import Attrs
from graphdoctor.ir.edits import NodeDiff, NodeState
from graphdoctor.ir.graph import Graph
from graphdoctor.ir.invariants import Broken, broken_invariants
from graphdoctor.ir.node import CONTROL_SLOT, WHY, Node, NodeRecord, Use, Value, tensor_of
from graphdoctor.ir.order import Order
from graphdoctor.ir.spec import UNKNOWN_SPEC, TensorSpec, partial_ints
from graphdoctor.ir.view import GraphView, frozen

__all__ = [
    "CONTROL_SLOT",
    "UNKNOWN_SPEC",
    "WHY",
    "Attrs",
    "Broken",
    "Graph",
    "GraphView",
    "Node",
    "NodeDiff",
    "NodeRecord",
    "NodeState",
    "Order",
    "TensorSpec",
    "Use",
    "Value",
    "broken_invariants",
    "frozen",
    "partial_ints",
    "tensor_of",
]
