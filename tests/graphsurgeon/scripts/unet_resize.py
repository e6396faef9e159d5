"""A U-Net: every nearest-neighbour resize becomes the plugin, with the scale of its size constant."""

import graphsurgeon as gs

SIZES = {"up1": 16, "up2": 32}


def preprocess(dynamic_graph):
    for resize in dynamic_graph.find_nodes_by_op("ResizeNearestNeighbor"):
        size = dynamic_graph.find_node_inputs_by_op(resize, "Const")[0]
        height = int(gs.extract_numpy_array(size)[0])
        before = SIZES[resize.name.split("/")[0]] // 2
        resize.op = "ResizeNearest_TRT"
        for key in list(resize.attr):
            del resize.attr[key]
        gs.update_node(resize, trt_plugin=True, scale=float(height) / before)
        resize.input.remove(size.name)
        dynamic_graph.remove(size)
