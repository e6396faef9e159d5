"""Smooth activations in Exp, Log, Abs and Relu, for parsers that have no more than these."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Find, Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, Step, propose
from graphdoctor.surgery.rewrites.common import become, const_step, dtype_of, lacks, with_inputs
from graphdoctor.types import DType

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
"""Of TensorFlow's kernel of Selu (relu_op_functor.h), after Klambauer et al., arXiv:1706.02515."""
_FLOATS = (DType.FLOAT, DType.HALF, DType.DOUBLE)
_ROUNDED = "the sum is rounded in another place"


class _Formula:
    """Steps that compute something of ``x``, each node under the name of the op that they replace."""

    def __init__(self, node: Node, dtype: DType) -> None:
        self.node, self.dtype = node, dtype
        self.x: Value = node.inputs[0]
        self.steps: list[Step] = []

    def number(self, word: str, value: float) -> New:
        key = f"{self.node.name}/{word}"
        self.steps.append(const_step(key, np.asarray(value, dtype=self.dtype.numpy), self.dtype))
        return New(key)

    def op(self, word: str, op: str, *inputs: Ref) -> New:
        key = f"{self.node.name}/{word}"
        self.steps.append(Make(key, op, inputs, {"T": self.dtype}))
        return New(key)

    def ends(self, op: str, inputs: Sequence[Ref]) -> None:
        self.steps += become(self.node, op, tuple(inputs), {"T": self.dtype})


def _below_zero(f: _Formula) -> New:
    """exp(min(x, 0)) - 1, without a Minimum with a constant, which old parsers refuse."""
    below = f.op("below", "Neg", f.op("relu_below", "Relu", f.op("negated", "Neg", f.x)))
    return f.op("curve", "Sub", f.op("exp", "Exp", below), f.number("one", 1.0))


def _elu(f: _Formula) -> None:
    f.ends("Add", (f.op("relu", "Relu", f.x), _below_zero(f)))


def _selu(f: _Formula) -> None:
    scaled = f.op("scaled", "Mul", _below_zero(f), f.number("alpha", SELU_SCALE * SELU_ALPHA))
    f.ends("Add", (f.op("above", "Mul", f.op("relu", "Relu", f.x), f.number("scale", SELU_SCALE)), scaled))


def _softplus(f: _Formula) -> None:
    falling = f.op("exp", "Exp", f.op("negated", "Neg", f.op("abs", "Abs", f.x)))
    f.ends("Add", (f.op("relu", "Relu", f.x), f.op("log", "Log", f.op("sum", "Add", falling, f.number("one", 1.0)))))


def _expm1(f: _Formula) -> None:
    f.ends("Sub", (f.op("exp", "Exp", f.x), f.number("one", 1.0)))


def _log1p(f: _Formula) -> None:
    f.ends("Log", (f.op("sum", "Add", f.x, f.number("one", 1.0)),))


def _erf(f: _Formula) -> None:
    """Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: within 1.5e-7 for x >= 0, and odd."""
    size = f.op("abs", "Abs", f.x)
    scaled = f.op("scaled", "Mul", size, f.number("p", 0.3275911))
    t = f.op("t", "RealDiv", f.number("one", 1.0), f.op("sum", "Add", scaled, f.number("unit", 1.0)))
    value: Ref = f.number("a5", 1.061405429)
    for i, a in zip((4, 3, 2, 1), (-1.453152027, 1.421413741, -0.284496736, 0.254829592), strict=True):
        value = f.op(f"sum{i}", "Add", f.op(f"product{i}", "Mul", value, t), f.number(f"a{i}", a))
    falling = f.op("exp", "Exp", f.op("negated", "Neg", f.op("square", "Mul", size, size)))
    rest = f.op("rest", "Mul", f.op("polynomial", "Mul", value, t), falling)
    above = f.op("above", "Sub", f.number("limit", 1.0), rest)
    sign = f.op("sign", "RealDiv", f.x, f.op("size", "Add", size, f.number("tiny", 1e-30)))
    f.ends("Mul", (sign, above))


def _softsign(f: _Formula) -> None:
    f.ends("RealDiv", (f.x, f.op("sum", "Add", f.op("abs", "Abs", f.x), f.number("one", 1.0))))


def _written_out(op: str, write: Callable[[_Formula], None], note: str, unsafe: str) -> Find:
    def find(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
        for node in with_inputs(graph, 1, op):
            if lacks(facts, node):
                yield _written(node, facts, write, note, unsafe)

    return find


def _written(node: Node, facts: Facts, write: Callable[[_Formula], None], note: str, unsafe: str) -> Proposal | Refusal:
    dtype = dtype_of(node, facts.specs.of(node.inputs[0]))
    if dtype not in _FLOATS:
        return Refusal(node, f"no constant of dtype {dtype.label} can be made")
    formula = _Formula(node, dtype)
    write(formula)
    return propose(node, *formula.steps, touches=(node.inputs[0].node,), note=note, unsafe=unsafe)


FINDERS = {
    "elu-to-exp": Finder(_written_out("Elu", _elu, "Elu -> Relu(x) + exp(min(x, 0)) - 1", _ROUNDED)),
    "selu-to-exp": Finder(
        _written_out("Selu", _selu, "Selu -> scale * (Relu(x) + alpha * (exp(min(x, 0)) - 1))", _ROUNDED)
    ),
    "softplus-to-log": Finder(
        _written_out("Softplus", _softplus, "Softplus -> Relu(x) + log(1 + exp(-|x|))", _ROUNDED)
    ),
    "expm1-to-exp": Finder(_written_out("Expm1", _expm1, "Expm1 -> exp(x) - 1", "digits are lost near zero")),
    "log1p-to-log": Finder(_written_out("Log1p", _log1p, "Log1p -> log(1 + x)", "digits are lost near zero")),
    "erf-to-exp": Finder(_written_out("Erf", _erf, "Erf -> a polynomial times exp(-x * x)", "it is off by up to 5e-7")),
    "softsign-to-division": Finder(_written_out("Softsign", _softsign, "Softsign -> x / (1 + |x|)", "")),
}
