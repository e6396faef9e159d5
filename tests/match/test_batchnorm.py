"""Batch normalization in all the forms that people export."""

from __future__ import annotations

import pytest

from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.match import (
    BatchNormMatch,
    CannotTell,
    NoMatch,
    batchnorm_fused,
    batchnorm_unfused,
    layer_before,
    unfused_batchnorms,
)

PARAMETERS = """
x        = Placeholder {dtype: float32, shape: shape[1,8,8,2]}
gamma    = Const float32[2] 1.5
beta     = Const float32[2] 0.5
mean     = Const float32[2] 0.25
variance = Const float32[2] 2.0
epsilon  = Const float32[] 0.001
"""
KERAS = """
add   = Add(variance, epsilon)
rsqrt = Rsqrt(add)
mul   = Mul(rsqrt, gamma)
mul_1 = Mul(x, mul)
mul_2 = Mul(mean, mul)
sub   = Sub(beta, mul_2)
y     = Add(mul_1, sub)
"""
SLIM = """
add  = Add(variance, epsilon)
sqrt = Sqrt(add)
diff = Sub(x, mean)
div  = RealDiv(diff, sqrt)
mul  = Mul(div, gamma)
y    = Add(mul, beta)
"""
FORMS = {
    "keras": KERAS,
    "keras with AddV2": KERAS.replace("Add(", "AddV2("),
    "keras, operands swapped": """
add   = Add(epsilon, variance)
rsqrt = Rsqrt(add)
mul   = Mul(gamma, rsqrt)
mul_1 = Mul(mul, x)
mul_2 = Mul(mul, mean)
sub   = Sub(beta, mul_2)
y     = Add(sub, mul_1)
""",
    "slim": SLIM,
    "slim with Div": SLIM.replace("RealDiv", "Div"),
    "difference times inverse": """
add   = Add(variance, epsilon)
rsqrt = Rsqrt(add)
mul   = Mul(rsqrt, gamma)
diff  = Sub(x, mean)
mul_1 = Mul(diff, mul)
y     = BiasAdd(mul_1, beta)
""",
}


def _graph(form: str, output: str = "y") -> Graph:
    return parse_graph(f"{PARAMETERS}{form}\ninputs: x\noutputs: {output}")


def _bound(found: BatchNormMatch) -> dict[str, str | None]:
    parts = {k: getattr(found, k) for k in ("input", "scale", "offset", "mean", "variance")}
    return {k: None if v is None else v.name for k, v in parts.items()}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_binds_the_same_parts(form: str) -> None:
    graph = _graph(form)
    (found,) = unfused_batchnorms(graph)
    assert isinstance(found, BatchNormMatch)
    expected = {"input": "x", "scale": "gamma", "offset": "beta", "mean": "mean", "variance": "variance"}
    assert _bound(found) == expected
    assert found.epsilon == pytest.approx(0.001)
    assert found.output.name == "y"
    assert not found.fused
    assert {n.name for n in found.interior} == {n.name for n in graph} - {"x", *expected.values(), "epsilon"}


def test_without_gamma() -> None:
    form = "add = Add(variance, epsilon)\nrsqrt = Rsqrt(add)\nm = Mul(x, rsqrt)\nm2 = Mul(mean, rsqrt)\n"
    (found,) = unfused_batchnorms(_graph(form + "sub = Sub(beta, m2)\ny = Add(m, sub)"))
    assert isinstance(found, BatchNormMatch)
    assert found.scale is None
    assert found.offset is not None
    assert found.offset.name == "beta"


@pytest.mark.parametrize(
    "shift",
    ("m2 = Mul(mean, mul)\nshift = Neg(m2)", "n = Neg(mean)\nshift = Mul(n, mul)"),
    ids=("negated product", "negated mean"),
)
def test_without_beta(shift: str) -> None:
    head = "add = Add(variance, epsilon)\nrsqrt = Rsqrt(add)\nmul = Mul(rsqrt, gamma)\nm = Mul(x, mul)\n"
    (found,) = unfused_batchnorms(_graph(f"{head}{shift}\ny = Add(m, shift)"))
    assert isinstance(found, BatchNormMatch)
    assert found.offset is None
    assert found.mean.name == "mean"


def test_plain_form_without_gamma_and_beta() -> None:
    form = "add = Add(variance, epsilon)\nsqrt = Sqrt(add)\ndiff = Sub(x, mean)\ny = RealDiv(diff, sqrt)"
    (found,) = unfused_batchnorms(_graph(form))
    assert isinstance(found, BatchNormMatch)
    assert (found.scale, found.offset) == (None, None)


def test_the_addition_of_a_shortcut_is_no_beta() -> None:
    (found,) = unfused_batchnorms(_graph(SLIM.replace("y    = Add(mul, beta)", "y = Add(mul, x)"), "y"))
    assert isinstance(found, BatchNormMatch)
    assert found.output.name == "mul"
    assert found.offset is None


def test_parameters_behind_reshapes_and_identity() -> None:
    """Keras 3 reshapes the parameters to [1,1,1,C]."""
    reshaped = """
shape = Const int32[4] [1, 1, 1, 2]
read  = Identity(variance)
v     = Reshape(read, shape)
""" + KERAS.replace("Add(variance", "Add(v")
    (found,) = unfused_batchnorms(_graph(reshaped))
    assert isinstance(found, BatchNormMatch)
    assert found.variance.name == "v"


def test_layer_normalization_is_none() -> None:
    """Mean and variance come from the input."""
    form = KERAS.replace("Mul(mean, mul)", "Mul(m, mul)")
    graph = _graph("axes = Const int32[1] [3]\nm = Mean(x, axes)\n" + form)
    assert list(unfused_batchnorms(graph)) == []
    found = batchnorm_unfused(graph, graph.node("y"))
    assert isinstance(found, NoMatch)
    assert found.reason == "the parameter m is no constant, Mean computes it"


def test_other_inverse_in_the_shift_is_none() -> None:
    other = KERAS + "other = Rsqrt(variance)\n"
    graph = _graph(other.replace("Mul(mean, mul)", "Mul(mean, other)"))
    assert isinstance(batchnorm_unfused(graph, graph.node("y")), NoMatch)


def test_a_missing_parameter_cannot_be_told() -> None:
    graph = _graph(KERAS.replace("Mul(mean, mul)", "Mul(ghost, mul)"))
    found = batchnorm_unfused(graph, graph.node("y"))
    assert isinstance(found, CannotTell)
    assert found.node == "ghost"


@pytest.mark.parametrize("op", ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"))
def test_fused(op: str) -> None:
    graph = _graph(f"y = {op}(x, gamma, beta, mean, variance) {{is_training: false, epsilon: 0.5}}")
    found = batchnorm_fused(graph, graph.node("y"))
    assert isinstance(found, BatchNormMatch)
    assert found.fused
    assert found.epsilon == 0.5
    assert _bound(found)["scale"] == "gamma"


def test_fused_defaults_of_tensorflow() -> None:
    """Absent, is_training is true and epsilon 0.0001."""
    graph = _graph("y = FusedBatchNorm(x, gamma, beta, mean, variance)")
    found = batchnorm_fused(graph, graph.node("y"))
    assert found == NoMatch("it is in training mode", "y")
    graph = _graph("y = FusedBatchNorm(x, gamma, beta, mean, variance) {is_training: false}")
    inference = batchnorm_fused(graph, graph.node("y"))
    assert isinstance(inference, BatchNormMatch)
    assert inference.epsilon == pytest.approx(1e-4)


def test_fused_with_a_second_output_read_is_none() -> None:
    graph = _graph("y = FusedBatchNorm(x, gamma, beta, mean, variance) {is_training: false}\nz = Relu(y:1)")
    assert isinstance(batchnorm_fused(graph, graph.node("y")), NoMatch)


CONVOLUTION = """
w = Const float32[3,3,2,2] normal(1)
c = Conv2D(x, w) {padding: "SAME", strides: [1,1,1,1]}
"""
FUSED = "y = FusedBatchNorm({data}, gamma, beta, mean, variance) {{is_training: false}}"


@pytest.mark.parametrize(
    ("between", "data", "found"),
    (
        ("", "c", True),
        ("i = Identity(c)", "i", True),
        ("b = BiasAdd(c, beta)", "b", True),
        ("b = Add(c, beta)", "b", True),
        ("b = Relu(c)", "b", False),
        ("b = Add(c, x)", "b", False),
        ("other = Relu(c)", "c", False),
        ("b = BiasAdd(c, beta)\nother = Relu(b)", "b", False),
    ),
)
def test_layer_before(between: str, data: str, found: bool) -> None:
    graph = _graph(f"{CONVOLUTION}{between}\n{FUSED.format(data=data)}")
    match = batchnorm_fused(graph, graph.node("y"))
    assert isinstance(match, BatchNormMatch)
    before = layer_before(graph, match)
    assert (before is not None) is found
    if before is not None:
        assert before.layer.name == "c"
        assert (before.bias_add is not None) is between.startswith("b =")


def test_convolution_that_is_an_output_is_not_taken() -> None:
    graph = _graph(f"{CONVOLUTION}{FUSED.format(data='c')}", "c, y")
    match = batchnorm_fused(graph, graph.node("y"))
    assert isinstance(match, BatchNormMatch)
    assert layer_before(graph, match) is None
