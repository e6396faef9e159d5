"""What is read of arithmetic with a bend at zero is what it computes."""

from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.ir.text import parse_graph
from graphdoctor.match.constants import constant_of
from graphdoctor.match.piecewise import piecewise
from graphdoctor.types import Array

CONSTANTS = (
    "zero = Const float32[] 0.0\nhalf = Const float32[] 0.5\none = Const float32[] 1.0\ntwo = Const float32[] 2.0"
)


def read(lines: str) -> tuple[float, float, float] | None:
    """Slope above, slope below and factor of exp(x) - 1 below, of ``y`` as a function of ``x``."""
    graph = parse_graph(f"x = Placeholder {{dtype: float32, shape: shape[4]}}\n{CONSTANTS}\n{lines}\noutputs: y")
    found = piecewise(graph.node("y"), lambda v: None if (t := constant_of(v)) is None else t.array())
    if found is None or found.base != graph.node("x").out():
        return None
    return number(found.above.x), number(found.below.x), number(found.below.e)


def number(array: Array) -> float:
    assert array.size == 1
    return float(np.asarray(array).reshape(()))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("y = Maximum(x, zero)", (1, 0, 0)),
        ("n = Mul(half, x)\ny = Maximum(n, x)", (1, 0.5, 0)),
        ("n = Mul(two, x)\ny = Maximum(n, x)", (2, 1, 0)),
        ("n = Mul(two, x)\ny = Minimum(n, x)", (1, 2, 0)),
        ("a = Abs(x)\nb = Sub(x, a)\nr = Relu(x)\ny = Add(r, b)", (1, 2, 0)),
        ("n = Neg(x)\nr = Relu(n)\nm = Mul(half, r)\np = Relu(x)\ny = Sub(p, m)", (1, 0.5, 0)),
        ("n = Neg(x)\nr = Relu(n)\np = Relu(x)\ny = Add(p, r)", (1, -1, 0)),
        ("l = LeakyRelu(x) {alpha: 0.5}\ny = Mul(l, two)", (2, 1, 0)),
        ("c = Less(x, zero)\nn = Mul(half, x)\ny = Select(c, n, x)", (1, 0.5, 0)),
        ("c = GreaterEqual(zero, x)\nn = Mul(half, x)\ny = Select(c, n, x)", (1, 0.5, 0)),
        ("c = Greater(x, zero)\ne = Expm1(x)\ny = Select(c, x, e)", (1, 0, 1)),
        ("n = Neg(x)\nr = Relu(n)\nm = Neg(r)\ne = Exp(m)\ns = Sub(e, one)\np = Relu(x)\ny = Add(p, s)", (1, 0, 1)),
        ("e = Elu(x)\nn = Neg(e)\nr = Relu(n)\nm = Mul(half, r)\np = Relu(x)\ny = Sub(p, m)", (1, 0, 0.5)),
    ],
)
def test_it_reads(lines: str, said: tuple[float, float, float]) -> None:
    assert read(lines) == said


@pytest.mark.parametrize(
    "lines",
    [
        "y = Add(x, one)",
        "y = Maximum(x, one)",
        "t = Tanh(x)\nr = Relu(x)\ny = Add(r, t)",
        "c = Greater(x, half)\nn = Mul(half, x)\ny = Select(c, x, n)",
        "e = Exp(x)\ny = Add(e, x)",
        "m = Mul(x, two)\ne = Exp(m)\ns = Sub(e, one)\nc = Greater(x, zero)\ny = Select(c, x, s)",
        "r = Relu(x)\ny = Mul(r, r)",
        "r = Relu(x)\nd = RealDiv(one, r)\ny = Add(r, d)",
        "r = Relu(x)\ny = Add(r, one)",
    ],
)
def test_it_does_not_read(lines: str) -> None:
    assert read(lines) is None
