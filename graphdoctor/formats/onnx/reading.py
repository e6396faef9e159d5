"""What an ONNX file says of itself: inputs, outputs, ops, and the TensorFlow nodes its nodes came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphdoctor.errors import InputError
from graphdoctor.findings import TensorInfo
from graphdoctor.formats.onnx.dtypes import from_onnx_dtype
from graphdoctor.formats.onnx.serialize import require_onnx
from graphdoctor.types import Shape

_ORIGIN = "tensorflow: "


@dataclass(frozen=True, slots=True)
class OnnxSignature:
    """Inputs (without initializers) and outputs in file order; ``origins``: ONNX node name to TensorFlow nodes."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    ops: Mapping[str, int]
    origins: Mapping[str, tuple[str, ...]]
    opset: int
    producer: str


def onnx_signature(data: bytes, where: str) -> OnnxSignature:
    """Read the ONNX model in ``data``; files of external weights are not opened.

    Raises:
        InputError: the bytes are no ONNX model.
        MissingExtraError: onnx is not installed.
    """
    onnx = require_onnx()
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError) as e:
        raise _damaged(where) from e
    graph = model.graph
    constants = {_text(t.name) for t in graph.initializer}
    return OnnxSignature(
        tuple(_info(v) for v in graph.input if _text(v.name) not in constants),
        tuple(_info(v) for v in graph.output),
        dict(sorted(Counter(_text(n.op_type) for n in graph.node).items(), key=lambda kv: (-kv[1], kv[0]))),
        dict(_origins(graph)),
        max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0),
        f"{_text(model.producer_name)} {_text(model.producer_version)}".strip(),
    )


def _origins(graph: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in graph.node:
        doc = _text(node.doc_string)
        if doc.startswith(_ORIGIN):
            yield _text(node.name), tuple(doc[len(_ORIGIN) :].split())


def _text(value: str | bytes) -> str:
    """ONNX is proto2, whose strings come as bytes where they are not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _damaged(where: str) -> InputError:
    return InputError("is not a complete ONNX model", where=where, remedy="Get or export the file again")


def _info(value: Any) -> TensorInfo:
    tensor = value.type.tensor_type
    shape: Shape = None
    if tensor.HasField("shape"):
        shape = tuple(d.dim_value if d.WhichOneof("value") == "dim_value" else None for d in tensor.shape.dim)
    return TensorInfo(_text(value.name), from_onnx_dtype(tensor.elem_type), shape)
