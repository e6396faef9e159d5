"""The image comes as NCHW float: uint8 input, cast and transpose give way to one Placeholder."""

import graphsurgeon as gs
import tensorflow as tf


def preprocess(dynamic_graph):
    old = dynamic_graph.graph_inputs[0]
    new = gs.create_node("data", op="Placeholder", dtype=tf.float32, shape=(None, 3, 224, 224))
    assert gs.shape(new) == (-1, 3, 224, 224)
    dynamic_graph.add(new)
    first = old
    while dynamic_graph.node_outputs[first.name][0].op in ("Cast", "Transpose", "ExpandDims"):
        first = dynamic_graph.node_outputs[first.name][0]
    for reader in dynamic_graph.node_outputs[first.name]:
        dynamic_graph.connect(new, reader)
        dynamic_graph.sort(reader.name, ["data"])
        dynamic_graph.disconnect(first, reader)
    dynamic_graph.remove(first, remove_exclusive_dependencies=True)
