"""SSD Inception v2: as SSD MobileNet, the prior boxes by `append`, the input found by its path."""

import graphsurgeon as gs
import tensorflow as tf

Input = gs.create_node("Input", op="Placeholder", dtype=tf.float32, shape=[1, 3, 300, 300])
PriorBox = gs.create_plugin_node(
    name="PriorBox",
    op="GridAnchor_TRT",
    numLayers=6,
    minScale=0.2,
    maxScale=0.95,
    aspectRatios=[1.0, 2.0, 0.5, 3.0, 0.33],
    layerVariances=[0.1, 0.1, 0.2, 0.2],
    featureMapShapes=[19, 10, 5, 3, 2, 1],
)
NMS = gs.create_plugin_node(name="NMS", op="NMS_TRT", shareLocation=1, numClasses=91, inputOrder=[0, 2, 1])
concat_priorbox = gs.create_node(name="concat_priorbox", op="ConcatV2", dtype=tf.float32, axis=2)
concat_box_loc = gs.create_plugin_node("concat_box_loc", op="FlattenConcat_TRT")
concat_box_conf = gs.create_plugin_node("concat_box_conf", op="FlattenConcat_TRT")

namespace_plugin_map = {
    "MultipleGridAnchorGenerator": PriorBox,
    "Postprocessor": NMS,
    "Preprocessor": Input,
    "ToFloat": Input,
    "image_tensor": Input,
    "MultipleGridAnchorGenerator/Concatenate": concat_priorbox,
    "concat": concat_box_loc,
    "concat_1": concat_box_conf,
}


def preprocess(dynamic_graph):
    dynamic_graph.collapse_namespaces(namespace_plugin_map)
    outputs = dynamic_graph.graph_outputs
    dynamic_graph.remove(outputs, remove_exclusive_dependencies=False)
    dynamic_graph.find_nodes_by_op("NMS_TRT")[0].input.remove("Input")
    dynamic_graph.find_nodes_by_name("PriorBox")[0].input.insert(0, "Input")
