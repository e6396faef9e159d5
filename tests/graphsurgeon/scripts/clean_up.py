"""What training left behind: identities, guards, stopped gradients, prints, dropout, control inputs."""

import graphsurgeon as gs

FORWARDED = ("Identity", "StopGradient", "CheckNumerics", "Snapshot")


def preprocess(dynamic_graph):
    dynamic_graph.remove(dynamic_graph.find_nodes_by_op({"Assert", "Print", "NoOp"}), True)
    for node in dynamic_graph:
        for name in [i for i in node.input if i.startswith("^")]:
            node.input.remove(name)
    dynamic_graph.forward_inputs([n for n in dynamic_graph if n.op in FORWARDED])
    gs.remove_duplicates(dynamic_graph)
    for dropout in dynamic_graph.find_nodes_by_name("dropout.*"):
        dynamic_graph.remove(dropout.input[1], remove_exclusive_dependencies=True)
        dynamic_graph.forward_inputs(dropout)
