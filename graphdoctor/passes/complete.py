"""Type and count attributes that nodes made by hand leave out."""

from __future__ import annotations

from collections.abc import Iterable

from graphdoctor.ir import Graph, Node
from graphdoctor.ops import find_op
from graphdoctor.ops.base import Op
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.types import DType


def complete_attrs(graph: Graph, nodes: Iterable[Node] | None = None, specs: Specs | None = None) -> Specs:
    """Give ``nodes`` (default: all) the type attributes (``T``) and counts (``N``) they lack; returns the specs used.

    TensorFlow wants them in every NodeDef; graphs in text form and rewrites leave them out.
    """
    specs = specs or infer_shapes(graph)
    for node in list(nodes if nodes is not None else graph):
        op = find_op(node.op)
        if op is not None:
            _complete(graph, node, op, specs)
    return specs


def _complete(graph: Graph, node: Node, op: Op, specs: Specs) -> None:
    if op.count is not None and op.count[0] not in node.attrs:
        graph.set_attr(node, op.count[0], len(node.inputs) - op.count[1])
    for key, slot in op.types.items():
        if key in node.attrs or slot >= len(node.inputs):
            continue
        dtype = specs.of(node.inputs[slot]).dtype
        if dtype is not DType.INVALID:
            graph.set_attr(node, key, dtype)
