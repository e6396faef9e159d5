"""A Keras Mask R-CNN: its layers in Python become plugins, its time-distributed layers lose their reshapes."""

import graphsurgeon as gs
import tensorflow as tf

INPUT = gs.create_node("input_image", op="Placeholder", dtype=tf.float32, shape=[None, 3, 1024, 1024])
FPN = ["fpn_p2", "fpn_p3", "fpn_p4", "fpn_p5"]
ROI = gs.create_plugin_node("ROI", op="ProposalLayer_TRT", prenms_topk=1024, keep_topk=1000, iou_threshold=0.7)
ALIGN = gs.create_plugin_node("roi_align_classifier", op="PyramidROIAlign_TRT", pooled_size=7)
ALIGN_MASK = gs.create_plugin_node("roi_align_mask", op="PyramidROIAlign_TRT", pooled_size=14)
DETECTION = gs.create_plugin_node(
    "mrcnn_detection", op="DetectionLayer_TRT", num_classes=81, keep_topk=100, score_threshold=0.7, iou_threshold=0.3
)
SLICE = gs.create_plugin_node("mrcnn_detection_bboxes", op="SpecialSlice_TRT")

LAYERS = {
    "input_image": INPUT,
    "ROI": ROI,
    "roi_align_classifier": ALIGN,
    "roi_align_mask": ALIGN_MASK,
    "mrcnn_detection": DETECTION,
    "mrcnn_detection_bboxes": SLICE,
}
TIME_DISTRIBUTED = ["mrcnn_class_conv1", "mrcnn_mask_conv1"]


def forward_reshapes(graph):
    for layer in TIME_DISTRIBUTED:
        reshapes = graph.find_nodes_by_path([layer + "/Reshape", layer + "/Reshape_1"])
        for reshape in reshapes:
            graph.remove(graph.find_node_inputs_by_name(reshape, "shape"), remove_exclusive_dependencies=True)
        graph.forward_inputs(reshapes)


def preprocess(dynamic_graph):
    forward_reshapes(dynamic_graph)
    dynamic_graph.collapse_namespaces(LAYERS)
    for plugin in (ALIGN, ALIGN_MASK):
        dynamic_graph.sort(plugin.name, [dynamic_graph.node_map[name] for name in FPN])
    dynamic_graph.disconnect("input_image", "mrcnn_detection")
