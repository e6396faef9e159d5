"""A graph of TensorFlow 1.15 for a parser that knows 1.12: ops get their old names, new attributes go."""

import graphsurgeon as gs
import tensorflow as tf

OLD = {"AddV2": "Add", "BatchMatMulV2": "BatchMatMul", "FusedBatchNormV3": "FusedBatchNorm"}
UNKNOWN = ("U", "explicit_paddings", "exponential_avg_factor")


def preprocess(dynamic_graph):
    for node in dynamic_graph.find_nodes_by_op(OLD):
        gs.update_node(node, op=OLD[node.op])
    for node in dynamic_graph.as_graph_def().node:
        for key in UNKNOWN:
            if key in node.attr:
                del node.attr[key]
        if node.op == "Const" and "dtype" not in node.attr:
            node.attr["dtype"].type = tf.float32.as_datatype_enum
