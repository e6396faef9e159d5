"""SSD MobileNet v2 as TensorFlow 1.15 exports it: Cast instead of ToFloat, AddV2, FusedBatchNormV3."""

import graphsurgeon as gs
import numpy as np
import tensorflow as tf

CLASSES = 4
NEW_NAMES = {"AddV2": "Add", "FusedBatchNormV3": "FusedBatchNorm"}


def plugins():
    image = gs.create_plugin_node("Input", op="Placeholder", dtype=tf.float32, shape=(1, 3, 300, 300))
    anchors = gs.create_plugin_node(
        "GridAnchor",
        op="GridAnchor_TRT",
        minSize=0.2,
        maxSize=0.95,
        aspectRatios=[1.0, 2.0, 0.5, 3.0, 0.33],
        variance=[0.1, 0.1, 0.2, 0.2],
        featureMapShapes=[19, 10, 5, 3, 2, 1],
        numLayers=6,
    )
    detections = gs.create_plugin_node(
        "NMS",
        op="NMS_TRT",
        confidenceThreshold=0.3,
        nmsThreshold=0.6,
        topK=100,
        keepTopK=100,
        numClasses=CLASSES,
        inputOrder=[1, 0, 2],
        confSigmoid=True,
        isNormalized=True,
        shareLocation=True,
        scoreConverter="SIGMOID",
    )
    locations = gs.create_plugin_node("concat_box_loc", op="FlattenConcat_TRT", axis=1, ignoreBatch=0)
    scores = gs.create_plugin_node("concat_box_conf", op="FlattenConcat_TRT", axis=1, ignoreBatch=0)
    return image, anchors, detections, locations, scores


def preprocess(graph):
    image, anchors, detections, locations, scores = plugins()
    for old, new in NEW_NAMES.items():
        for node in graph.find_nodes_by_op(old):
            gs.update_node(node, op=new)
    graph.remove(graph.find_nodes_by_op("Assert"), remove_exclusive_dependencies=True)
    graph.forward_inputs(graph.find_nodes_by_op("Identity"))
    axis = gs.create_node("concat_priorbox/axis", op="Const", dtype=tf.int32, value=np.array([2], dtype=np.int32))
    priors = gs.create_node("concat_priorbox", op="ConcatV2", inputs=["GridAnchor", axis])
    graph.collapse_namespaces(
        {
            "image_tensor": image,
            "Cast": image,
            "ToFloat": image,
            "Preprocessor": image,
            "MultipleGridAnchorGenerator": anchors,
            "Concatenate": anchors,
            "concat": locations,
            "Squeeze": locations,
            "concat_1": scores,
            "Postprocessor": detections,
        }
    )
    graph.extend([axis, priors])
    graph.find_nodes_by_path("GridAnchor")[0].input[:] = ["Input"]
    graph.node_map["NMS"].input[:] = ["concat_box_conf", "concat_box_loc", "concat_priorbox"]
    left = [n for n in graph.graph_outputs if n.name != "NMS"]
    while left:
        graph.remove(left)
        left = [n for n in graph.graph_outputs if n.name != "NMS"]
