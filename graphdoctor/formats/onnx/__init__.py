"""ONNX: the only package of graphdoctor that imports onnx."""

from __future__ import annotations

from graphdoctor.formats.onnx.convert import onnx_from_graph
from graphdoctor.formats.onnx.reading import OnnxSignature, onnx_signature
from graphdoctor.formats.onnx.records import OPSET, OnnxModel
from graphdoctor.formats.onnx.serialize import require_onnx, to_bytes, to_chunks
from graphdoctor.formats.onnx.text import onnx_text

__all__ = [
    "OPSET",
    "OnnxModel",
    "OnnxSignature",
    "onnx_from_graph",
    "onnx_signature",
    "onnx_text",
    "require_onnx",
    "to_bytes",
    "to_chunks",
]
