"""Weights stored in eight bits, as TensorFlow 1's graph transforms write them, and floats that training rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import dtype_attr, input_dtype, int_attr
from graphdoctor.ops.base import InferError, Op, OpContext
from graphdoctor.ops.broadcast import quiet
from graphdoctor.types import Array, DType

_QUANTIZED = (DType.QINT8, DType.QUINT8, DType.QINT16, DType.QUINT16, DType.QINT32)


class Dequantize(Op):
    """Quantized numbers and the range they stand for, as floats. Constants are folded; there is no lowering."""

    names = ("Dequantize",)
    arity = (3, 3)
    defaults: ClassVar[Mapping[str, Any]] = {
        "mode": "MIN_COMBINED",
        "narrow_range": False,
        "axis": -1,
        "dtype": DType.FLOAT,
    }

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        if ctx.spec(0).dtype not in (*_QUANTIZED, DType.INVALID):
            raise InferError(f"Dequantize wants quantized numbers, not {ctx.spec(0).dtype.label}")
        return [TensorSpec(dtype_attr(ctx, "dtype", DType.FLOAT), ctx.spec(0).shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        data, low, high = values
        rule, stored = _RULES.get(str(ctx.attr("mode"))), ctx.dtype()
        if rule is None or int_attr(ctx, "axis") != -1 or stored not in (DType.QINT8, DType.QUINT8):
            return None
        if low.size != 1 or high.size != 1 or dtype_attr(ctx, "dtype") is not DType.FLOAT:
            return None
        shift = np.float32(128 if stored is DType.QINT8 else 0)
        limits = np.float32(low.reshape(-1)[0]), np.float32(high.reshape(-1)[0])
        return quiet(lambda: rule(data.astype(np.float32) + shift, *limits), DType.FLOAT)


class FakeQuantization(Op):
    """Floats rounded to the few levels that training for integers allows; the range is an attribute or two inputs."""

    names = ("FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
    arity = (1, 3)
    types: ClassVar[Mapping[str, int]] = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        if ctx.spec(0).dtype not in (DType.FLOAT, DType.INVALID):
            raise InferError(f"it wants float32, not {ctx.spec(0).dtype.label}")
        return [TensorSpec(DType.FLOAT, ctx.spec(0).shape)]


class QuantizeAndDequantize(Op):
    """Floats rounded to the levels of an integer type, as TF-TRT reads them."""

    names = ("QuantizeAndDequantizeV2",)
    arity = (3, 3)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(input_dtype(ctx), ctx.spec(0).shape)]


def _min_combined(steps: Array, low: np.float32, high: np.float32) -> Array:
    """255 steps from ``low`` to ``high``."""
    return np.asarray(steps * ((high - low) / np.float32(255)) + low)


def _min_first(steps: Array, low: np.float32, high: np.float32) -> Array:
    """The same steps, from ``low`` rounded to a multiple of a step, so that 0 is one of the numbers."""
    if low == high:
        return np.full(steps.shape, low)
    step = np.float32((high - low) * (256 / 255.0) / 256)
    start = np.trunc(low / step + np.copysign(np.float32(0.5), low)) * step
    return np.asarray(steps * step + start)


_RULES: Mapping[str, Callable[[Array, np.float32, np.float32], Array]] = {
    "MIN_COMBINED": _min_combined,
    "MIN_FIRST": _min_first,
}
