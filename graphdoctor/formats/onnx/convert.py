"""Graph to ONNX: fold, lay out NCHW, lower."""

from __future__ import annotations

from collections.abc import Mapping

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
        builder = OnnxBuilder(graph, infer_shapes(graph, given), names)
        return simplify(builder.build())
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
