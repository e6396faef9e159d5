"""The nodes of an ONNX file in order, read from the bytes without onnx.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto.graph = 7,
GraphProto.node = 1, NodeProto.output = 2, name = 3, op_type = 4).
"""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.wire.scan import LEN, fields

_MODEL_GRAPH = 7
_GRAPH_NODE = 1
_NODE_OUTPUT, _NODE_NAME, _NODE_OP = 2, 3, 4


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """A node of the main graph: its place in the file, name, operator and first output."""

    index: int
    name: str
    operator: str
    output: str

    @property
    def label(self) -> str:
        """The name NVIDIA's parser gives it: its own, or one made from its first output."""
        return self.name or f"node_of_{self.output}"


def onnx_nodes(model: bytes) -> list[OnnxNode]:
    """The nodes of the main graph. Weights are skipped, not read.

    Raises:
        WireError: the bytes are not a protobuf message.
    """
    nodes: list[OnnxNode] = []
    for graph in fields(model):
        if graph.number != _MODEL_GRAPH or graph.wire_type != LEN:
            continue
        for field in fields(model, graph.start, graph.end):
            if field.number == _GRAPH_NODE and field.wire_type == LEN:
                nodes.append(_node(model, field.start, field.end, len(nodes)))
    return nodes


def _node(model: bytes, start: int, end: int, index: int) -> OnnxNode:
    texts = {_NODE_NAME: "", _NODE_OP: "", _NODE_OUTPUT: ""}
    for field in fields(model, start, end):
        first_output = field.number == _NODE_OUTPUT and not texts[_NODE_OUTPUT]
        if field.wire_type == LEN and (field.number in (_NODE_NAME, _NODE_OP) or first_output):
            texts[field.number] = model[field.start : field.end].decode("utf-8", "replace")
    return OnnxNode(index, texts[_NODE_NAME], texts[_NODE_OP], texts[_NODE_OUTPUT])
