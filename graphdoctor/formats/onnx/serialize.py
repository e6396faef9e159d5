"""ONNX records to bytes; large constants are streamed, never all in memory twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graphdoctor import __version__
from graphdoctor.errors import MissingExtraError, UnsupportedError
from graphdoctor.formats.onnx.dtypes import onnx_dtype
from graphdoctor.formats.onnx.records import IR_VERSION, OPSET, Emitted, OnnxModel
from graphdoctor.ir import TensorSpec
from graphdoctor.types import Array, DType

_MAX_BYTES = (1 << 31) - 1
_GRAPH_FIELD = 7
_INITIALIZER_FIELD = 5


def require_onnx() -> Any:
    """The onnx package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import onnx
    except ImportError as e:
        raise MissingExtraError("onnx", "onnx", "Writing ONNX") from e
    return onnx


def to_bytes(model: OnnxModel) -> bytes:
    """The serialized ModelProto."""
    return b"".join(to_chunks(model))


def to_chunks(model: OnnxModel) -> Iterator[bytes]:
    """The serialized ModelProto in pieces, one per constant.

    A length-delimited field's size stands before its content, so sizes are computed first and each constant is
    serialized twice rather than kept.

    Raises:
        UnsupportedError: the model would be larger than protobuf's 2 GiB.
    """
    onnx = require_onnx()
    head = _head(onnx, model).SerializeToString(deterministic=True)
    graph = _graph(onnx, model).SerializeToString(deterministic=True)
    tensors = list(model.initializers.items())
    sizes = [_tensor_size(onnx, name, array) for name, array in tensors]
    total = len(graph) + sum(size + len(_key(_INITIALIZER_FIELD, size)) for size in sizes)
    if total + len(head) > _MAX_BYTES:
        raise UnsupportedError(
            f"the ONNX model would have {total:,} bytes, and protobuf stops at 2 GiB",
            remedy="Split the model, or store its weights as float16",
        )
    yield head + _key(_GRAPH_FIELD, total) + graph
    for (name, array), size in zip(tensors, sizes, strict=True):
        yield _key(_INITIALIZER_FIELD, size)
        yield _tensor(onnx, name, array).SerializeToString(deterministic=True)


def _key(field: int, size: int) -> bytes:
    """Tag and length of a length-delimited protobuf field."""
    return _varint(field << 3 | 2) + _varint(size)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _head(onnx: Any, model: OnnxModel) -> Any:
    head = onnx.ModelProto(ir_version=IR_VERSION, producer_name="graphdoctor", producer_version=__version__)
    head.opset_import.add(domain="", version=OPSET)
    return head


def _graph(onnx: Any, model: OnnxModel) -> Any:
    graph = onnx.GraphProto(name=model.name)
    for emitted in model.nodes:
        graph.node.append(_node(onnx, emitted))
    open_batch = [name for name, spec in model.inputs if spec.shape and spec.shape[0] is None]
    for name, spec in model.inputs:
        graph.input.append(_value_info(onnx, name, spec, "batch" if open_batch == [name] else ""))
    for name, spec in model.outputs:
        graph.output.append(_value_info(onnx, name, spec))
    return graph


def _node(onnx: Any, emitted: Emitted) -> Any:
    """A NodeProto; its doc_string says which TensorFlow nodes it stands for."""
    node = onnx.helper.make_node(
        emitted.op_type,
        emitted.inputs,
        emitted.outputs,
        name=emitted.name,
        doc_string="tensorflow: " + " ".join(emitted.origins),
    )
    for key in sorted(emitted.attrs):
        node.attribute.append(onnx.helper.make_attribute(key, emitted.attrs[key]))
    return node


def _value_info(onnx: Any, name: str, spec: TensorSpec, batch: str = "") -> Any:
    """Unknown dimensions get a name of their own, since one name for two says that they are equal.

    An unknown first dimension is called ``batch`` if it is given.
    """
    shape = None
    if spec.shape is not None:
        names = [batch or f"{name}_dim0", *(f"{name}_dim{k}" for k in range(1, len(spec.shape)))]
        shape = [d if d is not None else own for d, own in zip(spec.shape, names, strict=False)]
    return onnx.helper.make_tensor_value_info(name, onnx_dtype(spec.dtype) or 0, shape)


def _tensor(onnx: Any, name: str, array: Array) -> Any:
    tensor = onnx.TensorProto(name=name, data_type=onnx_dtype(DType.from_numpy(array.dtype)))
    tensor.dims.extend(array.shape)
    tensor.raw_data = np.ascontiguousarray(array).tobytes()
    return tensor


def _tensor_size(onnx: Any, name: str, array: Array) -> int:
    """Serialized size without making the payload: an empty tensor, plus the payload and its key."""
    empty = onnx.TensorProto(name=name, data_type=onnx_dtype(DType.from_numpy(array.dtype)))
    empty.dims.extend(array.shape)
    return int(empty.ByteSize()) + array.nbytes + len(_key(9, array.nbytes))
