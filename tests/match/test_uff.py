"""The predicates about dimensions and the batch in networks from UFF: yes, no, and where it cannot be told."""

from __future__ import annotations

import pytest

from tests.match.uff import CHW, HWC, NO, ONE, OPEN, ROW, SEQ, YES, Case, X, holds


@pytest.mark.parametrize(
    "case",
    [
        (ROW + "w = Const float32[16,4] 1.0\ny = MatMul(x, w)", YES),
        (X + "s = Const int32[2] [-1, 192]\nr = Reshape(x, s)\nw = Const float32[192,4] 1.0\ny = MatMul(r, w)", NO),
        (X + "a = Const int32[2] [1, 2]\nm = Mean(x, a)\nw = Const float32[3,4] 1.0\ny = MatMul(m, w)", NO),
        (ONE + "q = Squeeze(x)\nw = Const float32[3,4] 1.0\ny = MatMul(q, w)", OPEN),
        (ROW + "m = Mystery(x)\nw = Const float32[3,4] 1.0\ny = MatMul(m, w)", NO),
    ],
)
def test_dimensions_of_a_dense_layer(case: Case) -> None:
    holds("engine-rank-below", case, rank=3, flat_is_enough=True)


@pytest.mark.parametrize(
    "case",
    [
        (ROW + "b = Const float32[16] 1.0\ny = Add(x, b)", YES),
        (ROW + "b = Const float32[16] 1.0\ny = Sub(b, x)", YES),
        (SEQ + "b = Const float32[16] 1.0\ny = Mul(x, b)", YES),
        (X + "b = Const float32[3] 1.0\ny = BiasAdd(x, b)", NO),
        (ROW + "y = Add(x, x)", NO),
        (X + "s = Const int32[2] [-1, 192]\nr = Reshape(x, s)\nb = Const float32[] 2.0\ny = Mul(r, b)", OPEN),
        (X + "s = Shape(x)\nb = Const int32[] 2\ny = Mul(s, b)", NO),
    ],
)
def test_dimensions_beside_a_constant(case: Case) -> None:
    holds("engine-rank-below", case, rank=3, beside_constant=True)


@pytest.mark.parametrize(
    "case",
    [
        (X + "z = Placeholder {dtype: float32, shape: shape[?,8,3]}\ny = Add(x, z)", YES),
        (X + "z = Placeholder {dtype: float32, shape: shape[?,1,1,3]}\ny = Add(x, z)", NO),
        (X + "z = Placeholder {dtype: float32, shape: shape[1,8,8,3]}\ny = Add(x, z)", OPEN),
        (ROW + "w = Const float32[16,16] 1.0\nm = MatMul(x, w)\ny = Add(x, m)", OPEN),
        (X + HWC + "b = Const float32[4] 1.0\ny = Add(c, b)", NO),
        (CHW + "b = Const float32[8] 1.0\ny = Add(c, b)", YES),
        (CHW + "b = Const float32[4,1,1] 1.0\ny = Add(c, b)", NO),
        (X + "b = Const float32[3] 1.0\ny = Add(x, b)", OPEN),
        (X + "b = Const float32[8,3] 1.0\ny = Add(x, b)", YES),
        (X + "b = Const float32[] 1.0\ny = Add(x, b)", NO),
        (X + "b = Const float32[1] 1.0\ny = Mul(x, b)", NO),
        (SEQ + "b = Const float32[16] 1.0\ny = Mul(x, b)", OPEN),
        (ROW + "b = Const float32[16] 1.0\ny = Mul(x, b)", NO),
    ],
)
def test_elementwise_ranks(case: Case) -> None:
    holds("broadcast-not-taken", case)


@pytest.mark.parametrize(
    "case",
    [
        (X + "b = Const float32[1,1,1,3] 1.0\ny = Add(x, b)", YES),
        (X + "b = Const float32[1,1,1,1] 1.0\ny = Add(x, b)", OPEN),
        (X + "b = Const float32[1,1,3] 1.0\ny = Add(x, b)", NO),
        (ROW + "b = Const float32[1,16] 1.0\ny = Add(x, b)", YES),
        (ONE + "b = Const float32[1,8,8,1] 1.0\na = Const int32[] 3\ny = ConcatV2(x, b, a)", YES),
        (X + "b = Const float32[1,1,1,3] 1.0\ns = Sqrt(b)\ny = Add(x, s)", YES),
    ],
)
def test_constants_with_a_batch(case: Case) -> None:
    holds("constant-with-batch", case)


@pytest.mark.parametrize(
    "case",
    [
        (SEQ + "s = Const int32[2] [-1, 16]\ny = Reshape(x, s)", YES),
        (SEQ + "s = Const int32[1] [-1]\ny = Reshape(x, s)", YES),
        (SEQ + "s = Const int32[2] [-1, 80]\ny = Reshape(x, s)", NO),
        (SEQ + "s = Const int32[4] [-1, 5, 4, 4]\ny = Reshape(x, s)", NO),
        (ONE + "s = Const int32[2] [1, -1]\ny = Reshape(x, s)", NO),
        (ONE + "s = Const int32[1] [192]\ny = Reshape(x, s)", YES),
        (ONE + "s = Const int32[2] [64, 3]\ny = Reshape(x, s)", YES),
        ("x = Placeholder {dtype: float32, shape: shape[?,?,3]}\ns = Const int32[2] [-1, 3]\ny = Reshape(x, s)", OPEN),
        (SEQ + "f = Shape(x)\no = Const int32[1] [0]\ne = Const int32[1] [1]\nb = StridedSlice(f, o, e, e)\n"
         "r = Const int32[1] [80]\na = Const int32[] 0\ns = ConcatV2(b, r, a)\ny = Reshape(x, s)", NO),
    ],
)  # fmt: skip
def test_reshapes_and_the_batch(case: Case) -> None:
    holds("reshapes-batch", case)


@pytest.mark.parametrize(
    "case",
    [
        (SEQ + "s = Const int32[2] [-1, 80]\ny = Reshape(x, s)", NO),
        (SEQ + "s0 = Const int32[2] [-1, 80]\ns = Identity(s0)\ny = Reshape(x, s)", NO),
        (SEQ + "f = Shape(x)\ny = Reshape(x, f)", YES),
        (ONE + "f = Shape(x)\ny = Reshape(x, f)", OPEN),
        (SEQ + "f = Placeholder {dtype: int32, shape: shape[2]}\ny = Reshape(x, f)", YES),
    ],
)
def test_computed_shapes(case: Case) -> None:
    holds("shape-computed", case, inputs={"Reshape": [1]})


def test_the_shape_of_a_flatten_is_not_read() -> None:
    text = SEQ + "f = Shape(x)\nflatten/y = Reshape(x, f)"
    holds("shape-computed", (text, NO), "flatten/y", inputs={"Reshape": [1]})
    holds("reshapes-batch", (text, YES), "flatten/y")


SLICE = "b = Const int32[2] {}\ne = Const int32[2] {}\ns = Const int32[2] [1, 1]\ny = StridedSlice(x, b, e, s) {{{}}}"


@pytest.mark.parametrize(
    "case",
    [
        (X + SLICE.format("[0, 1]", "[0, 4]", "begin_mask: 1, end_mask: 1"), NO),
        (X + SLICE.format("[0, 1]", "[1, 4]", ""), OPEN),
        (ONE + SLICE.format("[0, 1]", "[1, 4]", ""), NO),
        (X + SLICE.format("[1, 1]", "[2, 4]", ""), YES),
        (X + SLICE.format("[0, 1]", "[1, 4]", "shrink_axis_mask: 1"), YES),
        (X + SLICE.format("[0, 1]", "[0, 4]", "begin_mask: 1, end_mask: 1, shrink_axis_mask: 2"), NO),
        (X + "f = Shape(x)\n" + SLICE.format("[0, 0]", "[1, 1]", "").replace("(x,", "(f,"), NO),
    ],
)
def test_slices_of_the_batch(case: Case) -> None:
    holds("slices-batch", case)


@pytest.mark.parametrize(
    "case",
    [
        (X + "a = Const int32[1] [0]\ny = Mean(x, a)", YES),
        (X + "a = Const int32[1] [-4]\ny = Mean(x, a)", YES),
        (X + "a = Const int32[2] [1, 2]\ny = Mean(x, a)", NO),
        ("x = Placeholder {dtype: float32}\na = Const int32[1] [-1]\ny = Mean(x, a)", OPEN),
        (X + "s = Shape(x)\na = Const int32[1] [0]\ny = Prod(s, a)", NO),
    ],
)
def test_axes_with_the_batch(case: Case) -> None:
    holds("axes-hold-batch", case)


@pytest.mark.parametrize(
    "case",
    [
        (X + "p = Const int32[4] [0, 3, 1, 2]\ny = Transpose(x, p)", NO),
        (X + "p = Const int32[4] [1, 0, 2, 3]\ny = Transpose(x, p)", YES),
        (ROW + "w = Const float32[4,4] 1.0\ny = MatMul(x, w) {transpose_a: true}", YES),
        (ONE + "y = Squeeze(x)", YES),
        (X + "y = Squeeze(x)", OPEN),
        (ONE + "y = Squeeze(x) {squeeze_dims: [0]}", YES),
        ("x = Placeholder {dtype: float32, shape: shape[?,1,1,3]}\ny = Squeeze(x) {squeeze_dims: [1, 2]}", NO),
        (X + "a = Const int32[] 0\ny = ExpandDims(x, a)", YES),
        (X + "a = Const int32[] -5\ny = ExpandDims(x, a)", YES),
        (X + "a = Const int32[] 1\ny = ExpandDims(x, a)", NO),
        (X + "y = Pack(x, x)", YES),
        (X + "y = Pack(x, x) {axis: 1}", NO),
        (X + "i = Const int32[1] 1\na = Const int32[] 0\ny = GatherV2(x, i, a)", YES),
        (X + "i = Const int32[1] 1\na = Const int32[] 3\ny = GatherV2(x, i, a)", NO),
        (
            "x = Placeholder {dtype: int32, shape: shape[?]}\nt = Const float32[9,4] 1.0\na = Const int32[] 0\n"
            "y = GatherV2(t, x, a)",
            NO,
        ),
    ],
)
def test_the_batch_moved(case: Case) -> None:
    holds("moves-batch", case)
