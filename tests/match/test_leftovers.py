"""Dropout and the learning phase."""

from __future__ import annotations

import pytest

from graphdoctor.ir.text import parse_graph
from graphdoctor.match import (
    DropoutMatch,
    LearningPhaseMatch,
    NoMatch,
    dropout,
    dropouts,
    learning_phase,
    learning_phases,
)

HEAD = """
x      = Placeholder {dtype: float32, shape: shape[1,8]}
shape  = Const int32[2] [1, 8]
rate   = Const float32[] 0.5
two    = Const float32[] 2.0
zero   = Const float32[] 0.0
random = RandomUniform(shape) {dtype: float32}
"""
FORMS = {
    "TensorFlow 1": """
div   = RealDiv(x, rate)
min   = Const float32[] 0.0
sub   = Sub(two, min)
mul   = Mul(random, sub)
unif  = Add(mul, min)
add   = Add(rate, unif)
floor = Floor(add)
y     = Mul(div, floor)
""",
    "TensorFlow 1, mask first": """
div   = RealDiv(x, rate)
add   = Add(random, rate)
floor = Floor(add)
y     = Mul(floor, div)
""",
    "TensorFlow 1.13": """
div  = RealDiv(x, rate)
ge   = GreaterEqual(random, rate)
cast = Cast(ge) {SrcT: bool, DstT: float32}
y    = Mul(div, cast)
""",
    "TensorFlow 2": "mul = Mul(x, two)\nge = GreaterEqual(random, rate)\ny = SelectV2(ge, mul, zero)",
    "TensorFlow 2, cast": """
mul  = Mul(two, x)
ge   = GreaterEqual(random, rate)
cast = Cast(ge) {SrcT: bool, DstT: float32}
y    = Mul(mul, cast)
""",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_dropout(form: str) -> None:
    graph = parse_graph(f"{HEAD}{form}\noutputs: y")
    (found,) = dropouts(graph)
    assert found.input.name == "x"
    assert found.output.name == "y"
    assert found.random.name == "random"
    assert found.keep is not None
    assert found.keep.name in ("rate", "two")
    assert {"random", "y"} <= {n.name for n in found.interior}
    assert not {"x", "rate", "two"} & {n.name for n in found.interior}


def test_keep_prob_from_a_placeholder() -> None:
    text = HEAD.replace("rate   = Const float32[] 0.5", "rate = Placeholder {dtype: float32, shape: shape[]}")
    (found,) = dropouts(parse_graph(f"{text}{FORMS['TensorFlow 1']}\noutputs: y"))
    assert found.keep is not None
    assert found.keep.node.op == "Placeholder"


@pytest.mark.parametrize(
    "form",
    (
        "y = Add(x, random)",
        "y = Mul(x, random)",
        "ge = GreaterEqual(random, rate)\na = Cast(ge)\nb = Cast(ge)\ny = Mul(a, b)",
        "ge = GreaterEqual(random, rate)\ny = SelectV2(x, x, ge)",
    ),
    ids=("noise", "scaled noise", "mask read twice", "not as the condition"),
)
def test_randomness_that_is_no_dropout(form: str) -> None:
    graph = parse_graph(f"{HEAD}{form}\noutputs: y")
    assert isinstance(dropout(graph, graph.node("random")), NoMatch)


def test_a_mask_on_an_unscaled_input() -> None:
    graph = parse_graph(f"{HEAD}add = Add(rate, random)\nfloor = Floor(add)\ny = Mul(x, floor)\noutputs: y")
    found = dropout(graph, graph.node("random"))
    assert isinstance(found, DropoutMatch)
    assert found.keep is None
    assert found.input.name == "x"


PHASE = """
x     = Placeholder {dtype: float32, shape: shape[1,8]}
phase = Placeholder {dtype: bool, shape: shape[]}
pred  = Identity(phase)
s1    = Switch(x, pred)
train = Square(s1:1)
m     = Merge(s1, train)
s2    = Switch(m, phase)
t2    = Square(s2:1)
y     = Merge(s2, t2)
outputs: y
"""


def test_learning_phase_binds_switches_and_merges() -> None:
    (found,) = learning_phases(parse_graph(PHASE))
    assert found.phase.name == "phase"
    assert {n.name for n in found.switches} == {"s1", "s2"}
    assert {n.name for n in found.merges} == {"m", "y"}
    assert found.default is None


@pytest.mark.parametrize("default", (True, False))
def test_learning_phase_with_a_default(default: bool) -> None:
    text = PHASE.replace(
        "phase = Placeholder {dtype: bool, shape: shape[]}",
        f"d = Const bool[] {str(default).lower()}\nphase = PlaceholderWithDefault(d) {{dtype: bool, shape: shape[]}}",
    )
    (found,) = learning_phases(parse_graph(text))
    assert found.default is default


def test_learning_phase_of_an_if() -> None:
    text = "p = Placeholder {dtype: bool}\nx = Placeholder {dtype: float32}\ny = If(p, x)\noutputs: y"
    graph = parse_graph(text)
    found = learning_phase(graph, graph.node("p"))
    assert isinstance(found, LearningPhaseMatch)
    assert [n.name for n in found.branches] == ["y"]


@pytest.mark.parametrize(
    ("text", "reason"),
    (
        ("p = Placeholder {dtype: float32}\ny = Identity(p)", "it is not boolean"),
        ("p = Placeholder {dtype: bool}\ny = Switch(p, x)\nx = Const bool[] true", "no Switch and no If reads it"),
        ("p = Const bool[] true\ny = Switch(p, p)", "Const is no placeholder"),
    ),
)
def test_what_is_no_learning_phase(text: str, reason: str) -> None:
    graph = parse_graph(text)
    found = learning_phase(graph, graph.node("p"))
    assert isinstance(found, NoMatch)
    assert found.reason.startswith(reason)
