"""Normalizations as frameworks write them: each is folded or said in ops that TensorRT 3 has, and the numbers stay."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from graphdoctor.findings import Verdict
from graphdoctor.ir import Graph
from graphdoctor.lint import LintOptions, lint
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery import load_rewrites, run_rewrites
from graphdoctor.targets import load_target
from tests.ops.harness import evaluate
from tests.surgery.cases import completed

LAYER = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
w = Const float32[3,3,3,4] normal(1)
c = Conv2D(x, w) {strides: [1,1,1,1], padding: "SAME"}
gamma = Const float32[4] [1.5, 1.25, 0.25, 0.5]
beta = Const float32[4] [0.5, -0.25, 0.0, 1.0]
eps = Const float32[] 0.001
"""
CONSTANT = """
mean = Const float32[4] [0.1, -0.2, 0.3, 0.4]
var = Const float32[4] [1.1, 1.2, 0.3, 1.4]
ve = Add(var, eps)
"""
OF_THE_IMAGE = """
axes = Const int32[2] [1, 2]
mean = Mean(c, axes) {keep_dims: true}
stop = StopGradient(mean)
sd = SquaredDifference(c, stop)
var = Mean(sd, axes) {keep_dims: true}
ve = AddV2(var, eps)
"""
FORMS = {
    "keras": "r = Rsqrt(ve)\ni = Mul(r, gamma)\na = Mul(c, i)\nb = Mul(mean, i)\ns = Sub(beta, b)\ny = AddV2(a, s)",
    "without-gamma": "r = Rsqrt(ve)\na = Mul(c, r)\nb = Mul(mean, r)\ns = Sub(beta, b)\ny = Add(a, s)",
    "slim": "r = Rsqrt(ve)\nd = Sub(c, mean)\na = Mul(d, r)\nb = Mul(a, gamma)\ny = Add(b, beta)",
    "divided": "r = Sqrt(ve)\nd = Sub(c, mean)\na = RealDiv(d, r)\nb = Mul(gamma, a)\ny = Add(b, beta)",
    "gamma-first": "r = Rsqrt(ve)\nd = Sub(c, mean)\na = Mul(gamma, d)\nb = Mul(a, r)\ny = AddV2(b, beta)",
    "gamma-divided": "r = Sqrt(ve)\nd = Sub(c, mean)\ni = RealDiv(gamma, r)\na = Mul(d, i)\ny = BiasAdd(a, beta)",
    "power": "h = Const float32[] -0.5\nr = Pow(ve, h)\nd = Sub(c, mean)\na = Mul(d, r)\ny = Add(a, beta)",
    "mean-negated": "n = Neg(mean)\nr = Rsqrt(ve)\nd = Add(c, n)\na = Mul(d, r)\ny = Add(a, beta)",
}
TARGET = load_target("trt3")


def fixed(text: str) -> Graph:
    graph = completed(f"{text}\ninputs: x\noutputs: y", "form")
    packs = load_rewrites(["tf112", "clean", "fold", "trt3", "uff"])
    result = run_rewrites(graph, packs, target=TARGET, unsafe=True)
    assert (result.converged, result.rolled_back) == (True, [])
    return graph


def verdict(graph: Graph) -> Verdict:
    return lint(graph, infer_shapes(graph), [TARGET], LintOptions(report=())).verdicts[0].verdict


def same_numbers(text: str, after: Graph) -> None:
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    before = completed(f"{text}\ninputs: x\noutputs: y", "form")
    want, got = (evaluate(g, {"x": x}, ["y"])["y"] for g in (before, after))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("form", FORMS)
def test_batch_norm_of_constants_becomes_one_bias(form: str) -> None:
    text = LAYER + CONSTANT + FORMS[form]
    graph = fixed(text)
    assert Counter(n.op for n in graph) == {"Placeholder": 1, "Const": 2, "Conv2D": 1, "BiasAdd": 1}
    assert verdict(graph) is Verdict.COMPATIBLE
    same_numbers(text, graph)


@pytest.mark.tensorflow
@pytest.mark.parametrize("form", sorted(set(FORMS) - {"gamma-divided"}))
def test_instance_norm_is_said_in_ops_that_the_target_has(form: str) -> None:
    text = LAYER + OF_THE_IMAGE + FORMS[form]
    graph = fixed(text)
    assert graph.by_op("Mean")
    assert verdict(graph) is Verdict.COMPATIBLE
    same_numbers(text, graph)


@pytest.mark.tensorflow
def test_batch_norm_in_training_of_one_image_is_the_same_as_instance_norm() -> None:
    text = (
        LAYER
        + "none = Const float32[0] []\ny = FusedBatchNorm(c, gamma, beta, none, none) {is_training: true, T: float32}"
    )
    graph = completed(f"{text}\ninputs: x\noutputs: y", "form")
    assert run_rewrites(graph, load_rewrites(["moments"]), unsafe=True).applied
    assert verdict(graph) is Verdict.COMPATIBLE
    same_numbers(text, graph)
