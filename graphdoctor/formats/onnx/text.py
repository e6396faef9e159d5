"""ONNX records as text, one node a line: for people."""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.formats.onnx.records import OPSET, Emitted, OnnxModel
from graphdoctor.types import DType, dims_text


def onnx_text(model: OnnxModel) -> str:
    """The model: inputs, constants without their values, nodes with the TensorFlow nodes they stand for, outputs."""
    lines = [f"# ONNX opset {OPSET}"]
    lines += [f"input {name} {spec}" for name, spec in model.inputs]
    for name, array in model.initializers.items():
        lines.append(f"const {name} {DType.from_numpy(array.dtype).label}{dims_text(array.shape)}")
    lines += [_node(n) for n in model.nodes]
    lines += [f"output {name} {spec}" for name, spec in model.outputs]
    return "\n".join(lines) + "\n"


def _node(node: Emitted) -> str:
    attrs = ", ".join(f"{k}: {_value(v)}" for k, v in sorted(node.attrs.items()))
    text = f"{', '.join(node.outputs)} = {node.op_type}({', '.join(node.inputs)})"
    text += f" {{{attrs}}}" if attrs else ""
    return f"{text}  # {', '.join(node.origins)}"


def _value(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "[" + ", ".join(map(str, value)) + "]"
    return repr(value) if isinstance(value, str | bytes) else str(value)
