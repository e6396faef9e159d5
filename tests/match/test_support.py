"""Whether a target runs a node: through the tables, for TensorFlow ops and for what they become in ONNX."""

from __future__ import annotations

import pytest

from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.match import Judge
from graphdoctor.match.lowered import OnnxRecords
from graphdoctor.ops import find_op
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import all_target_names, load_target
from graphdoctor.types import Answer, DType
from graphdoctor.wire.messages import schema
from graphdoctor.wire.schema import Variant


def _judge(text: str, *targets: str) -> tuple[Graph, Judge]:
    graph = parse_graph(text)
    complete_attrs(graph)
    return graph, Judge(graph, infer_shapes(graph), [load_target(t) for t in targets])


def _answer(text: str, node: str, target: str) -> tuple[Answer, str]:
    graph, judge = _judge(text, target)
    support = judge.support(graph.node(node), load_target(target))
    return support.ok, support.reason


X = "x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}\n"


@pytest.mark.parametrize(
    ("text", "target", "answer"),
    (
        ("y = Relu(x)", "trt3", Answer.YES),
        ("y = Erf(x)", "trt3", Answer.NO),
        ("y = Foo(x)", "trt3", Answer.NO),
        ("y = Foo(x)", "trt10.0", Answer.NO),
        ("y = Digamma(x)", "trt10.0", Answer.UNKNOWN),
        ("y = Erf(x)", "trt10.0", Answer.YES),
        ("y = Relu(f)\nf = Digamma(x)", "trt10.0", Answer.UNKNOWN),
        ("s = Const int32[2] [-1, 192]\ny = Reshape(x, s)", "trt8.0", Answer.YES),
        ("s = Const int64[2] [-1, 192]\ny = Reshape(x, s)", "trt3", Answer.UNKNOWN),
    ),
)
def test_answers(text: str, target: str, answer: Answer) -> None:
    body = X + text + "\ninputs: x\noutputs: y"
    assert _answer(body, "y", target)[0] is answer


@pytest.mark.parametrize("op", ("MyOwnOp", "Relu_", "relu"))
def test_an_op_that_no_tensorflow_has_goes_through_no_onnx_parser(op: str) -> None:
    for name in all_target_names():
        if load_target(name).parser == "onnx":
            answer, reason = _answer(f"{X}y = {op}(x)\ninputs: x\noutputs: y", "y", name)
            assert answer is Answer.NO
            assert "a plugin of that name" in reason


def test_a_function_of_the_graph_is_no_op_that_nobody_knows() -> None:
    graph = parse_graph(f"{X}y = my_function(x)\ninputs: x\noutputs: y")
    source = schema(Variant.FULL).message_class("GraphDef")()
    source.library.function.add().signature.name = "my_function"
    graph.source = source
    judge = Judge(graph, infer_shapes(graph), [load_target("trt8.6")])
    assert judge.support(graph.node("y"), load_target("trt8.6")).ok is Answer.UNKNOWN


def test_an_input_of_an_op_that_nobody_knows_needs_a_type() -> None:
    text = "x = MyOwnOp\ny = Relu(x) {T: float32}\ninputs: x\noutputs: y"
    assert _answer(text, "x", "trt8.6")[0] is Answer.NO
    assert _answer(text.replace("MyOwnOp", "Digamma"), "x", "trt8.6")[0] is Answer.UNKNOWN


def test_only_the_onnx_ops_that_a_node_becomes_are_asked_for() -> None:
    """Arithmetic shares one class in which Cast and Mod occur; a float division needs neither."""
    text = "x = Placeholder {dtype: float32, shape: shape[4]}\nc = Const float32[] 2.0\ny = FloorDiv(x, c)\noutputs: y"
    assert _answer(text, "y", "trt8.4")[0] is Answer.YES
    integers = text.replace("float32", "int32").replace("2.0", "2")
    answer, reason = _answer(integers, "y", "trt8.4")
    assert answer is Answer.NO
    assert reason == "ONNX Mod: listed as not supported"


def test_constant_arguments_are_no_tensors_of_the_engine() -> None:
    """trt8.0 has no int64 tensors, and the axis, the shape and the permutation are no tensors."""
    text = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
axis = Const int64[1] [3]
e = ExpandDims(x, axis) {Tdim: int64}
perm = Const int64[5] [0, 1, 2, 3, 4]
y = Transpose(e, perm) {Tperm: int64}
outputs: y
"""
    for node in ("e", "y", "axis", "perm"):
        assert _answer(text, node, "trt8.0")[0] is Answer.YES, node


def test_int64_data_cannot_be_told_where_it_is_narrowed() -> None:
    text = "x = Placeholder {dtype: int64, shape: shape[4]}\ny = Add(x, x)\ninputs: x\noutputs: y"
    answer, reason = _answer(text, "y", "trt8.4")
    assert answer is Answer.UNKNOWN
    assert "int64" in reason
    assert _answer(text, "y", "trt10.0")[0] is Answer.YES


def test_shapes_that_are_computed_are_narrowed_without_harm() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[?,8]}\ny = Shape(x)\ninputs: x\noutputs: y"
    assert _answer(text, "y", "trt8.4")[0] is Answer.YES


@pytest.mark.parametrize(
    ("dtype", "target", "answer"),
    (
        ("float32", "trt8.4", Answer.YES),
        ("int64", "trt8.4", Answer.UNKNOWN),
        ("int64", "trt10.0", Answer.YES),
        ("string", "trt10.0", Answer.NO),
        ("uint16", "rtx1.7", Answer.NO),
        ("invalid", "trt10.0", Answer.UNKNOWN),
    ),
)
def test_inputs(dtype: str, target: str, answer: Answer) -> None:
    text = f"x = Placeholder {{dtype: {dtype}, shape: shape[4]}}\ny = Identity(x)\ninputs: x\noutputs: y"
    assert _answer(text, "x", target)[0] is answer


def test_an_input_of_another_op_is_an_input() -> None:
    """Exports that start at a queue or an iterator."""
    text = "x = IteratorGetNext(h) {output_types: [float32], output_shapes: [shape[1,4]]}\nh = OneShotIterator\n"
    assert _answer(text + "y = Relu(x)\ninputs: x\noutputs: y", "x", "trt10.0")[0] is Answer.YES
    assert _answer(text + "y = Relu(x)\noutputs: y", "x", "trt10.0")[0] is Answer.UNKNOWN


def test_what_does_not_depend_on_an_input_is_folded_for_onnx() -> None:
    text = "a = Const int32[] 7\nb = Const int32[] 2\nc = FloorMod(a, b)\nd = Add(c, a)\ny = Identity(d)\noutputs: y"
    graph, judge = _judge(text, "trt8.4", "trt3")
    assert all(judge.is_constant(graph.node(n)) for n in "acdy")
    assert judge.support(graph.node("c"), load_target("trt8.4")).ok is Answer.YES
    assert judge.support(graph.node("c"), load_target("trt3")).ok is Answer.NO


@pytest.mark.parametrize(
    "text",
    (
        "y = RandomUniform(s) {dtype: float32}",
        "r = Relu(c)\ny = Relu(c, ^r)",
        "y = Foo(c)",
        "p = Placeholder {dtype: float32}\ny = Add(c, p)",
        "d = PlaceholderWithDefault(c) {dtype: float32, shape: shape[1]}\ny = Relu(d)",
    ),
    ids=("random", "waits", "unknown op", "an input", "a default that may be fed"),
)
def test_what_is_not_folded(text: str) -> None:
    graph, judge = _judge(f"c = Const float32[1] 1.0\ns = Const int32[1] [4]\n{text}\noutputs: y", "trt10.0")
    assert not judge.is_constant(graph.node("y"))


def test_a_folded_chain_is_linear_and_not_recursive() -> None:
    lines = ["c0 = Const float32[] 1.0"] + [f"c{i} = Identity(c{i - 1})" for i in range(1, 5000)]
    graph, judge = _judge("\n".join([*lines, "outputs: c4999"]), "trt10.0")
    assert judge.is_constant(graph.node("c4999"))


def test_weights_count_as_constants_whatever_their_size() -> None:
    text = (
        X + 'w = Const float32[64,64,3,4] normal(1)\ny = Conv2D(x, w) {padding: "SAME", strides: [1,1,1,1]}\noutputs: y'
    )
    assert _answer(text, "y", "trt8.0")[0] is Answer.YES


def test_equal_nodes_are_lowered_once_and_attributes_tell_them_apart() -> None:
    text = (
        X
        + """
size = Const int32[2] [16, 16]
a = ResizeBilinear(x, size) {align_corners: false, half_pixel_centers: true}
b = ResizeBilinear(x, size) {align_corners: true, half_pixel_centers: false}
c = ResizeBilinear(x, size) {align_corners: false, half_pixel_centers: true}
"""
    )
    graph = parse_graph(text)
    complete_attrs(graph)
    records = OnnxRecords(infer_shapes(graph))
    op = find_op("ResizeBilinear")
    assert op is not None
    a, b, c = (records.of(graph.node(n), op) for n in "abc")
    assert a == c
    assert a != b
    modes = [
        dict(e.attrs)["coordinate_transformation_mode"] for made in (a, b) for e in made.emissions if e.op == "Resize"
    ]
    assert modes == ["half_pixel", "align_corners"]


def test_a_lowering_that_refuses_or_stumbles_gives_its_reason() -> None:
    refused = "x = Placeholder {dtype: string, shape: shape[1]}\ny = Add(x, x)\noutputs: y"
    answer, reason = _answer(refused, "y", "trt10.0")
    assert answer is Answer.UNKNOWN
    assert reason
    damaged = X + "y = Conv2D(x) {strides: [1]}\noutputs: y"
    answer, reason = _answer(damaged, "y", "trt10.0")
    assert (answer, reason) == (Answer.UNKNOWN, "nothing is known of its outputs")


def test_a_lowering_that_finds_a_contradiction_gives_it() -> None:
    text = "x = Placeholder {dtype: float32}\np = Const int32[4] [0,0,0,0]\ny = Transpose(x, p)\noutputs: y"
    answer, reason = _answer(text, "y", "trt10.0")
    assert answer is Answer.UNKNOWN
    assert reason == "axes [0, 0, 0, 0] name one axis twice"


def test_dtypes_of_what_a_lowering_makes_in_between() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[4]}\ny = Cast(x) {SrcT: float32, DstT: bool}\noutputs: y"
    graph = parse_graph(text)
    specs = infer_shapes(graph)
    op = find_op("Cast")
    assert op is not None
    made = OnnxRecords(specs).of(graph.node("y"), op)
    assert not isinstance(made.emissions, str)
    assert dict(made.emissions[-1].attrs).get("to") in (None, DType.BOOL)


@pytest.mark.parametrize(
    ("text", "answer", "reason"),
    (
        ("x = Placeholder {dtype: uint8, shape: shape[2]}\ny = Cast(x) {DstT: float32}\noutputs: y", Answer.YES, ""),
        ("x = Placeholder {dtype: float32, shape: shape[2]}\ny = Cast(x) {DstT: uint8}\noutputs: y", Answer.YES, ""),
        (
            "x = Placeholder {dtype: float32, shape: shape[2]}\nu = Cast(x) {DstT: uint8}\n"
            "y = Cast(u) {DstT: float32}\noutputs: y",
            Answer.NO,
            "ONNX Cast: input 0 is uint8, which the target takes only from outside",
        ),
        (
            "x = Placeholder {dtype: uint8, shape: shape[2]}\ni = Identity(x)\ny = Cast(i) {DstT: float32}\noutputs: y",
            Answer.YES,
            "",
        ),
    ),
)
def test_a_type_that_is_taken_from_outside_alone(text: str, answer: Answer, reason: str) -> None:
    """Measured: the builder has no uint8 between two ops, and takes it as an input or output."""
    got, why = _answer(text, "y", "rtx1.7")
    assert got is answer
    assert reason in why


@pytest.mark.parametrize(
    ("text", "node"),
    (
        ("x = Placeholder {dtype: int8, shape: shape[2]}\nc = Const int8[2] [1,2]\ny = Add(x, c)\noutputs: y", "y"),
        ("x = Placeholder {dtype: int8, shape: shape[2]}\nc = Const int8[2] [1,2]\ny = Add(x, c)\noutputs: y", "c"),
        ("x = Placeholder {dtype: int8, shape: shape[2]}\ny = OnesLike(x)\noutputs: y", "y"),
        ("c = Const int8[2] [1,2]\noutputs: c", "c"),
        ('c = Const string[1] ["a"]\noutputs: c', "c"),
        ("c = Const uint8[1] [1]\noutputs: c", "c"),
    ),
)
def test_constants_that_the_builder_refuses(text: str, node: str) -> None:
    answer, reason = _answer(text, node, "rtx1.7")
    assert answer is Answer.NO
    assert "constant of" in reason


def test_a_constant_that_is_folded_away_may_have_any_type() -> None:
    text = X + "c = Const int8[1] [3]\nf = Cast(c) {DstT: float32}\ny = Add(x, f)\noutputs: y"
    assert [_answer(text, n, "rtx1.7")[0] for n in "cfy"] == 3 * [Answer.YES]


def test_what_folding_cannot_compute_is_not_a_constant() -> None:
    text = "q = Const qint8[1] [3]\na = Const float32[] -1.5\nb = Const float32[] 2.5\n"
    text += 'y = Dequantize(q, a, b) {{mode: "{0}"}}\noutputs: y'
    assert _answer(text.format("MIN_FIRST"), "y", "rtx1.7")[0] is Answer.YES
    answer, reason = _answer(text.format("SCALED"), "y", "rtx1.7")
    assert (answer, reason) == (Answer.UNKNOWN, "graphdoctor has no ONNX lowering for Dequantize")


def test_an_output_that_onnx_does_not_have() -> None:
    norm = X + "".join(f"{n} = Const float32[3] 1.0\n" for n in "abcd")
    norm += "y = FusedBatchNorm(x, a, b, c, d) {is_training: false, epsilon: 0.001}\n"
    assert _answer(norm + "outputs: y", "y", "rtx1.7")[0] is Answer.YES
    assert _answer(norm + "dead = Relu(y:3)\noutputs: y", "y", "rtx1.7")[0] is Answer.YES
    answer, reason = _answer(norm + "z = Relu(y:3)\noutputs: y, z", "y", "rtx1.7")
    assert (answer, reason) == (Answer.UNKNOWN, "ONNX does not have its output 3")


def test_sizes_that_a_row_wants_to_know() -> None:
    conv = "w = Placeholder {dtype: float32, shape: shape[%s,3,3,4]}\ny = Conv2D(x, w)"
    conv = X + conv + ' {strides: [1,1,1,1], padding: "VALID"}\noutputs: y'
    assert _answer(conv % 3, "y", "rtx1.7")[0] is Answer.YES
    assert _answer(conv % "?", "y", "rtx1.7")[0] is Answer.UNKNOWN
    gather = X + "i = Placeholder {dtype: int32, shape: shape[5,%s]}\ny = GatherNd(x, i)\noutputs: y"
    assert _answer(gather % 2, "y", "rtx1.7")[0] is Answer.YES
    answer, reason = _answer(gather % "?", "y", "rtx1.7")
    assert (answer, reason) == (Answer.UNKNOWN, "ONNX GatherND: the last dimension of input 1 must be known")


def test_a_tensor_has_eight_dimensions_at_most() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[%s]}\na = Const int32[] 0\ny = %s\noutputs: y"
    eight, nine = ",".join("11111111"), ",".join("111111111")
    assert _answer(text % (eight, "Relu(x)"), "y", "rtx1.7")[0] is Answer.YES
    for node, op in (("x", "Placeholder"), ("y", "Relu")):
        answer, reason = _answer(text % (nine, "Relu(x)"), node, "rtx1.7")
        assert (answer, reason) == (Answer.NO, f"{op} takes 9 dimensions, and the target has 8")
    assert _answer(text % (eight, "ExpandDims(x, a)"), "y", "rtx1.7")[0] is Answer.NO
    assert _answer(text % (nine, "Relu(x)"), "y", "trt10.15")[0] is Answer.YES
    between = "x = Placeholder {dtype: float32, shape: shape[4,4,4,4,4,3]}\nb = Const int32[3] [2,2,2]\n"
    between += "p = Const int32[3,2] 0\ny = SpaceToBatchND(x, b, p)\noutputs: y"
    answer, reason = _answer(between, "y", "rtx1.7")
    assert (answer, reason) == (Answer.NO, "SpaceToBatchND takes 11 dimensions, and the target has 8")


def test_a_squeeze_without_axes_wants_every_dimension() -> None:
    """Measured: the builder refuses it where an open dimension may be 1."""
    text = "x = Placeholder {dtype: float32, shape: shape[%s,1,3]}\ny = Squeeze(x)%s\noutputs: y"
    assert _answer(text % (2, ""), "y", "rtx1.7")[0] is Answer.YES
    assert _answer(text % ("?", " {squeeze_dims: [1]}"), "y", "rtx1.7")[0] is Answer.YES
    assert _answer(text % ("?", ""), "y", "rtx1.7")[0] is Answer.UNKNOWN
