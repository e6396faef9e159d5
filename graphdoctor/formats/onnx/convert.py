"""Graph to ONNX: fold, lay out NCHW, lower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.formats.onnx.builder import OnnxBuilder
from graphdoctor.formats.onnx.peephole import simplify
from graphdoctor.formats.onnx.records import OnnxModel
from graphdoctor.ir import Graph, TensorSpec
from graphdoctor.passes.fold_constants import fold_constants, simplify_reshapes
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.passes.layout import to_nchw


def onnx_from_graph(graph: Graph, given: Mapping[str, TensorSpec] | None = None) -> OnnxModel:
    """Lower ``graph`` to ONNX records; the graph is left as it was.

    Inputs and outputs keep their names, dtypes and layouts (NHWC stays NHWC at the border).

    Args:
        graph: its ``inputs`` and ``outputs`` must be set.
        given: specs that win over what input nodes say of themselves.

    Raises:
        InputError: the graph has no outputs, or lies on a cycle.
        UnsupportedError: some nodes cannot be lowered; all are listed.
    """
    return _lowered(graph, given, cut=False).model


@dataclass(frozen=True, slots=True)
class PartialModel:
    """As much of a graph as can be lowered.

    Attributes:
        model: cut at the nodes that cannot be lowered; whole where ``refused`` is empty.
        refused: the name, op and reason of each of those nodes.
        left_out: the live nodes that are not in ``model``: the refused ones, and readers of them whose inputs nothing
            can stand in for.
        stand_ins: inputs of ``model`` that are values of such nodes.
    """

    model: OnnxModel
    refused: tuple[tuple[str, str, str], ...]
    left_out: frozenset[str]
    stand_ins: frozenset[str]


def partial_from_graph(
    graph: Graph, given: Mapping[str, TensorSpec] | None = None, without: Mapping[str, str] | None = None
) -> PartialModel:
    """As `onnx_from_graph`, cut where a node cannot be lowered; the graph is left as it was.

    Args:
        graph: its ``inputs`` and ``outputs`` must be set.
        given: specs that win over what input nodes say of themselves.
        without: names of nodes that are to be cut out too, each with the reason.

    Raises:
        InputError: the graph has no outputs, or lies on a cycle.
        UnsupportedError: the inputs of a node contradict its op.
    """
    builder = _lowered(graph, given, cut=True, without=without)
    refused = tuple((n.name, n.op, reason) for n, reason in builder.refused)
    read = frozenset(name for name, _ in builder.model.inputs if name in builder.stand_ins)
    return PartialModel(builder.model, refused, frozenset(n.name for n in builder.barred), read)


def _lowered(
    graph: Graph, given: Mapping[str, TensorSpec] | None, *, cut: bool, without: Mapping[str, str] | None = None
) -> OnnxBuilder:
    if not graph.outputs:
        raise InputError("the graph has no outputs to convert", remedy="Name them with --output")
    if graph.order().cyclic:
        node = graph.order().cyclic[0]
        raise InputError("the graph has a cycle", where=node.name, remedy="graphdoctor check lists the nodes on it")
    names = [v.name for v in graph.outputs]
    outputs, mark = graph.outputs, graph.mark()
    try:
        specs = infer_shapes(graph, given)
        _refuse_conflicts(graph, specs)
        simplify_reshapes(graph, specs)
        fold_constants(graph, infer_shapes(graph, given))
        to_nchw(graph, infer_shapes(graph, given))
        builder = OnnxBuilder(graph, infer_shapes(graph, given), names, cut=cut, without=without)
        builder.model = simplify(builder.build())
        return builder
    finally:
        graph.rollback(mark)
        graph.outputs = outputs


def _refuse_conflicts(graph: Graph, specs: Specs) -> None:
    """A node whose inputs contradict its op would give a file that nothing runs."""
    live = graph.live()
    for conflict in specs.conflicts:
        if conflict.node in live:
            raise UnsupportedError(
                f"the inputs of this {conflict.node.op} contradict it: {conflict.reason}",
                where=conflict.node.name,
                remedy="TensorFlow would refuse to run it too; look at the shapes given with --input",
            )
