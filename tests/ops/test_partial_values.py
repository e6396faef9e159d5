"""Shape arithmetic with an unknown batch: how much inference gets to know, and what a Reshape becomes in ONNX."""

from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.formats.onnx import onnx_from_graph
from graphdoctor.passes.infer_shapes import infer_shapes
from tests.ops.harness import completed

SHAPE_OF = """
x = Placeholder {dtype: float32, shape: shape[?,7,?,64]}
s = Shape(x)
zero = Const int32[] 0
zeros = Const int32[1] 0
ones = Const int32[1] 1
twos = Const int32[1] 2
threes = Const int32[1] 3
batch = StridedSlice(s, zeros, ones, ones) {shrink_axis_mask: 1}
height = StridedSlice(s, ones, twos, ones) {shrink_axis_mask: 1}
width = StridedSlice(s, twos, threes, ones) {shrink_axis_mask: 1}
"""

VALUES = [
    ("y = Identity(s)", (None, 7, None, 64)),
    ("y = Pack(batch, height)", (None, 7)),
    ("y = ConcatV2(ones, s, threes, zero)", (1, None, 7, None, 64, 3)),
    ("y = Slice(s, twos, twos)", (None, 64)),
    ("y = StridedSlice(s, ones, zeros, ones) {end_mask: 1}", (7, None, 64)),
    ("i = Const int32[3] [3, 0, 1]\ny = GatherV2(s, i, zero)", (64, None, 7)),
    ("y = Cast(s) {DstT: int64}", (None, 7, None, 64)),
    ("r = ReverseV2(s, zeros)\ny = Tile(r, twos)", (64, None, 7, None) * 2),
    ("e = ExpandDims(s, zero)\ny = Squeeze(e) {squeeze_dims: [0]}", (None, 7, None, 64)),
    ("u = Unpack(s) {num: 4}\ny = Pack(u:3, u:2)", (64, None)),
    ("p = SplitV(s, l, zero) {num_split: 2}\nl = Const int32[2] [1, -1]\ny = Identity(p:1)", (7, None, 64)),
    ("h = ExpandDims(height, zero)\ny = Fill(h, threes)", (3,) * 7),
    ("y = Prod(p, zero)\np = Slice(s, ones, ones)", (7,)),
    ("y = EnsureShape(s) {shape: shape[4]}", (None, 7, None, 64)),
]


@pytest.mark.parametrize(("lines", "elements"), VALUES, ids=[v[0].split("\n")[-1] for v in VALUES])
def test_partly_known_values_are_carried(lines: str, elements: tuple[int | None, ...]) -> None:
    graph = completed(SHAPE_OF + lines, "values")
    specs = infer_shapes(graph)
    assert specs.conflicts == []
    found = specs.of(graph.value("y"))
    assert found.ints() == elements
    assert found.value is not None
    if None not in elements:
        assert found.dtype.numpy == found.value.dtype


MINUS = "m = Const int32[] -1\n"
KEPT = [
    ("p = Pack(batch, height, m)", "[?,7,?]"),
    ("p = Pack(batch, width, m)", "[?,?,448]"),
    ("p = Pack(width, batch, m)", "[?,?,448]"),
    ("b = GatherV2(s, zero, zero)\np = Pack(b, width, m)", "[?,?,448]"),
    ("e = ExpandDims(batch, zero)\nw = Slice(s, twos, twos)\np = ConcatV2(e, w, ones, zero)", "[?,?,64,1]"),
    ("c = Cast(s) {DstT: int64}\nn = Slice(c, z, o)\nz = Const int64[1] 0\no = Const int64[1] 1\n"
     "k = Const int64[2] [-1, 64]\np = ConcatV2(n, k, zero)", "[?,?,64]"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "shape"), KEPT, ids=[k[0].split("\n")[0] for k in KEPT])
def test_a_dimension_that_is_taken_over_cancels(lines: str, shape: str) -> None:
    graph = completed(SHAPE_OF + MINUS + lines + "\ny = Reshape(x, p)", "kept")
    specs = infer_shapes(graph)
    assert specs.conflicts == []
    assert str(specs.of(graph.value("y"))) == f"float32{shape}"


FLAT = """
x = Placeholder {dtype: float32, shape: shape[?,3,4,2]}
{between}
s = Shape(x)
z = Const int32[1] 0
o = Const int32[1] 1
b = StridedSlice(s, z, o, o) {shrink_axis_mask: 1}
m = Const int32[] -1
p = Pack(b, m)
y = Reshape({data}, p)
outputs: y
"""


@pytest.mark.parametrize(
    ("between", "data", "wanted"),
    [
        ("", "x", [-1, 24]),
        ("r = Relu(x)", "r", [-1, 24]),
        ("k = Const float32[1,1,2,5] 0.5\nr = Conv2D(x, k) {strides: [1,1,1,1], padding: \"SAME\"}", "r", [-1, 60]),
        ("q = Const int32[4] [0,3,1,2]\nr = Transpose(x, q)", "r", [-1, 24]),
    ],
    ids=["itself", "elementwise", "convolution", "transpose"],
)  # fmt: skip
def test_flatten_by_shape_arithmetic_becomes_one_reshape_with_a_free_batch(
    between: str, data: str, wanted: list[int]
) -> None:
    text = FLAT.replace("{between}", between).replace("{data}", data)
    model = onnx_from_graph(completed(text, "flat"))
    reshapes = [n for n in model.nodes if n.op_type == "Reshape"]
    assert [n.op_type for n in model.nodes if n.op_type in ("Shape", "Gather", "Slice", "Concat")] == []
    assert [model.initializers[n.inputs[1]].tolist() for n in reshapes] == [wanted]


def test_two_unknown_dimensions_are_copied_and_left_over() -> None:
    text = SHAPE_OF + MINUS + "p = Pack(batch, width, m)\ny = Reshape(x, p)\noutputs: y"
    model = onnx_from_graph(completed(text, "two"))
    (reshape,) = (n for n in model.nodes if n.op_type == "Reshape")
    assert model.initializers[reshape.inputs[1]].tolist() == [0, -1, 448]
    assert "allowzero" not in reshape.attrs


def test_dimensions_that_change_places_are_computed_at_run_time() -> None:
    text = SHAPE_OF + MINUS + "p = Pack(width, batch, m)\ny = Reshape(x, p)\noutputs: y"
    model = onnx_from_graph(completed(text, "swap"))
    (reshape,) = (n for n in model.nodes if n.op_type == "Reshape")
    assert reshape.inputs[1] not in model.initializers


def test_a_batch_from_another_input_does_not_cancel() -> None:
    text = """
    x = Placeholder {dtype: float32, shape: shape[?,6]}
    w = Placeholder {dtype: float32, shape: shape[?,6]}
    s = Shape(w)
    z = Const int32[1] 0
    o = Const int32[1] 1
    b = StridedSlice(s, z, o, o) {shrink_axis_mask: 1}
    m = Const int32[] -1
    p = Pack(b, m)
    y = Reshape(x, p)
    """
    graph = completed(text, "other")
    assert str(infer_shapes(graph).of(graph.value("y"))) == "float32[?,?]"


def test_values_do_not_cross_control_flow() -> None:
    text = """
    p = Placeholder {dtype: bool, shape: shape[]}
    c = Const int32[2] [1, 2]
    s = Switch(c, p)
    e = Enter(c) {frame_name: "f", is_constant: true}
    """
    specs = infer_shapes(graph := completed(text, "control"))
    for name in ("s", "s:1", "e"):
        assert specs.of(graph.value(name)).value is None
        assert specs.of(graph.value(name)).shape == (2,)


def test_a_shape_over_int32_has_no_value() -> None:
    graph = completed("x = Placeholder {dtype: float32, shape: shape[3000000000,2]}\ns = Shape(x)\n"
                      "l = Shape(x) {out_type: int64}", "large")  # fmt: skip
    specs = infer_shapes(graph)
    assert specs.of(graph.value("s")).value is None
    np.testing.assert_array_equal(specs.of(graph.value("l")).value, [3000000000, 2])
