"""The two clean-ups that the UFF converter runs over every graph."""

from __future__ import annotations

from graphdoctor.graphsurgeon.dynamic_graph import DynamicGraph
from graphdoctor.graphsurgeon.index import base_name

__all__ = ["process_dilated_conv", "process_softmax"]

_DILATED = ["SpaceToBatchND", "Conv2D", "BatchToSpaceND"]
_SOFTMAX = ["Sub", "Pack", "Slice", "ConcatV2", "Reshape", "Softmax", "Reshape"]


def process_dilated_conv(graph: DynamicGraph) -> DynamicGraph:
    """SpaceToBatchND, Conv2D, BatchToSpaceND become a Conv2D of (data, block shape, paddings, crops, kernel).

    What the two others read and nobody else does goes.
    """
    for chain in graph.find_node_chains_by_op(_DILATED):
        last = chain[-1]
        conv = graph.node_map[base_name(last.input[0])]
        first = graph.node_map[base_name(conv.input[0])]
        before = list(last.input)
        crops, others = before[2], [r for r in before[1:] if r != before[2]]
        last.input[:] = before[:1]
        first.input.append(crops)
        graph.forward_inputs([first, last])
        _remove_unread(graph, others)
    return graph


def process_softmax(graph: DynamicGraph) -> DynamicGraph:
    """TensorFlow 1's softmax over more than two dimensions (reshaped to two and back) becomes Softmax(x, axis).

    The axis is the constant along which the flattened shape was put together. What only the reshaping read goes.
    """
    for chain in graph.find_node_chains_by_op(_SOFTMAX):
        last = chain[-1]
        softmax = graph.node_map[base_name(last.input[0])]
        first = graph.node_map[base_name(softmax.input[0])]
        concat = graph.node_map[base_name(first.input[1])]
        gone = [last.input[1], first.input[1]]
        softmax.input[:] = [first.input[0], concat.input[-1]]
        first.input[:] = first.input[:1]
        last.input[:] = last.input[:1]
        graph.forward_inputs([last])
        graph.remove([n for n in (first,) if _is_unread(graph, n.name)])
        _remove_unread(graph, gone)
    return graph


def _remove_unread(graph: DynamicGraph, references: list[str]) -> None:
    """Remove what ``references`` name where nobody reads it, with what only it read."""
    names = dict.fromkeys(map(base_name, references))
    graph.remove([n for n in names if n in graph and _is_unread(graph, n)], remove_exclusive_dependencies=True)


def _is_unread(graph: DynamicGraph, name: str) -> bool:
    return not graph.node_outputs.get(name)
