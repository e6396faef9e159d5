"""TensorFlow files: GraphDef (binary and text) and SavedModel, to a graph and back."""

from __future__ import annotations

from graphdoctor.formats.tensorflow.graphdef import (
    graph_from_bytes,
    graph_from_graphdef,
    graphdef_bytes,
    graphdef_from_graph,
)
from graphdoctor.formats.tensorflow.load import Model, load_model, saved_model_file
from graphdoctor.formats.tensorflow.save import save_graph

__all__ = [
    "Model",
    "graph_from_bytes",
    "graph_from_graphdef",
    "graphdef_bytes",
    "graphdef_from_graph",
    "load_model",
    "save_graph",
    "saved_model_file",
]
