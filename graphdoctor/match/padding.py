"""Pad in front of a convolution or pooling, the one place where the UFF parser takes it."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import small_constant, uses_through
from graphdoctor.match.results import NoMatch
from graphdoctor.types import Array
from graphdoctor.words import plural

PADDED_OPS = frozenset({"Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool"})
"""Ops that take over the padding in front of them (TensorRT 3 user guide, as quoted in the UFF op list)."""
_BETWEEN = frozenset({"Identity"})


@dataclass(frozen=True, slots=True)
class PadMatch:
    """A Pad whose only reader is a convolution or pooling, directly or through Identity.

    Attributes:
        pad: the Pad node.
        input: what is padded.
        output: what the consumer reads: the Pad's output, or that of the last Identity.
        consumer: the convolution or pooling; reads ``output`` at input 0.
        paddings: [rank, 2], before and behind each dimension; ``None`` where it is not constant.
    """

    pad: Node
    input: Value
    output: Value
    consumer: Node
    paddings: Array | None


def pad_before(graph: GraphView, node: Node) -> PadMatch | NoMatch:
    """``node`` as a Pad that only a convolution or pooling reads."""
    if node.op != "Pad" or len(node.inputs) != 2:
        return NoMatch(f"{node.op} is no Pad", node.name)
    readers = list(uses_through(graph, node.out(), _BETWEEN))
    if not readers or any(v.node is node for v in graph.outputs):
        return NoMatch("it is an output of the graph", node.name)
    if len(readers) > 1:
        return NoMatch(plural(len(readers), "node reads it", "nodes read it"), node.name)
    consumer, slot = readers[0]
    if consumer.op not in PADDED_OPS or slot != 0:
        return NoMatch(f"{consumer.op} reads it", consumer.name)
    between = consumer.inputs[0].node
    while between is not node:
        if graph.is_output(between):
            return NoMatch("it is an output of the graph", between.name)
        between = between.inputs[0].node
    paddings = small_constant(node.inputs[1])
    return PadMatch(node, node.inputs[0], consumer.inputs[0], consumer, paddings)
