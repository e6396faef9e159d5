"""Arithmetic of two broadcast inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.base import Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import (
    FLOATS,
    NUMBERS,
    SINGLE,
    WIDE,
    broadcast_all,
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
from graphdoctor.types import Array

Function = Callable[[Array, Array], Array]
_BOTH = Layout("same", data=(0, 1))


class Binary(Op):
    """Two inputs of one dtype, broadcast to one output of that dtype."""

    arity = (2, 2)
    layout = _BOTH

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return with_partial(self, ctx, TensorSpec(same_dtype(ctx, (0, 1)), broadcast_all(ctx.inputs)))


class Arithmetic(Binary):
    """Ops that ONNX has too."""

    names = ("Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum")
    onnx = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Cast")
    uff = ("Binary",)
    functions: ClassVar[Mapping[str, tuple[Function, str]]] = {
        "Add": (np.add, "Add"),
        "AddV2": (np.add, "Add"),
        "Sub": (np.subtract, "Sub"),
        "Mul": (np.multiply, "Mul"),
        "RealDiv": (np.divide, "Div"),
        "Maximum": (np.maximum, "Max"),
        "Minimum": (np.minimum, "Min"),
    }

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        if ctx.node.op == "RealDiv" and not ctx.dtype().is_float:
            return None  # TensorFlow has no such kernel
        function, _ = self.functions[ctx.node.op]
        return quiet(lambda: function(values[0], values[1]), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        _, name = self.functions[low.node.op]
        dtype = data_dtype(low)
        domain = FLOATS if low.node.op == "RealDiv" else WIDE if name in ("Max", "Min") else NUMBERS
        chosen = compute_dtype(low, dtype, domain, name)
        y = low.op(name, widened(low, low.inputs, dtype, chosen))
        return [narrowed(low, y, chosen, dtype)]

    def to_uff(self, low: UffLowering) -> None:
        _, name = self.functions[low.node.op]
        low.emit("Binary", [low.input(0), low.input(1)], func=name.lower())


def _truncated(x: Array, y: Array) -> Array:
    """Integer division as C does it: toward zero."""
    quotient = np.floor_divide(x, y)
    return np.where((quotient < 0) & (quotient * y != x), quotient + 1, quotient)


def _floor_mod(x: Array, y: Array) -> Array:
    """The remainder with the divisor's sign, by TensorFlow's formula."""
    if x.dtype.kind != "f":
        return np.mod(x, y)
    rest = np.fmod(x, y)
    return np.where((x < 0) == (y < 0), rest, np.fmod(rest + y, y))


class Division(Binary):
    """Division: Div and TruncateDiv drop the fraction of integers, FloorDiv rounds down."""

    names = ("Div", "TruncateDiv", "FloorDiv")
    onnx = ("Div", "Floor", "Mod", "Sub")
    uff = ("Binary",)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, y = values
        if ctx.dtype().is_float:
            floor = ctx.node.op == "FloorDiv"
            return quiet(lambda: np.floor(x / y) if floor else x / y, ctx.dtype())
        if not y.all():
            return None  # TensorFlow refuses to divide an integer by zero
        return quiet(lambda: np.floor_divide(x, y) if ctx.node.op == "FloorDiv" else _truncated(x, y), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        compute_dtype(low, data_dtype(low), NUMBERS, "Div")
        x, y = low.inputs
        if low.node.op != "FloorDiv":
            return [low.op("Div", [x, y])]
        if low.specs[0].dtype.is_float:
            return [low.op("Floor", [low.op("Div", [x, y])])]
        # ONNX divides integers toward zero; without the remainder there is nothing to round.
        return [low.op("Div", [low.op("Sub", [x, low.op("Mod", [x, y], fmod=0)]), y])]

    def to_uff(self, low: UffLowering) -> None:
        if low.node.op != "Div" or not low.specs[0].dtype.is_float:
            low.fail("UFF divides floats alone, and rounds nothing")
        low.emit("Binary", [low.input(0), low.input(1)], func="div")


class Modulo(Binary):
    """Remainders: Mod and TruncateMod with the dividend's sign, FloorMod with the divisor's."""

    names = ("FloorMod", "Mod", "TruncateMod")
    onnx = ("Mod", "Add", "Less", "Equal", "Where")

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, y = values
        if not ctx.dtype().is_float and not y.all():
            return None  # TensorFlow refuses to divide an integer by zero
        return quiet(lambda: _floor_mod(x, y) if ctx.node.op == "FloorMod" else np.fmod(x, y), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        compute_dtype(low, dtype, NUMBERS, "Mod")
        x, y = low.inputs
        if low.node.op != "FloorMod":
            return [low.op("Mod", [x, y], fmod=1)]
        if dtype.is_integer:
            return [low.op("Mod", [x, y], fmod=0)]
        zero = scalar_of(low, 0.0, dtype)
        rest = low.op("Mod", [x, y], fmod=1)
        other = low.op("Mod", [low.op("Add", [rest, y]), y], fmod=1)
        same_sign = low.op("Equal", [low.op("Less", [x, zero]), low.op("Less", [y, zero])])
        return [low.op("Where", [same_sign, rest, other])]


class Pow(Binary):
    """x to the power of y; integers wrap around, a negative integer exponent is refused by TensorFlow."""

    names = ("Pow",)
    onnx = ("Pow", "Cast")
    uff = ("Binary",)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, y = values
        if ctx.dtype().is_float:
            return rounded(np.power, values, ctx.dtype())
        return None if (y < 0).any() else quiet(lambda: np.power(x, y), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        chosen = compute_dtype(low, dtype, WIDE, "Pow")
        return [narrowed(low, low.op("Pow", widened(low, low.inputs, dtype, chosen)), chosen, dtype)]

    def to_uff(self, low: UffLowering) -> None:
        low.emit("Binary", [low.input(0), low.input(1)], func="pow")  # the old converter writes a Unary, and refuses it


class SquaredDifference(Binary):
    """(x - y) squared."""

    names = ("SquaredDifference",)
    onnx = ("Sub", "Mul")

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return quiet(lambda: np.square(np.subtract(values[0], values[1])), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        compute_dtype(low, data_dtype(low), NUMBERS, "Sub")
        difference = low.op("Sub", low.inputs)
        return [low.op("Mul", [difference, difference])]


class ZeroWins(Binary):
    """Ops that give 0 where one input is 0: DivNoNan and MulNoNan where y is, Xdivy where x is."""

    names = ("DivNoNan", "MulNoNan", "Xdivy")
    onnx = ("Div", "Mul", "Equal", "Where")

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        x, y = values
        function = np.multiply if ctx.node.op == "MulNoNan" else np.divide
        guard = x if ctx.node.op == "Xdivy" else y
        return quiet(lambda: np.where(guard == 0, np.zeros((), x.dtype), function(x, y)), ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        compute_dtype(low, dtype, FLOATS, low.node.op)
        x, y = low.inputs
        zero = scalar_of(low, 0.0, dtype)
        is_zero = low.op("Equal", [x if low.node.op == "Xdivy" else y, zero])
        result = low.op("Mul" if low.node.op == "MulNoNan" else "Div", [x, y])
        return [low.op("Where", [is_zero, zero, result])]


class Atan2(Binary):
    """The angle of the point (x, y), y given first. In ONNX, -0 counts as 0."""

    names = ("Atan2",)
    onnx = ("Div", "Atan", "Less", "Equal", "And", "Where", "Add")

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return rounded(np.arctan2, values, ctx.dtype())

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        dtype = data_dtype(low)
        compute_dtype(low, dtype, SINGLE, "Atan")
        y, x = low.inputs
        zero, pi, minus = (scalar_of(low, v, dtype) for v in (0.0, np.pi, -np.pi))
        half_turn = low.op("Where", [low.op("Less", [y, zero]), minus, pi])
        turn = low.op("Where", [low.op("Less", [x, zero]), half_turn, zero])
        angle = low.op("Add", [low.op("Atan", [low.op("Div", [y, x])]), turn])
        origin = low.op("And", [low.op("Equal", [x, zero]), low.op("Equal", [y, zero])])
        return [low.op("Where", [origin, zero, angle])]
