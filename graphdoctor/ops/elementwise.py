"""Ops of one input that compute each element by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import (
    FLOATS,
    NUMBERS,
    SINGLE,
    compute_dtype,
    data_dtype,
    narrowed,
    quiet,
    rounded,
    same_dtype,
    scalar_of,
    widened,
    with_partial,
)
from graphdoctor.types import Array, DType

Function = Callable[..., Array]


class Unary(Op):
    """One input, one output of the same dtype and shape."""

    layout = Layout("same")
    uff = ("Unary",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return with_partial(self, ctx, TensorSpec(same_dtype(ctx, (0,)), ctx.spec(0).shape))

    def to_uff(self, low: UffLowering) -> None:
        function = low.node.op.lower()
        if function not in UFF_FUNCTIONS:
            low.fail(f"UFF's Unary has no {function}")
        low.emit("Unary", [low.input()], func=function)


UFF_FUNCTIONS = frozenset(
    "neg exp log abs sqrt rsqrt square sin cos tan sinh cosh asin acos atan asinh acosh atanh ceil floor".split()
)
"""The functions of UFF's Unary, as the checker of NVIDIA's converter 0.6.3 takes them."""


def _square(x: Array) -> Array:
    return x * x


EXACT: Mapping[str, Function] = {
    "Abs": np.abs,
    "Neg": np.negative,
    "Square": _square,
    "Sqrt": np.sqrt,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Sign": np.sign,
}
"""TensorFlow op to the numpy function that gives the same bits."""


class Exact(Unary):
    """Ops whose result has one right value, which numpy gives too."""

    names = tuple(EXACT)
    onnx = ("Abs", "Neg", "Mul", "Sqrt", "Floor", "Ceil", "Sign", "Cast")
    domains: ClassVar[Mapping[str, frozenset[DType]]] = {
        "Abs": NUMBERS,
        "Neg": FLOATS | {DType.INT8, DType.INT16, DType.INT32, DType.INT64},
        "Square": NUMBERS,
        "Sqrt": FLOATS,
        "Floor": FLOATS,
        "Ceil": FLOATS,
        "Sign": NUMBERS,
    }

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return quiet(lambda: EXACT[ctx.node.op](values[0]), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        kind, dtype = low.node.op, data_dtype(low)
        chosen = compute_dtype(low, dtype, self.domains[kind], kind)
        (x,) = widened(low, low.inputs, dtype, chosen)
        y = low.op("Mul", [x, x]) if kind == "Square" else low.op(kind, [x])
        return [narrowed(low, y, chosen, dtype)]


class Round(Unary):
    """Round, half to even. Of integers, TensorFlow 1 gives the integer and TensorFlow 2.21 gives 0."""

    names = ("Round", "Rint")
    onnx = ("Round",)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return quiet(lambda: np.rint(values[0]), ctx.dtype()) if ctx.dtype().is_float else None

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        if dtype.is_integer:
            low.fail("TensorFlow's releases disagree on what rounding an integer gives")
        compute_dtype(low, dtype, FLOATS, "Round")
        return [low.op("Round", low.inputs)]


class _Smooth(NamedTuple):
    """A smooth function: numpy's, ONNX's, and the dtypes ONNX Runtime has it for."""

    function: Function
    onnx: str
    domain: frozenset[DType]


def _erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x))


SMOOTH: Mapping[str, _Smooth] = {
    "Exp": _Smooth(np.exp, "Exp", FLOATS),
    "Log": _Smooth(np.log, "Log", FLOATS),
    "Sin": _Smooth(np.sin, "Sin", FLOATS),
    "Cos": _Smooth(np.cos, "Cos", FLOATS),
    "Tan": _Smooth(np.tan, "Tan", SINGLE),
    "Asin": _Smooth(np.arcsin, "Asin", SINGLE),
    "Acos": _Smooth(np.arccos, "Acos", SINGLE),
    "Atan": _Smooth(np.arctan, "Atan", SINGLE),
    "Sinh": _Smooth(np.sinh, "Sinh", SINGLE),
    "Cosh": _Smooth(np.cosh, "Cosh", SINGLE),
    "Asinh": _Smooth(np.arcsinh, "Asinh", SINGLE),
    "Acosh": _Smooth(np.arccosh, "Acosh", SINGLE),
    "Atanh": _Smooth(np.arctanh, "Atanh", SINGLE),
    "Erf": _Smooth(_erf, "Erf", SINGLE),
    "Reciprocal": _Smooth(np.reciprocal, "Reciprocal", FLOATS),
    "Inv": _Smooth(np.reciprocal, "Reciprocal", FLOATS),
}


class Smooth(Unary):
    """Functions that ONNX has under a name of its own. Folding rounds the float64 result once."""

    names = tuple(SMOOTH)
    onnx = tuple(sorted({s.onnx for s in SMOOTH.values()}))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return rounded(SMOOTH[ctx.node.op].function, values, ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        smooth = SMOOTH[low.node.op]
        compute_dtype(low, data_dtype(low), smooth.domain, smooth.onnx)
        return [low.op(smooth.onnx, low.inputs)]


def _rsqrt(x: Array) -> Array:
    return np.asarray(1.0 / np.sqrt(x))


def _erfc(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erfc, otypes=[np.float64])(x))


class Composed(Unary):
    """Functions that ONNX writes with two nodes.

    Near 0, Log1p and Expm1 lose relative precision in ONNX (never more than one unit of 1.0 in absolute terms).
    """

    names = ("Rsqrt", "Log1p", "Expm1", "Erfc")
    onnx = ("Sqrt", "Reciprocal", "Add", "Log", "Exp", "Sub", "Erf")
    functions: ClassVar[Mapping[str, Function]] = {
        "Rsqrt": _rsqrt,
        "Log1p": np.log1p,
        "Expm1": np.expm1,
        "Erfc": _erfc,
    }

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return rounded(self.functions[ctx.node.op], values, ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        kind, x, dtype = low.node.op, low.inputs[0], data_dtype(low)
        compute_dtype(low, dtype, SINGLE if kind == "Erfc" else FLOATS, kind)
        if kind == "Rsqrt":
            return [low.op("Reciprocal", [low.op("Sqrt", [x])])]
        one = scalar_of(low, 1.0, dtype)
        if kind == "Log1p":
            return [low.op("Log", [low.op("Add", [x, one])])]
        if kind == "Expm1":
            return [low.op("Sub", [low.op("Exp", [x]), one])]
        return [low.op("Sub", [one, low.op("Erf", [x])])]


class LogicalNot(Op):
    """Not of a boolean tensor."""

    names = ("LogicalNot",)
    types: ClassVar[Mapping[str, int]] = {}
    onnx = ("Not",)
    layout = Layout("same")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        if ctx.spec(0).dtype not in (DType.BOOL, DType.INVALID):
            raise InferError(f"LogicalNot wants bool, not {ctx.spec(0).dtype.label}")
        return with_partial(self, ctx, TensorSpec(DType.BOOL, ctx.spec(0).shape))

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return quiet(lambda: np.logical_not(values[0]), DType.BOOL)

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.op("Not", low.inputs)]


class FloatTest(Op):
    """IsNan, IsInf and IsFinite: float to bool."""

    names = ("IsNan", "IsInf", "IsFinite")
    onnx = ("IsNaN", "IsInf", "Or", "Not", "Cast")
    layout = Layout("same")
    functions: ClassVar[Mapping[str, Function]] = {"IsNan": np.isnan, "IsInf": np.isinf, "IsFinite": np.isfinite}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(DType.BOOL, ctx.spec(0).shape)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return quiet(lambda: self.functions[ctx.node.op](values[0]), DType.BOOL)

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        chosen = compute_dtype(low, dtype, frozenset((DType.FLOAT, DType.DOUBLE)), low.node.op)
        x = widened(low, low.inputs, dtype, chosen)
        if low.node.op == "IsNan":
            return [low.op("IsNaN", x)]
        infinite = low.op("IsInf", x)
        if low.node.op == "IsInf":
            return [infinite]
        return [low.op("Not", [low.op("Or", [low.op("IsNaN", x), infinite])])]
