"""Leaky ReLU in both its forms: the op, and Maximum(x, alpha * x) as older exports have it."""

import graphsurgeon as gs

counter = 0


def plugin(slope):
    global counter
    counter += 1
    return gs.create_plugin_node(f"lrelu_{counter}", op="LReLU_TRT", negSlope=slope)


def preprocess(dynamic_graph):
    for node in dynamic_graph.find_nodes_by_op("LeakyRelu"):
        slope = node.attr["alpha"].f
        node.attr.clear()
        gs.update_node(node, op="LReLU_TRT", trt_plugin=True, negSlope=slope)
    for mul, maximum in dynamic_graph.find_node_chains_by_op(["Mul", "Maximum"]):
        alpha = dynamic_graph.find_node_inputs_by_name(mul, "alpha")[0]
        node = plugin(float(gs.extract_numpy_array(alpha)[0]))
        dynamic_graph.collapse_namespaces({maximum.name.rpartition("/")[0]: node})
