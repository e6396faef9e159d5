"""--batch: every input gets that many items, or it is said why not."""

from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.errors import InputError
from graphdoctor.ir import Graph, broken_invariants
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery import undo
from graphdoctor.surgery.baking import bake_batch
from tests.ops.harness import evaluate

NET = """
x = Placeholder {{dtype: float32, shape: shape[{batch},4,4,2]}}
other = Placeholder {{dtype: float32, shape: shape[{other}]}}
w = Const float32[3,3,2,4] normal(1)
conv = Conv2D(x, w) {{strides: [1,1,1,1], padding: "SAME"}}
shape = Const int32[2] [{first}, 64]
flat = Reshape(conv, shape)
m = Const float32[64,3] normal(2)
y = MatMul(flat, m) {{transpose_a: false, transpose_b: false}}
z = Softmax(y)
w2 = Mul(z, other)
inputs: x, other
outputs: z, w2
"""


def net(batch: object = "?", other: str = "3", first: int = -1) -> Graph:
    graph = parse_graph(NET.format(batch=batch, other=other, first=first))
    complete_attrs(graph)
    return graph


def shapes(graph: Graph) -> list[object]:
    specs = infer_shapes(graph)
    assert specs.conflicts == []
    assert broken_invariants(graph) == []
    return [specs.of(v).shape for v in (*(n.out() for n in graph.inputs), *graph.outputs)]


@pytest.mark.parametrize(
    ("batch", "other", "first"),
    [("?", "?,3", -1), ("?", "?,3", 2), ("?", "?,3", 4), (2, "2,3", 2), (2, "2,3", -1), (4, "4,3", 4), (1, "1,3", 1)],
)
def test_every_input_gets_it(batch: object, other: str, first: int) -> None:
    graph = net(batch, other, first)
    bake_batch(graph, 4)
    assert shapes(graph) == [(4, 4, 4, 2), (4, 3), (4, 3), (4, 3)]


def test_beside_an_open_batch_a_fixed_dimension_is_none() -> None:
    graph = net("?", "1,3")
    bake_batch(graph, 4)
    assert shapes(graph) == [(4, 4, 4, 2), (1, 3), (4, 3), (4, 3)]


@pytest.mark.tensorflow
@pytest.mark.parametrize("first", [-1, 1])
def test_the_items_come_out_as_one_by_one(first: int) -> None:
    before, after = net(1, "1,3", first), net(1, "1,3", first)
    bake_batch(after, 3)
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(3, 4, 4, 2)).astype(np.float32), rng.normal(size=(3, 3)).astype(np.float32)
    together = evaluate(after, {"x": x, "other": other}, ["z", "w2"])
    for i in range(3):
        one = evaluate(before, {"x": x[i : i + 1], "other": other[i : i + 1]}, ["z", "w2"])
        for name, value in one.items():
            np.testing.assert_allclose(together[name][i : i + 1], value, rtol=1e-5, atol=1e-6)


def test_it_can_be_taken_back_and_a_second_time_does_nothing() -> None:
    graph = net(2, "2,3", 2)
    before = sorted(format_graph(graph).splitlines())
    result = bake_batch(graph, 4)
    assert {a.rewrite for a in result.applied} == {"open-batch", "bake-batch"}
    assert bake_batch(graph, 4).applied == []
    undo(graph, result)
    assert sorted(format_graph(graph).splitlines()) == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = Placeholder {dtype: float32, shape: shape[]}\ny = Neg(x)", "no input has a batch"),
        ("x = Placeholder {dtype: float32, shape: shape[*]}\ny = Neg(x)", "no input has a batch"),
        (
            "x = Placeholder {dtype: float32, shape: shape[?,6]}\nd = Const int32[2] [5, 6]\nr = Reshape(x, d)\n"
            "c = Const float32[5,6] 1.0\ny = Add(r, c)",
            "Add y does not work with it",
        ),
        (
            "x = Placeholder {dtype: float32, shape: shape[?,6]}\nc = Const float32[3,6] 1.0\ny = Add(x, c)",
            "Add y does not work with it",
        ),
        (
            "x = Placeholder {dtype: float32, shape: shape[2,6]}\nc = Const int32[] 0\ny = Mean(x, c) {Tidx: int32}",
            "it reduces over the batch",
        ),
    ],
)
def test_where_it_cannot_the_node_is_named(text: str, reason: str) -> None:
    graph = parse_graph(f"{text}\ninputs: x\noutputs: y")
    complete_attrs(graph)
    before = sorted(format_graph(graph).splitlines())
    with pytest.raises(InputError, match=reason):
        bake_batch(graph, 4)
    assert sorted(format_graph(graph).splitlines()) == before
