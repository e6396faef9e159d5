"""ONNX: the only package of graphdoctor that imports onnx."""

from __future__ import annotations

from graphdoctor.formats.onnx.convert import PartialModel, onnx_from_graph, partial_from_graph
from graphdoctor.formats.onnx.reading import OnnxSignature, onnx_signature
from graphdoctor.formats.onnx.records import OPSET, Emitted, OnnxModel
from graphdoctor.formats.onnx.serialize import require_onnx, to_bytes, to_chunks
from graphdoctor.formats.onnx.text import onnx_text

__all__ = [
    "OPSET",
    "Emitted",
    "OnnxModel",
    "OnnxSignature",
    "PartialModel",
    "onnx_from_graph",
    "onnx_signature",
    "onnx_text",
    "partial_from_graph",
    "require_onnx",
    "to_bytes",
    "to_chunks",
]
