"""Ops that change a tensor's dtype."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import dtype_attr, input_dtype
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext
from graphdoctor.ops.values import as_dtype, computed
from graphdoctor.types import Array, DType, Shape

_ONNX_TYPES = frozenset(d for d in DType if d.is_integer or d.is_float or d is DType.BOOL)


class Cast(Op):
    """The input in ``DstT``: floats to integers towards zero, anything but 0 to true, float16 by way of float32."""

    names = ("Cast",)
    types = {"SrcT": 0}
    onnx = ("Cast",)
    layout = Layout("same")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        spec, dtype = ctx.spec(0), dtype_attr(ctx, "DstT")
        input_dtype(ctx, "SrcT")
        return [TensorSpec(dtype, spec.shape, _cast_partial(spec, dtype))]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        source, dtype = input_dtype(ctx, "SrcT"), dtype_attr(ctx, "DstT")
        plain = source.numpy is not None and dtype.numpy is not None
        if not plain or DType.STRING in (source, dtype) or not _is_exact(values[0], dtype):
            return None
        kinds = [np.float32, np.float16] if dtype is DType.HALF else [dtype.numpy]
        return computed(lambda: [reduce(np.ndarray.astype, kinds, values[0])])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        source, dtype = low.specs[0].dtype, low.outputs[0].dtype
        if source not in _ONNX_TYPES or dtype not in _ONNX_TYPES:
            low.fail(f"ONNX has no cast from {source.label} to {dtype.label}")
        return [as_dtype(low, low.inputs[0], source, dtype)]


def _cast_partial(spec: TensorSpec, dtype: DType) -> Array | None:
    """The value of a partly known integer tensor in another integer dtype, if all its elements fit."""
    value = spec.value
    if value is None or value.dtype != object or not dtype.is_integer or dtype.numpy is None:
        return None
    limits = np.iinfo(dtype.numpy)
    return value if all(v is None or limits.min <= v <= limits.max for v in value.reshape(-1)) else None


def _is_exact(x: Array, dtype: DType) -> bool:
    """False where C leaves the result open, as for NaN as an integer: machines differ in it."""
    if dtype.numpy is None or x.dtype.kind != "f" or not dtype.is_integer:
        return x.dtype.kind != "c" or dtype.numpy is None or dtype.numpy.kind == "c"
    limits = np.iinfo(dtype.numpy)
    with np.errstate(invalid="ignore"):
        whole = np.trunc(x.astype(np.float64))
        return bool(np.all((whole >= float(limits.min)) & (whole < float(limits.max) + (limits.bits < 64))))


class Bitcast(Op):
    """The same bytes read as another dtype; a larger one takes up the last dimension, a smaller one adds one."""

    names = ("Bitcast",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        source, dtype, shape = input_dtype(ctx), dtype_attr(ctx, "type"), ctx.spec(0).shape
        if source.numpy is None or dtype.numpy is None or shape is None:
            return [TensorSpec(dtype)]
        return [TensorSpec(dtype, _reread(shape, source.numpy.itemsize, dtype.numpy.itemsize))]


def _reread(shape: Shape, old: int, new: int) -> Shape:
    if shape is None or old == new:
        return shape
    if old > new:
        return (*shape, old // new)
    if not shape or shape[-1] not in (None, new // old):
        raise InferError(f"elements of {old} bytes do not make up elements of {new} in the last dimension")
    return shape[:-1]
