"""Graph to UFF."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from graphdoctor.errors import InputError
from graphdoctor.formats.uff.builder import UffBuilder
from graphdoctor.ir import Graph, TensorSpec
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.wire.uff import UffModel


def uff_from_graph(
    graph: Graph, given: Mapping[str, TensorSpec] | None = None, plugins: Collection[str] = ()
) -> UffModel:
    """Lower ``graph`` to a UFF model; the graph is left as it was.

    Weights stay as TensorFlow has them (HWIO filters), data keep their layout, and the orders of dimensions say so.

    Args:
        graph: its ``inputs`` and ``outputs`` must be set.
        given: specs that win over what input nodes say of themselves.
        plugins: ops that the device has a plugin for, besides those that look like a plugin's.

    Raises:
        InputError: the graph has no outputs, or lies on a cycle.
        UnsupportedError: some nodes cannot be lowered; all are listed.
    """
    if graph.order().cyclic:
        node = graph.order().cyclic[0]
        raise InputError("the graph has a cycle", where=node.name, remedy="graphdoctor check lists the nodes on it")
    return UffBuilder(graph, infer_shapes(graph, given), plugins).build()
