from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.ir import Attrs, Graph, NodeRecord
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.passes.fold_constants import fold_constants, simplify_reshapes
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.prune import prune
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor

#  x ─┬─────────────────── Reshape          batch unknown: the shape becomes [-1, 784]
#     └ Shape ─ Slice ─ Pack ──┘
FLATTEN = """
x = Placeholder {dtype: float32, shape: shape[?,28,28,1]}
shape = Shape(x) {out_type: int32}
b = Const int32[1] [0]
e = Const int32[1] [1]
batch = StridedSlice(shape, b, e, e) {shrink_axis_mask: 1}
rest = Const int32[] 784
wanted = Pack(batch, rest) {axis: 0}
y = Reshape(x, wanted)
inputs: x
outputs: y
"""


def test_the_flatten_idiom_resolves_with_an_unknown_batch() -> None:
    graph = parse_graph(FLATTEN)
    specs = infer_shapes(graph)
    assert specs.output(graph.node("wanted")).ints() == (None, 784)
    assert specs.output(graph.node("y")).shape == (None, 784)
    assert simplify_reshapes(graph, specs) == 1
    prune(graph)
    assert {n.op for n in graph} == {"Placeholder", "Const", "Reshape"}
    np.testing.assert_array_equal(graph.node("y").inputs[1].node.attr("value").array(), [-1, 784])


def test_with_a_known_batch_everything_folds() -> None:
    graph = parse_graph(FLATTEN.replace("?", "2"))
    fold_constants(graph)
    np.testing.assert_array_equal(graph.node("wanted").attr("value").array(), [2, 784])


def test_a_zero_among_the_dimensions_is_not_simplified() -> None:
    """Reshape to [?, 0]: -1 could not be told from the number of elements."""
    graph = parse_graph(FLATTEN.replace("784", "0").replace("28,28", "0,28"))
    assert simplify_reshapes(graph, infer_shapes(graph)) == 0


@pytest.mark.parametrize(
    ("x", "rest", "shape"),
    [
        ("?,28,28,1", -1, [-1, 784]),
        ("?,28,28,1", 784, [-1, 784]),
        ("?,28,?,1", -1, None),  # how many elements an image has is not known
        ("?,0,28,1", -1, None),  # beside 0 elements no -1 can be told
        ("?,65536,65536,1", -1, None),  # beyond int32
    ],
)
def test_a_minus_one_beside_an_unknown_batch(x: str, rest: int, shape: list[int] | None) -> None:
    graph = parse_graph(FLATTEN.replace("?,28,28,1", x).replace("784", str(rest)))
    assert simplify_reshapes(graph, infer_shapes(graph)) == (shape is not None)
    made = graph.node("y").inputs[1].node
    assert made.op == ("Const" if shape else "Pack")
    assert shape is None or made.attr("value").array().tolist() == shape


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ("wanted = Pack(batch, rest) {axis: 0}", 1),
        ("wanted = Pack(rest, batch) {axis: 0}", 1),
        ("n = Placeholder {dtype: int32, shape: shape[]}\nwanted = Pack(n, rest) {axis: 0}", 0),
        ("two = Const int32[] 2\nhalf = FloorDiv(batch, two)\nwanted = Pack(half, rest) {axis: 0}", 0),
        ("other = Placeholder {dtype: float32, shape: shape[?,2]}\nof = Shape(other)\n"
         "n = StridedSlice(of, b, e, e) {shrink_axis_mask: 1}\nwanted = Pack(n, rest) {axis: 0}", 0),
    ],
    ids=["batch", "batch-behind", "fed", "half-of-the-batch", "batch-of-another"],
)  # fmt: skip
def test_only_the_batch_of_the_same_value_settles_a_minus_one(shape: str, count: int) -> None:
    text = FLATTEN.replace("784", "-1").replace("wanted = Pack(batch, rest) {axis: 0}", shape)
    graph = parse_graph(text)
    assert simplify_reshapes(graph, infer_shapes(graph)) == count


def test_constants_fold_and_random_ones_and_waiting_ones_do_not() -> None:
    text = """
    x = Placeholder {dtype: float32, shape: shape[2]}
    a = Const float32[2] [1.0, 2.0]
    sum = Add(a, a)
    twice = Mul(sum, a)
    dims = Const int32[1] [2]
    random = RandomUniform(dims) {dtype: float32}
    waits = Add(a, a, ^x)
    y = AddN(x, twice, random, waits)
    inputs: x
    outputs: y
    """
    graph = parse_graph(text)
    assert fold_constants(graph) == 2
    assert graph.node("twice").op == "Const"
    np.testing.assert_array_equal(graph.node("twice").attr("value").array(), [2, 8])
    assert graph.node("random").op == "RandomUniform"
    assert graph.node("waits").op == "Add"


def test_a_sixty_byte_constant_of_16_gib_costs_nothing() -> None:
    graph = parse_graph("c = Const float32[65536,65536] 1.0\ny = Neg(c)\noutputs: y")
    assert fold_constants(graph) == 0


def test_prune_keeps_inputs_and_what_outputs_wait_for() -> None:
    graph = parse_graph(
        "x = Placeholder\nunused = Placeholder\na = NoOp\nb = Relu(x, ^a)\ndead = Neg(b)\nc = Neg(dead)\n"
        "inputs: x, unused\noutputs: b"
    )
    assert prune(graph) == 2
    assert [n.name for n in graph] == ["x", "unused", "a", "b"]
    assert "b = Relu(x, ^a)" in format_graph(graph)


def test_complex_values_under_a_real_dtype_do_not_fold() -> None:
    """What such a node gives is not known; its real part would be a guess."""
    value = Tensor.from_array(np.asarray([1 + 2j, 3 + 4j], dtype=np.complex64))
    records = [
        NodeRecord("c", "Const", (), Attrs({"dtype": DType.FLOAT, "value": value})),
        NodeRecord("y", "Mul", ("c", "c"), Attrs({"T": DType.FLOAT})),
    ]
    graph = Graph.from_records(records)
    assert not fold_constants(graph)
    assert graph.node("y").op == "Mul"


def test_a_large_constant_is_not_gone_through() -> None:
    """2^32 times the same value: small in the file, minutes to add up."""
    graph = parse_graph("c = Const float32[4294967296] 1.0\naxes = Const int32[1] [0]\ny = Mean(c, axes)\noutputs: y")
    assert not fold_constants(graph)
