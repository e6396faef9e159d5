"""The predicates about layouts, paddings and constants in networks from UFF: yes, no, and where it cannot be told."""

from __future__ import annotations

import pytest

from graphdoctor.ir.text import parse_graph
from graphdoctor.match import CannotTell, Judge, MatchContext
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.wire.tensors import Tensor
from tests.match.uff import CHW, HWC, NO, ONE, OPEN, ROW, SEQ, TARGETS, YES, Case, X, holds, make


@pytest.mark.parametrize(
    "case",
    [
        (ROW + "y = Softmax(x)", NO),
        (X + HWC + "y = Softmax(c)", NO),
        (CHW + "y = Softmax(c)", YES),
        (X + "y = Softmax(x)", OPEN),
        (SEQ + "y = Softmax(x)", OPEN),
        ("x = Placeholder {dtype: float32, shape: shape[?,2,2,2,2]}\ny = Softmax(x)", OPEN),
    ],
)
def test_axis_of_softmax(case: Case) -> None:
    holds("softmax-off-channels", case)


@pytest.mark.parametrize(
    "case",
    [
        (ROW + "a = Const int32[] 1\ny = ArgMax(x, a)", NO),
        (ROW + "a = Const int32[] -1\ny = ArgMax(x, a)", OPEN),
        (X + HWC + "a = Const int32[] 3\ny = ArgMax(c, a)", YES),
        (CHW + "a = Const int32[] 1\ny = ArgMax(c, a)", NO),
        (CHW + "a = Const int32[] 2\ny = ArgMax(c, a)", OPEN),
        (SEQ + "a = Const int32[] 2\ny = ArgMax(x, a)", OPEN),
    ],
)
def test_axis_of_arg_max(case: Case) -> None:
    holds("arg-off-channels", case)


FLAT = "s = Const int32[2] [-1, 256]\nflatten/y = Reshape(c, s)"


@pytest.mark.parametrize(
    "case",
    [
        (X + HWC + FLAT, YES),
        (X.replace("8,8", "?,?") + HWC + FLAT, OPEN),
        (CHW + FLAT, NO),
        (X + "s = Const int32[2] [-1, 192]\nflatten/y = Reshape(x, s)", OPEN),
        ("x = Placeholder {dtype: float32, shape: shape[?,8,8,1]}\ns = Const int32[2] [-1, 64]\n"
         "flatten/y = Reshape(x, s)", NO),
        ("x = Placeholder {dtype: float32, shape: shape[?,1,1,9]}\ns = Const int32[2] [-1, 9]\n"
         "flatten/y = Reshape(x, s)", NO),
        (SEQ + "s = Const int32[2] [-1, 80]\nflatten/y = Reshape(x, s)", OPEN),
        (ROW + "s = Const int32[2] [-1, 16]\nflatten/y = Reshape(x, s)", NO),
    ],
)  # fmt: skip
def test_order_of_a_flatten(case: Case) -> None:
    holds("flatten-reorders", case, "flatten/y")


PAD = "p = Const int32[4,2] {}\ny = Pad(x, p)\n{}w = Const float32[3,3,3,4] 1.0\n"
PAD += 'c = Conv2D({}, w) {{padding: "{}", strides: [1,1,1,1]}}'
ROUND, UNEVEN, DEEP = "[[0,0],[1,1],[1,1],[0,0]]", "[[0,0],[0,1],[0,1],[0,0]]", "[[0,0],[0,0],[0,0],[1,1]]"


@pytest.mark.parametrize(
    "case",
    [
        (X + PAD.format(ROUND, "", "y", "VALID"), NO),
        (X + PAD.format(UNEVEN, "", "y", "VALID"), NO),
        (X + PAD.format(DEEP, "", "y", "VALID"), YES),
        (X + PAD.format(DEEP, "", "y", "SAME"), OPEN),
        (X + PAD.format(ROUND, "i = Identity(y)\n", "i", "VALID"), OPEN),
        (X + "p = Const int32[4,2] [[0,0],[0,0],[0,0],[1,1]]\ny = Pad(x, p)", NO),
    ],
)
def test_lost_padding(case: Case) -> None:
    holds("pad-lost", case)


DECONV = "s = Const int32[4] [1, {0}, {0}, 2]\nw = Const float32[{1},{1},2,3] 1.0\n"
DECONV += 'y = Conv2DBackpropInput(s, w, x) {{padding: "{2}", strides: [1,2,2,1]}}'


@pytest.mark.parametrize(
    "case",
    [
        (ONE + DECONV.format(16, 3, "SAME"), YES),
        (ONE + DECONV.format(16, 4, "SAME"), NO),
        (ONE + DECONV.format(16, 2, "SAME"), NO),
        (ONE + DECONV.format(15, 3, "SAME"), NO),
        (ONE + DECONV.format(17, 3, "VALID"), NO),
        (ONE + DECONV.format(16, 1, "SAME"), OPEN),
    ],
)
def test_padding_of_a_transposed_convolution(case: Case) -> None:
    holds("deconvolution-uneven", case)


TURN = "x = Placeholder {dtype: float32, shape: shape[1,3,8,8]}\np = Const int32[4] [0, 2, 3, 1]\ny = Transpose(x, p)\n"


@pytest.mark.parametrize(
    "case",
    [
        (TURN + HWC.replace("(x,", "(y,") + "z = Add(c, c)", YES),
        (TURN + HWC.replace("(x,", "(y,"), NO),
        (TURN + "z = Add(y, y)", OPEN),
        (X + "r = Relu(x)\np = Const int32[4] [0, 2, 3, 1]\ny = Transpose(r, p)\nz = Add(y, y)", NO),
    ],
)
def test_transposed_inputs(case: Case) -> None:
    holds("transposes-input", case)


@pytest.mark.parametrize(
    "case",
    [
        (X + "m = Const float32[3] 1.0\ny = Sub(x, m)", YES),
        (X + "m = Const float32[] 1.0\nd = Sub(x, m)\nv = Const float32[3] 2.0\ny = RealDiv(d, v)", YES),
        (X + "m = Const float32[] 1.0\ny = Sub(x, m)", NO),
        (X + "m = Const float32[3,1,1] 1.0\ny = Sub(x, m)", NO),
        (X + HWC + "m = Const float32[4] 1.0\ny = Sub(c, m)", NO),
    ],
)
def test_normalized_inputs(case: Case) -> None:
    holds("normalises-input", case)


@pytest.mark.parametrize(
    "case",
    [
        (X + "a = Const int32[1] [1]\nm = Mean(x, a)\np = Const int32[3] [0, 2, 1]\ny = Transpose(m, p)", OPEN),
        (X + "a = Const int32[1] [1]\nm = Mean(x, a) {keep_dims: true}\np = Const int32[4] [0, 2, 1, 3]\n"
         "y = Transpose(m, p)", NO),
        (X + "a = Const int32[1] [1]\nm = Mean(x, a)\nr = Relu(m)\ny = Mean(r, a)", OPEN),
        (X + "s = Shape(x)\na = Const int32[1] [0]\nq = Prod(s, a)\nb = Const int32[] 3\ny = Pack(q, b)", NO),
    ],
)  # fmt: skip
def test_axes_behind_a_reduction(case: Case) -> None:
    holds("reads-kept-dimensions", case)


@pytest.mark.parametrize(
    "case",
    [
        ("y = Placeholder {dtype: float32, shape: shape[]}", YES),
        ("y = Placeholder {dtype: float32, shape: shape[?]}", OPEN),
        ("y = Placeholder {dtype: float32, shape: shape[?,3]}", NO),
        ("y = Placeholder {dtype: float32}", NO),
    ],
)
def test_inputs_without_dimensions(case: Case) -> None:
    holds("input-without-dimensions", case)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X + "s = Const int32[2] [-1, 192]\ny = Reshape(x, s)\noutputs: y", OPEN),
        (X + "s = Const int32[2] [-1, 192]\ny = Reshape(x, s)\nr = Relu(y)\noutputs: r", OPEN),
        (X + "s = Const int32[3] [-1, 64, 3]\ny = Reshape(x, s)\nz = Reshape(y, s)\noutputs: z", NO),
    ],
)
def test_outputs_that_are_near(text: str, expected: type) -> None:
    holds("reaches-output", (text, expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X + "y = Identity(x)\noutputs: y", OPEN),
        (X + "y = Identity(x)\nz = Identity(y)\nr = Relu(z)\noutputs: r", OPEN),
        (X + "y = Identity(x)\nr = Relu(y)\noutputs: r", NO),
    ],
)
def test_identities_that_stay(text: str, expected: type) -> None:
    holds("identity-becomes-layer", (text, expected))


def _stored(dtype: int, dims: bytes, field: int, values: bytes) -> Tensor:
    """A constant with ``values`` in ``field`` of TensorProto; ``dims`` are the sizes, one byte each."""
    shape = b"".join(bytes([0x12, 2, 8, d]) for d in dims)
    head = bytes([8, dtype, 0x12, len(shape)]) + shape
    return Tensor.from_payload(head + bytes([field << 3 | 2, len(values)]) + values)


@pytest.mark.parametrize(
    ("label", "tensor", "tag", "expected"),
    [
        ("int64", _stored(9, b"", 10, b"\x03"), "constant-becomes-empty", YES),
        ("int64", _stored(9, b"", 4, b"\x03" + b"\0" * 7), "constant-becomes-empty", NO),
        ("int64", _stored(9, b"\x00", 10, b""), "constant-becomes-empty", NO),
        ("float16", _stored(19, b"", 13, b"\x80\x70"), "constant-becomes-empty", YES),
        ("int32", _stored(3, b"", 7, b"\x03"), "constant-becomes-empty", NO),
        ("float32", _stored(1, b"\x03", 5, b"\0" * 8), "constant-stored-in-part", YES),
        ("float32", _stored(1, b"\x03", 5, b"\0" * 4), "constant-stored-in-part", NO),
        ("float32", _stored(1, b"\x03", 5, b"\0" * 12), "constant-stored-in-part", NO),
        ("float32", _stored(1, b"\x02\x40", 5, b"\0" * 40), "constant-stored-in-part", YES),
        ("int32", _stored(3, b"\x04", 7, b"\1\2"), "constant-stored-in-part", YES),
        ("int32", _stored(3, b"\x04", 7, b"\1\2\3\4"), "constant-stored-in-part", NO),
        ("int32", _stored(3, b"\x04", 4, b"\1\0\0\0" * 4), "constant-stored-in-part", NO),
    ],
)
def test_how_constants_are_stored(label: str, tensor: Tensor, tag: str, expected: type) -> None:
    graph = parse_graph(f"y = Const {label}[1] 1\nr = Relu(y)\noutputs: r")
    graph.set_attr(graph.node("y"), "value", tensor)
    specs = infer_shapes(graph)
    ctx = MatchContext(graph, specs, TARGETS[0], Judge(graph, specs, TARGETS))
    assert isinstance(make(tag).test(ctx, graph.node("y")), expected)


def test_a_damaged_constant_cannot_be_told() -> None:
    graph = parse_graph("y = Const int64[1] 1\nr = Relu(y)\noutputs: r")
    graph.set_attr(graph.node("y"), "value", Tensor.from_payload(b"\x08\x09\xff\xff"))
    specs = infer_shapes(graph)
    ctx = MatchContext(graph, specs, TARGETS[0], Judge(graph, specs, TARGETS))
    assert isinstance(make("constant-becomes-empty").test(ctx, graph.node("y")), CannotTell)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X + "b = Const float32[] 6.0\ny = Minimum(x, b)", YES),
        (X + "b = Const float32[] 6.0\ny = Minimum(b, x)", OPEN),
        (X + "b = Const float32[] 6.0\ns = Sqrt(b)\ny = Minimum(x, s)", OPEN),
        (X + "y = Minimum(x, x)", NO),
    ],
)
def test_constant_operands(text: str, expected: type) -> None:
    holds("constant-operand", (text, expected), sure=[1])
