"""Relu6 for a parser that refuses a constant operand of Minimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphdoctor.ir.text import format_node, parse_graph
from graphdoctor.surgery import run_rewrites
from graphdoctor.targets import Limit, load_target
from graphdoctor.targets.rows import Confidence
from tests.surgery.cases import all_rewrites
from tests.surgery.evaluator import evaluate

GRAPH = """
x = Placeholder {dtype: float32, shape: shape[9]}
y = Relu6(x) {T: float32}
inputs: x
outputs: y
"""
LIMIT = Limit("binary-const-minmax", "no constants", "made up", Confidence.HIGH, ("Maximum", "Minimum"))
TARGET = replace(load_target("trt3"), limits={LIMIT.name: LIMIT})
RELU6 = [all_rewrites()["relu6-to-relu-minimum"]]


def test_it_is_the_difference_of_two_relus() -> None:
    graph = parse_graph(GRAPH)
    x = np.asarray([-7, -0.5, 0, 0.5, 5.75, 6, 6.5, 11.5, 40.25], dtype=np.float32)
    before = evaluate(graph, {"x": x})
    result = run_rewrites(graph, RELU6, target=TARGET, unsafe=True)
    assert [a.note for a in result.applied] == ["Relu6 -> Relu(x) - Relu(x - 6)"]
    assert format_node(graph.node("y")) == "y = Sub(y/relu, y/relu_above) {T: float32}"
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], before["y"])


def test_it_is_rounded_far_above_and_so_held_back() -> None:
    graph = parse_graph(GRAPH)
    result = run_rewrites(graph, RELU6, target=TARGET)
    assert [(r.held_back, "above 12 the difference is rounded" in r.reason) for r in result.refused] == [(True, True)]
    run_rewrites(graph, RELU6, target=TARGET, unsafe=True)
    assert evaluate(graph, {"x": np.asarray([1e8], dtype=np.float32)})["y"] != 6
