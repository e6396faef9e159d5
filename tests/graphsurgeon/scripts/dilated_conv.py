"""Dilated convolutions and the softmax over channels, as the converter itself prepares them."""

from graphsurgeon import extras


def preprocess(dynamic_graph):
    extras.process_dilated_conv(dynamic_graph)
    extras.process_softmax(dynamic_graph)
    convolutions = dynamic_graph.find_nodes_by_op("Conv2D")
    print(len(convolutions), "convolutions,", sum(len(c.input) == 5 for c in convolutions), "of them dilated")
