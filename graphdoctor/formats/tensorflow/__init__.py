"""TensorFlow files: GraphDef (binary and text) and SavedModel, to a graph and back."""

from __future__ import annotations

from graphdoctor.formats.tensorflow.graphdef import (
    graph_from_bytes,
    graph_from_graphdef,
    graphdef_bytes,
    graphdef_from_graph,
)
from graphdoctor.formats.tensorflow.load import Model, RawModel, load_model, model_of, read_raw
from graphdoctor.formats.tensorflow.save import save_graph

__all__ = [
    "Model",
    "RawModel",
    "graph_from_bytes",
    "graph_from_graphdef",
    "graphdef_bytes",
    "graphdef_from_graph",
    "load_model",
    "model_of",
    "read_raw",
    "save_graph",
]
