"""Activations: elementwise ones, and softmax over the last axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import (
    FLOATS,
    SINGLE,
    WIDE,
    compute_dtype,
    data_dtype,
    float_attr,
    narrowed,
    quiet,
    rounded,
    same_dtype,
    scalar_of,
    widened,
)
from graphdoctor.types import Array, DType

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
"""Constants of Klambauer et al., "Self-Normalizing Neural Networks", as TensorFlow's kernel has them."""

Function = Callable[[Array], Array]


class Activation(Op):
    """One input, one output of the same dtype and shape, each element by itself."""

    layout = Layout("same")
    uff = ("Activation",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(same_dtype(ctx, (0,)), ctx.spec(0).shape)]

    def to_uff(self, low: UffLowering) -> None:
        low.emit("Activation", [low.input()], func=low.node.op.lower())


class Relu(Activation):
    """max(x, 0)."""

    names = ("Relu",)
    onnx = ("Relu", "Max", "Cast")

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return quiet(lambda: np.maximum(values[0], values[0].dtype.type(0)), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        if not dtype.is_integer:
            compute_dtype(low, dtype, FLOATS, "Relu")
            return [low.op("Relu", low.inputs)]
        chosen = compute_dtype(low, dtype, WIDE, "Max")  # TensorRT has no Relu of integers
        (x,) = widened(low, low.inputs, dtype, chosen)
        return [narrowed(low, low.op("Max", [x, scalar_of(low, 0, chosen)]), chosen, dtype)]


class Relu6(Activation):
    """min(max(x, 0), 6)."""

    names = ("Relu6",)
    onnx = ("Clip", "Cast")

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        kind = values[0].dtype.type
        return quiet(lambda: np.minimum(np.maximum(values[0], kind(0)), kind(6)), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        chosen = compute_dtype(low, dtype, WIDE, "Clip")
        (x,) = widened(low, low.inputs, dtype, chosen)
        y = low.op("Clip", [x, scalar_of(low, 0, chosen), scalar_of(low, 6, chosen)])
        return [narrowed(low, y, chosen, dtype)]


class LeakyRelu(Activation):
    """x where positive, else alpha times x."""

    names = ("LeakyRelu",)
    defaults: ClassVar = {"alpha": 0.2}
    onnx = ("LeakyRelu",)
    uff = ("LeakyRelu",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        float_attr(ctx, "alpha")
        return super().infer(ctx)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return quiet(lambda: _leaky(values[0], float_attr(ctx, "alpha")), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        compute_dtype(low, data_dtype(low), FLOATS, "LeakyRelu")
        return [low.op("LeakyRelu", low.inputs, alpha=float_attr(low, "alpha"))]

    def to_uff(self, low: UffLowering) -> None:
        low.emit("LeakyRelu", [low.input()], alpha=float_attr(low, "alpha"))  # as converters after 0.6.3 write it


def _leaky(x: Array, alpha: float) -> Array:
    """A float attribute has float32's precision, whatever x has."""
    return np.where(x > 0, x, x * x.dtype.type(np.float32(alpha)))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _softplus(x: Array) -> Array:
    return np.asarray(np.logaddexp(x, 0))


def _softsign(x: Array) -> Array:
    return np.asarray(x / (1 + np.abs(x)))


class _Curve(NamedTuple):
    """A smooth activation: numpy's if folding agrees, the dtypes ONNX Runtime has it for, ONNX's attributes."""

    function: Function | None
    domain: frozenset[DType]
    attrs: Mapping[str, Any]


CURVES: Mapping[str, _Curve] = {
    # TensorFlow takes exp(x) - 1 in float32 here: near 0 no other computation gives the same digits.
    "Elu": _Curve(None, SINGLE, {"alpha": 1.0}),
    "Selu": _Curve(None, SINGLE, {"alpha": SELU_ALPHA, "gamma": SELU_SCALE}),
    "Sigmoid": _Curve(_sigmoid, FLOATS, {}),
    "Tanh": _Curve(np.tanh, FLOATS, {}),
    "Softplus": _Curve(_softplus, SINGLE, {}),
    "Softsign": _Curve(_softsign, SINGLE, {}),
}


class Curve(Activation):
    """Smooth activations, which ONNX has under the same names. Folding rounds the float64 result once."""

    names = tuple(CURVES)
    onnx = tuple(CURVES)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        function = CURVES[ctx.node.op].function
        return None if function is None else rounded(function, values, ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        curve = CURVES[low.node.op]
        compute_dtype(low, data_dtype(low), curve.domain, low.node.op)
        return [low.op(low.node.op, low.inputs, **curve.attrs)]


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _log_softmax(x: Array) -> Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


class Softmax(Op):
    """Softmax and its logarithm, over the last axis."""

    names = ("Softmax", "LogSoftmax")
    onnx = ("Softmax", "LogSoftmax")
    uff = ("Softmax",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        if ctx.spec(0).rank == 0:
            raise InferError(f"{ctx.node.op} wants at least one dimension")
        return [TensorSpec(same_dtype(ctx, (0,)), ctx.spec(0).shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        function = _softmax if ctx.node.op == "Softmax" else _log_softmax
        return rounded(function, values, ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        compute_dtype(low, data_dtype(low), FLOATS, low.node.op)
        return [low.op(low.node.op, low.inputs, axis=-1)]

    def to_uff(self, low: UffLowering) -> None:
        if low.node.op != "Softmax":
            low.fail("UFF has no LogSoftmax")
        if low.specs[0].rank not in (2, 4):
            low.fail("which axis UFF's Softmax goes over is known for two and four dimensions alone")
        low.emit("Softmax", [low.input()], axis=0, inputs_orders=["N+C"])
