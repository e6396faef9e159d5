"""Faster R-CNN: Proposal and CropAndResize as plugins, dropout taken out, the head's reshape flattened."""

import graphsurgeon as gs
import tensorflow as tf


def collapsed(graph):
    proposal = gs.create_plugin_node(
        "proposal",
        op="Proposal",
        input_height=272,
        input_width=480,
        rpn_stride=16,
        roi_min_size=1.0,
        nms_iou_threshold=0.7,
        pre_nms_top_n=6000,
        post_nms_top_n=300,
        anchor_sizes=[32.0, 64.0, 128.0],
        anchor_ratios=[1.0, 0.5, 2.0],
    )
    crop = gs.create_plugin_node("roi_pooling_conv_1/CropAndResize_new", op="CropAndResize")
    gs.update_node(crop, trt_plugin=True, crop_height=7, crop_width=7)
    graph.collapse_namespaces({"proposal": proposal, "roi_pooling_conv_1": crop})


def preprocess(dynamic_graph):
    collapsed(dynamic_graph)
    dropout = dynamic_graph.find_nodes_by_path("dropout_1/.*")
    last = [n for n in dropout if n.name.endswith("/mul_1")]
    dynamic_graph.remove([n for n in dropout if n not in last], remove_exclusive_dependencies=True)
    dynamic_graph.forward_inputs(last)
    for node in dynamic_graph.find_nodes_by_op(["Reshape", "Flatten"]):
        gs.update_node(node, name="dense_flatten", op="Flatten", T=tf.float32)
        for reader in dynamic_graph.find_nodes_by_op("MatMul"):
            reader.input[0] = "dense_flatten"
        del node.input[1:]
    unused = [n for n in dynamic_graph if n.op == "Const" and not dynamic_graph.node_outputs[n.name]]
    dynamic_graph.remove(unused)
