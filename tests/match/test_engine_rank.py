"""Dimensions of values in an engine with an implicit batch."""

from __future__ import annotations

import pytest

from graphdoctor.ir.text import parse_graph
from graphdoctor.match import Judge
from graphdoctor.match.context import EngineRank
from graphdoctor.match.engine_rank import BY_SHAPE, NOT_KNOWN
from graphdoctor.ops import find_op
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import all_target_names, load_target
from graphdoctor.types import Answer

TARGETS = tuple(load_target(name) for name in all_target_names())
IMAGE = "x = Placeholder {dtype: float32, shape: shape[?,8,8,3]}\n"
ROW = "x = Placeholder {dtype: float32, shape: shape[?,16]}\n"


def _rank(text: str, node: str = "y") -> EngineRank:
    graph = parse_graph(text)
    complete_attrs(graph)
    return Judge(graph, infer_shapes(graph), TARGETS).engine_rank(graph.node(node).out())


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        (IMAGE + "y = Relu(x)", 3),
        (ROW + "y = Relu(x)", 1),
        (ROW + "w = Const float32[16,4] 1.0\nm = MatMul(x, w)\ny = Softmax(m)", 3),
        (IMAGE + "a = Const int32[2] [1, 2]\ny = Mean(x, a)", 3),
        (IMAGE + "a = Const int32[2] [1, 2]\nm = Mean(x, a)\ny = Relu(m)", 3),
        (IMAGE + "s = Const int32[3] [-1, 64, 3]\ny = Reshape(x, s)", 2),
        (IMAGE + "b = Const float32[3] 1.0\ny = Add(x, b)", 3),
        (ROW + "a = Const int32[] 1\ny = ConcatV2(x, x, a)", 1),
        (ROW + "a = Const int32[] 1\ny = ExpandDims(x, a)", 2),
        ("x = Placeholder {dtype: float32, shape: shape[]}\ny = Relu(x)", 0),
    ],
)
def test_the_batch_does_not_count(text: str, rank: int) -> None:
    assert _rank(text).rank == rank


def test_a_reshape_to_two_dimensions_is_enough_for_a_dense_layer_alone() -> None:
    found = _rank(IMAGE + "s = Const int32[2] [-1, 192]\nr = Reshape(x, s)\ny = Relu(r)")
    assert (found.rank, found.flat) == (None, True)
    assert _rank(IMAGE + "s = Const int32[3] [-1, 64, 3]\nflatten/y = Reshape(x, s)", "flatten/y").flat


def test_what_stands_behind_a_refused_op_is_moot() -> None:
    assert _rank(ROW + "m = Mystery(x)\ny = Relu(m)").moot
    assert _rank("x = Placeholder {dtype: float32}\ny = Relu(x)").moot
    assert not _rank(ROW + "y = Squeeze(x)").moot
    assert _rank(ROW + "m = Mystery(x)\ny = Add(x, m)").moot


def test_what_is_not_alike_has_no_number() -> None:
    text = ROW + "w = Const float32[16,16] 1.0\nm = MatMul(x, w)\na = Const int32[] 1\ny = ConcatV2(x, m, a)"
    assert (_rank(text).rank, _rank(text).moot) == (None, False)
    assert _rank(text.replace("ConcatV2(x, m, a)", "Add(m, m)")).rank == 3


def test_arithmetic_on_shapes_is_no_layer() -> None:
    text = IMAGE + "s = Shape(x)\no = Const int32[1] [1]\nb = StridedSlice(s, o, o, o)\ny = Mul(b, o)"
    assert _rank(text).arithmetic
    assert not _rank(IMAGE + "y = Relu(x)").arithmetic


def test_every_op_that_a_uff_target_runs_is_thought_of() -> None:
    """What is moot must be refused: an op that a target runs has its say in how many dimensions it leaves."""
    runs = {op for t in TARGETS if t.parser == "uff" for op, row in t.ops.items() if row.support is Answer.YES}
    silent = {"Const", "Placeholder", "Assert", "Shape", "Negative"}
    for op in sorted(runs - silent - BY_SHAPE - NOT_KNOWN):
        known = find_op(op)
        assert known is not None, op
        inputs = ", ".join(["x"] * max(known.arity[0], 1))
        assert not _rank(IMAGE + f"y = {op}({inputs})").moot, op
