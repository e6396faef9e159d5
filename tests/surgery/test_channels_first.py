"""A graph laid out NCHW computes what it computed: TensorFlow runs the one, ONNX Runtime both."""

from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.findings import Verdict
from graphdoctor.ir import Graph
from graphdoctor.lint import LintOptions, lint
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery import load_rewrites, run_rewrites, undo
from graphdoctor.targets import load_target
from graphdoctor.types import Array
from tests.ops.harness import evaluate, run_onnx
from tests.surgery.cases import completed, described

NET = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
w = Const float32[3,3,3,4] normal(1)
c = Conv2D(x, w) {strides: [1,2,2,1], padding: "SAME"}
b = Const float32[4] [0.1, 0.2, 0.3, 0.4]
bias = BiasAdd(c, b)
r = Relu(bias)
k = Const float32[4] [1.0, 2.0, 0.5, 1.5]
m = Mul(r, k)
pads = Const int32[4,2] [0, 0, 1, 1, 1, 1, 0, 0]
p = Pad(m, pads)
mp = MaxPool(p) {ksize: [1,2,2,1], strides: [1,2,2,1], padding: "VALID"}
w2 = Const float32[1,1,4,4] normal(2)
c2 = Conv2D(mp, w2) {strides: [1,1,1,1], padding: "VALID"}
axis = Const int32[] 3
cat = ConcatV2(mp, c2, axis)
dw = Const float32[3,3,8,1] normal(5)
d = DepthwiseConv2dNative(cat, dw) {strides: [1,1,1,1], padding: "SAME"}
us = Const int32[4] [1, 6, 6, 4]
uw = Const float32[2,2,4,8] normal(6)
up = Conv2DBackpropInput(us, uw, d) {strides: [1,2,2,1], padding: "VALID"}
shape = Const int32[2] [-1, 72]
flat = Reshape(d, shape)
fw = Const float32[72,5] normal(3)
fc = MatMul(flat, fw)
y = Softmax(fc)
inputs: x
outputs: y, up
"""
"""Everything that a layout touches: formats, a constant per channel, paddings, an axis, a flatten, an image output."""


def laid_out(*packs: str) -> Graph:
    graph = completed(NET, "net")
    result = run_rewrites(graph, load_rewrites(packs or ("nchw",)), unsafe=True)
    assert (result.converged, result.rolled_back) == (True, [])
    return graph


def onnx_numbers(graph: Graph, x: Array) -> list[Array]:
    onnx = pytest.importorskip("graphdoctor.formats.onnx")
    return run_onnx(onnx.onnx_from_graph(graph), {"x": x})


@pytest.mark.tensorflow
def test_it_gives_the_numbers_of_the_graph_before() -> None:
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    before, after = completed(NET, "net"), laid_out()
    real = evaluate(before, {"x": x}, ["y", "up"])
    fed = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    for name, want, got in zip(("y", "up"), onnx_numbers(before, x), onnx_numbers(after, fed), strict=True):
        np.testing.assert_allclose(want, real[name], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(got, real[name], rtol=1e-4, atol=1e-5)


def test_transposes_stay_at_outputs_alone() -> None:
    graph = laid_out()
    assert [n.name for n in graph.by_op("Transpose")] == ["up"]
    assert infer_shapes(graph).conflicts == []
    assert {n.attr("data_format") for n in graph.by_op("Conv2D", "MaxPool", "Conv2DBackpropInput")} == {"NCHW"}


def test_without_the_input_it_keeps_the_interface() -> None:
    graph = completed(NET, "net")
    rewrites = [r for r in load_rewrites(["nchw"]) if r.name != "feed-channels-first"]
    before = infer_shapes(graph)
    shapes = [before.of(v).shape for v in graph.outputs]
    run_rewrites(graph, rewrites, unsafe=True)
    after = infer_shapes(graph)
    assert after.output(graph.node("x")).shape == (1, 8, 8, 3)
    assert [after.of(v).shape for v in graph.outputs] == shapes


def test_it_is_taken_back_whole_and_a_second_time_it_finds_nothing() -> None:
    graph = completed(NET, "net")
    before = described(graph)
    result = run_rewrites(graph, load_rewrites(["nchw"]), unsafe=True)
    again = run_rewrites(graph, load_rewrites(["nchw"]), unsafe=True)
    assert again.applied == []
    undo(graph, result)
    assert described(graph) == before


def test_nothing_stands_in_the_way_of_the_uff_parser() -> None:
    graph, target = laid_out("tf112", "fold", "nchw"), load_target("trt5")
    graph.outputs = graph.outputs[:1]
    assert lint(graph, infer_shapes(graph), [target], LintOptions(report=())).verdicts[0].verdict is Verdict.COMPATIBLE
