from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.formats.onnx import onnx_from_graph
from graphdoctor.ir import Graph
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.layout import to_nchw
from tests.ops.harness import evaluate, run_onnx

HEAD = """
x = Placeholder {dtype: float32, shape: shape[2,8,8,3]}
w = Const float32[3,3,3,6] normal(1)
"""
CONV = HEAD + 'c = Conv2D(x, w) {strides: [1,1,1,1], padding: "SAME"}\n'


def turned(text: str) -> Graph:
    graph = parse_graph(text)
    complete_attrs(graph)
    to_nchw(graph)
    return graph


def transposes(graph: Graph) -> int:
    return sum(n.op == "Transpose" for n in graph.live())


def test_elementwise_ops_between_convolutions_follow() -> None:
    text = CONV + "b = Const float32[6] normal(2)\nr = BiasAdd(c, b)\ns = Relu(r)\n"
    text += 'v = Const float32[1,1,6,4] normal(3)\nd = Conv2D(s, v) {strides: [1,1,1,1], padding: "VALID"}\noutputs: d'
    graph = turned(text)
    assert transposes(graph) == 2
    assert graph.node("r").attr("data_format") == "NCHW"


def test_a_constant_operand_is_transposed_ahead() -> None:
    graph = turned(CONV + "k = Const float32[8,8,6] normal(2)\ny = Mul(c, k)\noutputs: y")
    constant = graph.node("y").inputs[1].node
    assert constant.op == "Const"
    assert constant.attr("value").shape == (1, 6, 8, 8)


def test_global_average_needs_no_transpose_behind_it() -> None:
    graph = turned(CONV + "a = Const int32[2] [1, 2]\ny = Mean(c, a)\noutputs: y")
    assert transposes(graph) == 1
    assert graph.node("y").inputs[1].node.attr("value").array().tolist() == [2, 3]


def test_a_mean_whose_rest_would_change_order_stays_nhwc() -> None:
    graph = turned(CONV + "a = Const int32[1] [1]\ny = Mean(c, a)\noutputs: y")
    assert graph.node("y").inputs[1].node.attr("value").array().tolist() == [1]
    assert transposes(graph) == 2


def test_the_users_own_transposes_cancel() -> None:
    text = HEAD + "p = Const int32[4] [0, 2, 3, 1]\nq = Const int32[4] [0, 3, 1, 2]\n"
    text += "n = Placeholder {dtype: float32, shape: shape[2,3,8,8]}\nh = Transpose(n, p)\n"
    text += 'c = Conv2D(h, w) {strides: [1,1,1,1], padding: "SAME"}\ny = Transpose(c, q)\nz = Relu(y)\noutputs: z'
    assert transposes(turned(text)) == 0


def test_a_bias_that_meets_no_convolution_is_left_alone() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[2,8,8,3]}\nb = Const float32[3] 1.0\n"
    assert transposes(turned(text + "y = BiasAdd(x, b)\noutputs: y")) == 0


def test_rollback_leaves_no_trace() -> None:
    graph = parse_graph(CONV + "y = Relu(c)\noutputs: y")
    complete_attrs(graph)
    before, mark, outputs = format_graph(graph), graph.mark(), graph.outputs
    to_nchw(graph)
    graph.rollback(mark)
    graph.outputs = outputs
    assert sorted(format_graph(graph).splitlines()) == sorted(before.splitlines())


STEPS = {
    "relu": "{o} = Relu({i})",
    "scale": "{o}k = Const float32[6] normal(5)\n{o} = Mul({i}, {o}k)",
    "bias": "{o}k = Const float32[6] normal(6)\n{o} = BiasAdd({i}, {o}k)",
    "conv": "{o}k = Const float32[3,3,6,6] normal(7, 0.2)\n"
    '{o} = Conv2D({i}, {o}k) {{strides: [1,1,1,1], padding: "SAME"}}',
    "pool": '{o} = MaxPool({i}) {{ksize: [1,3,3,1], strides: [1,1,1,1], padding: "SAME"}}',
    "average": '{o} = AvgPool({i}) {{ksize: [1,2,2,1], strides: [1,1,1,1], padding: "SAME"}}',
    "norm": "{o}a = Const float32[6] 1.5\n{o}b = Const float32[6] 0.5\n"
    "{o} = FusedBatchNorm({i}, {o}a, {o}b, {o}b, {o}a) {{is_training: false}}",
    "skip": "{o} = Add({i}, {s})",
    "full": "{o}k = Const float32[8,8,6] normal(8)\n{o} = Maximum({i}, {o}k)",
    "softmax": "{o} = Softmax({i})",
    "pad": "{o}p = Const int32[4,2] [0,0,1,1,0,0,0,0]\n{o}q = Pad({i}, {o}p)\n"
    "{o}b = Const int32[4] [0,1,0,0]\n{o}e = Const int32[4] [2,8,8,6]\n{o} = Slice({o}q, {o}b, {o}e)",
    "gather": "{o}a = Const int32[] 3\n{o}c = ConcatV2({i}, {s}, {o}a)\n"
    "{o}b = Const int32[4] [0,0,0,3]\n{o}e = Const int32[4] [2,8,8,6]\n{o} = Slice({o}c, {o}b, {o}e)",
    "scalar": "{o}k = Const float32[] 0.7\n{o} = Mul({o}k, {i})",
    "reduce": "{o}a = Const int32[2] [1, 2]\n{o}m = Mean({i}, {o}a) {{keep_dims: true}}\n{o} = Sub({i}, {o}m)",
}


@pytest.mark.tensorflow
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=7), st.integers(0, 2**16))
@settings(max_examples=25, deadline=None)
def test_any_chain_keeps_its_numbers_through_onnx(steps: list[str], seed: int) -> None:
    """Layout and lowering together: TensorFlow's numbers, input and output in NHWC as they were."""
    lines, last = [CONV.rstrip()], "c"
    for k, step in enumerate(steps):
        lines.append(STEPS[step].format(i=last, o=f"n{k}", s="c"))
        last = f"n{k}"
    graph = parse_graph("\n".join(lines) + f"\ninputs: x\noutputs: {last}")
    complete_attrs(graph)
    x = {"x": np.random.default_rng(seed).normal(size=(2, 8, 8, 3)).astype(np.float32)}
    expected = evaluate(graph, x, [last])[last]
    (actual,) = run_onnx(onnx_from_graph(graph), x)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)
