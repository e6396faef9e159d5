"""Ops that give what they get, and ops that give nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import input_dtype
from graphdoctor.ops.base import MANY, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.types import Array

THROUGH = frozenset(
    {"Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics", "PlaceholderWithDefault"}
)
"""Ops that give what they read first, unless they are inputs of the graph."""


def passed(ctx: OpContext) -> TensorSpec:
    """What is known of input 0, with the dtype that attribute ``T`` says."""
    spec = ctx.spec(0)
    return TensorSpec(input_dtype(ctx), spec.shape, spec.value)


class _Through(Op):
    """One input that becomes the output."""

    onnx = ()
    uff = ("Identity",)
    layout = Layout("same")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [passed(ctx)]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return [values[0]]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.inputs[0]]

    def to_uff(self, low: UffLowering) -> None:
        low.emit("Identity", [low.input()])  # only as an output of the graph: others read what is in front of it


class Identity(_Through):
    """The input, unchanged; no node in ONNX."""

    names = ("Identity", "StopGradient", "PreventGradient", "Snapshot")


class CheckNumerics(_Through):
    """The input, unless an element is not finite: then TensorFlow stops, and ONNX goes on."""

    names = ("CheckNumerics",)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return [values[0]] if np.isfinite(values[0]).all() else None


class IdentityN(Op):
    """All inputs, unchanged."""

    names = ("IdentityN",)
    arity = (1, MANY)
    types = {}
    onnx = ()

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return list(ctx.inputs)

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        return list(values)

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return list(low.inputs)


class Print(Op):
    """Input 0, after printing the others."""

    names = ("Print",)
    arity = (1, MANY)
    onnx = ()
    side_effect = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [passed(ctx)]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.inputs[0]]


class Nothing(Op):
    """Ops without outputs that are run for their effect; ONNX has none, and they vanish."""

    names = ("Assert", "PrintV2")
    arity = (1, MANY)
    types = {}
    onnx = ()
    side_effect = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return []

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return []


class NoOp(Op):
    """Holds control dependencies together."""

    names = ("NoOp",)
    arity = (0, 0)
    types = {}
    onnx = ()

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return []

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return []
