"""A UFF file's twin in ONNX, and what TensorRT's UFF parser wants to be told."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.flows.opening import Opened
from graphdoctor.formats.onnx import OnnxModel, onnx_from_graph
from graphdoctor.formats.uff import graph_from_uff, load_uff
from graphdoctor.match.choosing import SUPPRESSION_OPS
from graphdoctor.match.layout import data_format
from graphdoctor.types import Dim

_BOXES_AND_SCORES = 2
"""The first inputs of every suppression."""
_IMAGE = 3
"""Dimensions of an image without its batch."""


def onnx_twin(path: str) -> OnnxModel:
    """What TensorRT's parser finds in the UFF file at ``path``, as ONNX: for a builder that reads no UFF.

    Raises:
        InputError: the file is damaged.
        UnsupportedError: the meaning of nodes is not known, or ONNX has no form for them.
    """
    return onnx_from_graph(graph_from_uff(load_uff(path).model))


def front_of_twin(path: str) -> OnnxModel | None:
    """The twin up to where boxes are suppressed, for a builder that has no such op; ``None`` where none are.

    Raises:
        InputError: the file is damaged.
        UnsupportedError: the meaning of nodes is not known, or ONNX has no form for them.
    """
    graph = graph_from_uff(load_uff(path).model)
    graph.outputs = tuple(dict.fromkeys(v for n in graph.by_op(*SUPPRESSION_OPS) for v in n.inputs[:_BOXES_AND_SCORES]))
    return onnx_from_graph(graph) if graph.outputs else None


def registered_inputs(opened: Opened) -> Iterator[tuple[str, tuple[Dim, ...]]]:
    """The inputs as TensorRT's parser wants them: without the batch, channels first."""
    for info in opened.inputs():
        dims = (info.shape or ())[1:]
        image = len(dims) == _IMAGE
        last = image and data_format(opened.graph, opened.graph.node(info.name).out()) == "NHWC"
        yield info.name, (dims[2], *dims[:2]) if last else dims


def registration(opened: Opened) -> Iterator[str]:
    """The calls that have to come before the parser reads the file."""
    for name, dims in registered_inputs(opened):
        shown = ", ".join("?" if d is None else str(d) for d in dims)
        yield f"parser.register_input({name!r}, ({shown}{',' * (len(dims) == 1)}))"
    for output in opened.outputs():
        yield f"parser.register_output({output.name!r})"
