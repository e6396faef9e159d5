"""SSD MobileNet v1 of the Object Detection API, trained on COCO, for UFF and TensorRT's plugins."""

import graphsurgeon as gs
import tensorflow as tf

image = gs.create_plugin_node(name="Input", op="Placeholder", dtype=tf.float32, shape=[1, 3, 300, 300])
anchors = gs.create_plugin_node(
    name="GridAnchor",
    op="GridAnchor_TRT",
    minSize=0.2,
    maxSize=0.95,
    aspectRatios=[1.0, 2.0, 0.5, 3.0, 0.33],
    variance=[0.1, 0.1, 0.2, 0.2],
    featureMapShapes=[19, 10, 5, 3, 2, 1],
    numLayers=6,
)
detections = gs.create_plugin_node(
    name="NMS",
    op="NMS_TRT",
    shareLocation=1,
    varianceEncodedInTarget=0,
    backgroundLabelId=0,
    confidenceThreshold=1e-8,
    nmsThreshold=0.6,
    topK=100,
    keepTopK=100,
    numClasses=91,
    inputOrder=[0, 2, 1],
    confSigmoid=1,
    isNormalized=1,
)
priors = gs.create_node(name="concat_priorbox", op="ConcatV2", dtype=tf.float32, axis=2)
locations = gs.create_plugin_node(
    name="concat_box_loc", op="FlattenConcat_TRT", dtype=tf.float32, axis=1, ignoreBatch=0
)
scores = gs.create_plugin_node(name="concat_box_conf", op="FlattenConcat_TRT", dtype=tf.float32, axis=1, ignoreBatch=0)

namespaces = {
    "image_tensor": image,
    "Cast": image,
    "ToFloat": image,
    "Preprocessor": image,
    "MultipleGridAnchorGenerator": anchors,
    "MultipleGridAnchorGenerator/Concatenate": priors,
    "Concatenate": priors,
    "concat": locations,
    "concat_1": scores,
    "Squeeze": locations,
    "Postprocessor": detections,
}


def preprocess(dynamic_graph):
    dynamic_graph.remove(dynamic_graph.find_nodes_by_op("Assert"), remove_exclusive_dependencies=True)
    dynamic_graph.forward_inputs(dynamic_graph.find_nodes_by_op("Identity"))
    dynamic_graph.collapse_namespaces(namespaces)
    while [n.name for n in dynamic_graph.graph_outputs] != ["NMS"]:
        dynamic_graph.remove([n for n in dynamic_graph.graph_outputs if n.name != "NMS"])
    # what the detections read besides boxes, scores and anchors are sizes of the image
    nms = dynamic_graph.find_nodes_by_op("NMS_TRT")[0]
    for name in list(nms.input):
        if not name.startswith("concat_"):
            nms.input.remove(name)
    # anchors depend on the shapes of the feature maps alone, which the plugin has as a field
    anchor = dynamic_graph.find_nodes_by_op("GridAnchor_TRT")[0]
    del anchor.input[:]
    anchor.input.append("Input")
    prior = dynamic_graph.find_nodes_by_name("concat_priorbox")[0]
    prior.input[:] = ["GridAnchor"]
    dynamic_graph.remove(
        [n for n in dynamic_graph.graph_outputs if n.name != "NMS"], remove_exclusive_dependencies=True
    )
