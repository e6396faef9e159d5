"""A network of one's own: scopes within scopes, one kept node, one scope fed twice by the same tensor."""

import graphsurgeon as gs


def preprocess(dynamic_graph):
    head = gs.create_plugin_node("Head", op="Head_TRT", classes=10)
    inner = gs.create_plugin_node("Attention", op="Attention_TRT", heads=8, scale=0.125)
    kept = dynamic_graph.find_nodes_by_path("net/head/bias")
    dynamic_graph.collapse_namespaces({"net/head": head, "net/head/attention": inner}, exclude_nodes=kept)
    twice = gs.create_plugin_node("Norm", op="Norm_TRT")
    dynamic_graph.collapse_namespaces({"net/norm": twice}, unique_inputs=False)
