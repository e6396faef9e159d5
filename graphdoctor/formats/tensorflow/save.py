"""A graph to a .pb or .pbtxt file."""

from __future__ import annotations

from pathlib import Path

from graphdoctor.formats.readfile import atomic_write
from graphdoctor.formats.tensorflow.graphdef import graphdef_chunks, graphdef_from_graph
from graphdoctor.ir import Graph
from graphdoctor.wire.tensorflow import graph_text


def save_graph(graph: Graph, path: str) -> None:
    """Write ``graph`` to ``path``: text if it ends in .pbtxt, else binary. The file is complete or absent.

    Raises:
        InputError: it cannot be written, and why.
    """
    if Path(path).suffix in (".pbtxt", ".prototxt"):
        atomic_write(path, graph_text(graphdef_from_graph(graph)).encode())
    else:
        atomic_write(path, graphdef_chunks(graph))
