"""TensorFlow's dtypes in ONNX (TensorProto.DataType of onnx.proto3)."""

from __future__ import annotations

from graphdoctor.types import DType

_TO_ONNX = {
    DType.FLOAT: 1,
    DType.UINT8: 2,
    DType.INT8: 3,
    DType.UINT16: 4,
    DType.INT16: 5,
    DType.INT32: 6,
    DType.INT64: 7,
    DType.STRING: 8,
    DType.BOOL: 9,
    DType.HALF: 10,
    DType.DOUBLE: 11,
    DType.UINT32: 12,
    DType.UINT64: 13,
    DType.COMPLEX64: 14,
    DType.COMPLEX128: 15,
    DType.BFLOAT16: 16,
}
_FROM_ONNX = {v: k for k, v in _TO_ONNX.items()}


def onnx_dtype(dtype: DType) -> int | None:
    """ONNX's number for ``dtype``, or ``None`` where ONNX has no such type."""
    return _TO_ONNX.get(dtype)


def from_onnx_dtype(number: int) -> DType:
    """The dtype of ONNX's ``number``; INVALID if TensorFlow has none."""
    return _FROM_ONNX.get(number, DType.INVALID)
