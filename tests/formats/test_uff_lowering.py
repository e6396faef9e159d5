"""Graphs as UFF: node by node what NVIDIA's converter wrote, and right or refused where that is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphdoctor.errors import UnsupportedError
from graphdoctor.formats.tensorflow import load_model
from graphdoctor.formats.uff import load_uff, uff_from_graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.signature import set_signature
from graphdoctor.wire.uff import Data, UffModel, UffNode, constant_of, read_uff, uff_bytes

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
PAIRS = ("lenet_model", "ppo_model")
IMAGE = "x = Placeholder {dtype: float32, shape: shape[?,8,8,4]}\n"
CHW = "x = Placeholder {dtype: float32, shape: shape[?,4,8,8]}\n"
ROWS = "x = Placeholder {dtype: float32, shape: shape[?,6]}\n"
KERNEL = "w = Const float32[3,3,4,5] 0.5\n"
CONV = 'strides: [1,2,2,1], data_format: "NHWC"'


def lowered(text: str, plugins: tuple[str, ...] = ()) -> UffModel:
    """The graph of ``text``, whose last node is its output, as a file says it."""
    last = text.strip().splitlines()[-1].partition(" ")[0]
    graph = parse_graph(f"{text}\ninputs: x\noutputs: {last}" if "outputs:" not in text else text)
    complete_attrs(graph)
    return read_uff(uff_bytes(uff_from_graph(graph, plugins=plugins)))


def refusal(text: str) -> str:
    with pytest.raises(UnsupportedError) as caught:
        lowered(text)
    return caught.value.message


def shown(model: UffModel, node: UffNode) -> str:
    """``id = Op(inputs) {fields}``; orders spelled out, weights left out."""
    fields = [f"{k}={_value(model, k, d)}" for k, d in node.fields.items() if k != "values"]
    return f"{node.id} = {node.op}({', '.join(node.inputs)})" + (f" {' '.join(fields)}" if fields else "")


def _value(model: UffModel, key: str, data: Data) -> str:
    if key != "inputs_orders":
        return f"{data.member}:{list(data.value) if isinstance(data.value, tuple) else data.value}"
    return str(data.value).removeprefix("orders_")


def line(model: UffModel, id: str) -> str:
    return shown(model, model.graphs[0].by_id()[id])


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real models is not here")
@pytest.mark.parametrize("name", PAIRS)
def test_equal_to_what_nvidia_wrote(name: str) -> None:
    """Ids, order of nodes, inputs, fields with their types, weights, orders: all but the order of map entries."""
    theirs = load_uff(str(CORPUS / "uff" / f"{name}.uff")).model
    graph = load_model(str(CORPUS / "pb" / f"{name}.pb")).graph
    set_signature(graph)
    ours = uff_from_graph(graph)
    assert ours.graphs == theirs.graphs
    assert ours.descriptors == theirs.descriptors
    assert ours.references.keys() == theirs.references.keys()
    for key, data in theirs.references.items():
        mine = ours.references[key]
        assert mine.member == data.member
        same = bytes(mine.value) == bytes(data.value) if data.member == "blob" else mine.value == data.value
        assert same, key


CASES = {
    "conv": (
        f'{IMAGE}{KERNEL}y = Conv2D(x, w) {{{CONV}, padding: "SAME"}}',
        "y = Conv(x, w) strides=i_list:[2, 2] implicit_padding=s:same inputs_orders=N+C_+CK",
    ),
    "conv of NCHW": (
        f'{CHW}{KERNEL}y = Conv2D(x, w) {{strides: [1,1,2,2], data_format: "NCHW", padding: "VALID"}}',
        "y = Conv(x, w) strides=i_list:[2, 2] inputs_orders=NC+_+CK",
    ),
    "conv dilated": (
        f'{IMAGE}{KERNEL}y = Conv2D(x, w) {{strides: [1,1,1,1], padding: "SAME", dilations: [1,2,2,1]}}',
        "y = Conv(x, w) strides=i_list:[1, 1] implicit_padding=s:same dilation=i_list:[2, 2] inputs_orders=N+C_+CK",
    ),
    "conv with explicit paddings": (
        f'{IMAGE}{KERNEL}y = Conv2D(x, w) {{{CONV}, padding: "EXPLICIT", explicit_paddings: [0,0,1,1,2,2,0,0]}}',
        "y = Conv(x, w) strides=i_list:[2, 2] padding=i_list:[1, 2] inputs_orders=N+C_+CK",
    ),
    "conv takes over a Pad behind Identities": (
        f"{IMAGE}{KERNEL}q = Const int32[4,2] [0,0,1,1,2,2,0,0]\nr = Identity(q)\np = Pad(x, r)\ni = Identity(p)\n"
        f'y = Conv2D(i, w) {{{CONV}, padding: "VALID"}}',
        "y = Conv(x, w) strides=i_list:[2, 2] padding=i_list:[1, 2] inputs_orders=N+C_+CK",
    ),
    "conv leaves a Pad that is uneven": (
        f"{IMAGE}{KERNEL}q = Const int32[4,2] [0,0,0,1,0,1,0,0]\np = Pad(x, q)\n"
        f'y = Conv2D(p, w) {{{CONV}, padding: "VALID"}}',
        "y = Conv(p, w) strides=i_list:[2, 2] inputs_orders=N+C_+CK",
    ),
    "conv leaves a Pad of channels": (
        f"{IMAGE}v = Const float32[3,3,6,5] 0.5\nq = Const int32[4,2] [0,0,1,1,1,1,1,1]\np = Pad(x, q)\n"
        f'y = Conv2D(p, v) {{{CONV}, padding: "VALID"}}',
        "y = Conv(p, v) strides=i_list:[2, 2] inputs_orders=N+C_+CK",
    ),
    "dilated, as TensorFlow 1 writes it": (
        f"{IMAGE}{KERNEL}b = Const int32[2] [2,2]\np = Const int32[2,2] [2,3,2,2]\nq = Const int32[2,2] [0,1,0,0]\n"
        's = SpaceToBatchND(x, b, p)\nc = Conv2D(s, w) {strides: [1,1,1,1], padding: "VALID"}\n'
        "y = BatchToSpaceND(c, b, q)",
        "y = Conv(x, w) strides=i_list:[1, 1] padding=i_list:[2, 2] dilation=i_list:[2, 2] inputs_orders=N+C_+CK",
    ),
    "depthwise": (
        f'{IMAGE}w = Const float32[3,3,4,1] 0.5\ny = DepthwiseConv2dNative(x, w) {{{CONV}, padding: "SAME"}}',
        "y = Conv(x, w) strides=i_list:[2, 2] implicit_padding=s:same number_groups=i:4 inputs_orders=N+C_+CK",
    ),
    "transposed convolution": (
        f"{IMAGE}w = Const float32[3,3,5,4] 0.5\ns = Const int32[4] [1,16,16,5]\n"
        f'y = Conv2DBackpropInput(s, w, x) {{{CONV}, padding: "SAME"}}',
        "y = ConvTranspose(x, w, s) strides=i_list:[2, 2] inputs_orders=N+C_+KC implicit_padding=s:same",
    ),
    "max pool": (
        f'{IMAGE}y = MaxPool(x) {{ksize: [1,3,3,1], {CONV}, padding: "VALID"}}',
        "y = Pool(x) func=s:max kernel=i_list:[3, 3] strides=i_list:[2, 2] inputs_orders=N+C",
    ),
    "max pool over a Pad behind Relu": (
        f"{IMAGE}r = Relu(x)\nq = Const int32[4,2] [0,0,1,1,1,1,0,0]\np = Pad(r, q)\n"
        f'y = MaxPool(p) {{ksize: [1,3,3,1], {CONV}, padding: "VALID"}}',
        "y = Pool(r) func=s:max kernel=i_list:[3, 3] strides=i_list:[2, 2] padding=i_list:[1, 1] inputs_orders=N+C",
    ),
    "max pool over a Pad of numbers below 0": (
        f"{IMAGE}q = Const int32[4,2] [0,0,1,1,1,1,0,0]\np = Pad(x, q)\n"
        f'y = MaxPool(p) {{ksize: [1,3,3,1], {CONV}, padding: "VALID"}}',
        "y = Pool(p) func=s:max kernel=i_list:[3, 3] strides=i_list:[2, 2] inputs_orders=N+C",
    ),
    "average pool over a Pad, whose zeros count": (
        f"{IMAGE}r = Relu(x)\nq = Const int32[4,2] [0,0,1,1,1,1,0,0]\np = Pad(r, q)\n"
        f'y = AvgPool(p) {{ksize: [1,3,3,1], {CONV}, padding: "VALID"}}',
        "y = Pool(p) func=s:avg kernel=i_list:[3, 3] strides=i_list:[2, 2] inputs_orders=N+C",
    ),
    "average pool over a Pad of nothing": (
        f"{IMAGE}q = Const int32[4,2] [0,0,0,0,0,0,0,0]\np = Pad(x, q)\n"
        f'y = AvgPool(p) {{ksize: [1,3,3,1], {CONV}, padding: "VALID"}}',
        "y = Pool(x) func=s:avg kernel=i_list:[3, 3] strides=i_list:[2, 2] padding=i_list:[0, 0] inputs_orders=N+C",
    ),
    "dense": (
        f"{ROWS}w = Const float32[5,6] 0.5\ny = MatMul(x, w) {{transpose_b: true}}",
        "y = FullyConnected(x, w) inputs_orders=NC_KC",
    ),
    "bias": (f"{IMAGE}b = Const float32[4] 1\ny = BiasAdd(x, b)", "y = Binary(x, b) func=s:add"),
    "add of later releases": (f"{ROWS}y = AddV2(x, x)", "y = Binary(x, x) func=s:add"),
    "division": (f"{ROWS}y = RealDiv(x, x)", "y = Binary(x, x) func=s:div"),
    "power": (f"{ROWS}c = Const float32[1,6] 2\ny = Pow(x, c)", "y = Binary(x, c) func=s:pow"),
    "relu6": (f"{ROWS}y = Relu6(x)", "y = Activation(x) func=s:relu6"),
    "leaky relu": (f"{ROWS}y = LeakyRelu(x) {{alpha: 0.5}}", "y = LeakyRelu(x) alpha=d:0.5"),
    "square root": (f"{ROWS}y = Rsqrt(x)", "y = Unary(x) func=s:rsqrt"),
    "softmax": (f"{ROWS}y = Softmax(x)", "y = Softmax(x) axis=i:0 inputs_orders=N+C"),
    "batch norm of later releases": (
        f"{IMAGE}s = Const float32[4] 1\ny = FusedBatchNormV3(x, s, s, s, s) {{epsilon: 0.5, is_training: false}}",
        "y = BatchNorm(x, s, s, s, s) epsilon=d:0.5 inputs_orders=N+C",
    ),
    "mean": (
        f"{IMAGE}a = Const int64[2] [1,2]\ny = Mean(x, a) {{keep_dims: true}}",
        "y = Reduce(x) func=s:mean axes=i_list:[1, 2] keepdims=b:True",
    ),
    "largest": (f"{ROWS}a = Const int64[] 1\ny = ArgMax(x, a)", "y = ArgMax(x) axis=i:1"),
    "reshape": (f"{IMAGE}s = Const int64[2] [-1,256]\ny = Reshape(x, s)", "y = Reshape(x, s)"),
    "reshape under flatten, in another order": (
        f"{IMAGE}s = Const int32[2] [-1,256]\nflatten/y = Reshape(x, s)",
        "flatten/y = Reshape(x, s)",
    ),
    "reshape under flatten": (
        f'{IMAGE}q = MaxPool(x) {{ksize: [1,8,8,1], strides: [1,8,8,1], padding: "VALID"}}\n'
        "s = Const int32[2] [-1,4]\nFlatten_3/y = Reshape(q, s)",
        "Flatten_3/y = Flatten(q)",
    ),
    "transpose": (
        f"{IMAGE}p = Const int32[4] [0,3,1,2]\ny = Transpose(x, p)",
        "y = Transpose(x) permutation=i_list:[0, 3, 1, 2]",
    ),
    "concat": (f"{IMAGE}a = Const int32[] -1\ny = ConcatV2(x, x, a)", "y = Concat(x, x) axis=i:-1"),
    "concat of old releases": (f"{IMAGE}a = Const int32[] 3\ny = Concat(a, x, x)", "y = Concat(x, x) axis=i:3"),
    "stack": (f"{ROWS}y = Pack(x, x) {{axis: 1}}", "y = Stack(x, x) axis=i:1"),
    "squeeze": (
        "x = Placeholder {dtype: float32, shape: shape[?,1,1,4]}\ny = Squeeze(x) {squeeze_dims: [1,2]}",
        "y = Squeeze(x) axes=i_list:[1, 2]",
    ),
    "squeeze of all": (
        "x = Placeholder {dtype: float32, shape: shape[2,1]}\ny = Squeeze(x)",
        "y = Squeeze(x) axes=i_list:[]",
    ),
    "new dimension": (f"{ROWS}a = Const int32[] 1\ny = ExpandDims(x, a)", "y = ExpandDims(x) axis=i:1"),
    "slice": (
        f"{ROWS}b = Const int32[2] [0,1]\ne = Const int32[2] [0,3]\ns = Const int32[2] [1,1]\n"
        "y = StridedSlice(x, b, e, s) {begin_mask: 1, end_mask: 1}",
        "y = StridedSlice(x, b, e, s) begin_mask=i:1 end_mask=i:1 shrink_axis_mask=i:0",
    ),
    "gather": (
        f"{ROWS}i = Const int64[2] [0,1]\na = Const int32[] 1\ny = GatherV2(x, i, a)",
        f"y = GatherV2(x, i) axis=i:1 indices_dtype=dtype:{0x10020} params_dtype=dtype:{0x20020}",
    ),
    "shape": (f"{ROWS}y = Shape(x)", "y = Shape(x)"),
    "control inputs are no data": (f"{ROWS}z = Relu(x)\ny = Relu(x, ^z)", "y = Activation(x) func=s:relu"),
    "all Identities are passed": (
        f"{ROWS}i = Identity(x)\nj = Identity(i)\ny = Tanh(j)",
        "y = Activation(x) func=s:tanh",
    ),
    "an output keeps its Identity": (f"{ROWS}y = Identity(x)", "y = Identity(x)"),
    "plugin": (
        f'{ROWS}y = NMS_TRT(x, x) {{share_u_int: 1, top_u_ilist: [3,4], mode_u_str: "abc", _k: 5, dtype: float32}}',
        f"y = _NMS_TRT(x, x) dtype=dtype:{0x20020} mode_u_str=s:abc share_u_int=i:1 top_u_ilist=i_list:[3, 4]",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_lowering(name: str) -> None:
    text, expected = CASES[name]
    model = lowered(text)
    assert line(model, expected.partition(" ")[0]) == expected
    ids = set(model.graphs[0].by_id())
    assert all(i in ids for n in model.graphs[0].nodes for i in n.inputs)


REFUSED = {
    "second output": (
        f"{ROWS}a = Const int32[] 1\ns = Split(a, x) {{num_split: 2}}\ny = Relu(s:1)",
        "reads output 1 of s",
    ),
    "uneven explicit paddings": (
        f'{IMAGE}{KERNEL}y = Conv2D(x, w) {{{CONV}, padding: "EXPLICIT", explicit_paddings: [0,0,0,1,0,1,0,0]}}',
        "differ before and behind",
    ),
    "dilated, uneven": (
        f"{IMAGE}{KERNEL}b = Const int32[2] [2,2]\np = Const int32[2,2] [2,3,2,2]\nq = Const int32[2,2] [0,0,0,0]\n"
        's = SpaceToBatchND(x, b, p)\nc = Conv2D(s, w) {strides: [1,1,1,1], padding: "VALID"}\n'
        "y = BatchToSpaceND(c, b, q)",
        "differ before and behind",
    ),
    "groups": (
        "x = Placeholder {dtype: float32, shape: shape[?,8,8,8]}\n"
        f'{KERNEL}y = Conv2D(x, w) {{{CONV}, padding: "SAME"}}',
        "takes 4 of 8 channels",
    ),
    "computed axis": (f"{ROWS}a = Placeholder {{dtype: int32, shape: shape[]}}\ny = ArgMax(x, a)", "run time"),
    "training": (
        f"{IMAGE}s = Const float32[4] 1\ny = FusedBatchNorm(x, s, s, s, s) {{is_training: true}}",
        "is_training is true",
    ),
    "window of LRN": (f"{IMAGE}y = LRN(x)", "depth_radius"),
    "ellipsis": (
        f"{ROWS}b = Const int32[2] [0,1]\ny = StridedSlice(x, b, b, b) {{ellipsis_mask: 1}}",
        "no ellipsis",
    ),
    "float64": (
        "x = Placeholder {dtype: float64, shape: shape[?,6]}\ny = Relu(x)",
        "an input of UFF cannot be float64",
    ),
    "float64 constant": (f"{ROWS}c = Const float64[1,6] 2\ny = Add(x, c)", "no constants of float64"),
    "uint8 input": (
        "x = Placeholder {dtype: uint8, shape: shape[?,6]}\ny = Relu(x)",
        "an input of UFF cannot be uint8",
    ),
    "int64 that does not fit": (f"{ROWS}c = Const int64[1] 3000000000\ny = Reshape(x, c)", "beyond int32"),
    "op without a lowering": (
        f"{IMAGE}s = Const int32[2] [4,4]\ny = ResizeBilinear(x, s)",
        "UFF has no op for ResizeBilinear",
    ),
    "unknown op": (f"{ROWS}y = Mystery(x)", "--plugin Mystery"),
    "integer division": ("x = Placeholder {dtype: int32, shape: shape[?,6]}\ny = Div(x, x)", "floats alone"),
    "padding with another value": (
        f"{IMAGE}q = Const int32[4,2] [0,0,1,1,1,1,0,0]\nv = Const float32[] 1\ny = PadV2(x, q, v)",
        "zeros alone",
    ),
    "list of types": (f"{ROWS}y = My_TRT(x) {{types: [float32]}}", "no list of"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_why(name: str) -> None:
    text, reason = REFUSED[name]
    assert reason in refusal(text)


def test_every_refused_node_is_named() -> None:
    message = refusal(f"{IMAGE}a = LRN(x)\nb = ResizeBilinear(a, c)\nc = Const int32[2] [8,8]\ny = Add(a, b)")
    assert message.startswith("2 nodes cannot be lowered to UFF")
    assert "a (LRN)" in message
    assert "b (ResizeBilinear)" in message


def test_what_has_a_plugin_is_written_for_it() -> None:
    model = lowered(f"{ROWS}y = Mystery(x) {{size: 3}}", ("Mystery",))
    assert line(model, "y") == "y = _Mystery(x) size=i:3"
    assert [d.id for d in model.descriptors] == ["tensorflow_extension", "custom"]


def test_a_bias_for_channels_first_has_the_rank_of_the_data() -> None:
    model = lowered(f'{CHW}b = Const float32[4] [1,2,3,4]\ny = BiasAdd(x, b) {{data_format: "NCHW"}}')
    node = model.graphs[0].by_id()[model.graphs[0].by_id()["y"].inputs[1]]
    found = constant_of(model, node)
    assert found is not None
    assert found.shape == (4, 1, 1)
    assert found.array().reshape(-1).tolist() == [1, 2, 3, 4]


def test_a_bias_that_others_read_too_keeps_its_shape_for_them() -> None:
    text = (
        f'{CHW}b = Const float32[4] [1,2,3,4]\na = BiasAdd(x, b) {{data_format: "NCHW"}}\n'
        'c = BiasAdd(a, b) {data_format: "NCHW"}\ns = Const int32[4] [1,4,1,1]\nr = Reshape(b, s)\ny = Add(c, r)'
    )
    model = lowered(text)
    ids = model.graphs[0].by_id()
    biases = {ids["a"].inputs[1], ids["c"].inputs[1]}
    assert len(biases) == 1
    assert biases != {"b"}
    plain = constant_of(model, ids["b"])
    assert plain is not None
    assert plain.shape == (4,)


@pytest.mark.parametrize(
    ("dtype", "stored"), [("int64", np.int32), ("float16", np.float16), ("int8", np.int8), ("float32", np.float32)]
)
def test_constants_that_the_old_converter_empties_are_whole(dtype: str, stored: type) -> None:
    model = lowered(f"{ROWS}c = Const {dtype}[3] [1,-2,3]\ny = Pack(c, c)")
    found = constant_of(model, model.graphs[0].by_id()["c"])
    assert found is not None
    assert found.array().dtype == np.dtype(stored)
    assert found.array().tolist() == [1, -2, 3]


def test_outputs_are_marked_in_their_order() -> None:
    model = lowered(f"{ROWS}y = Relu(x)\nz = Tanh(x)\ninputs: x\noutputs: z y z")
    assert [(n.id, n.inputs) for n in model.graphs[0].nodes[-3:]] == [
        ("MarkOutput_0", ["z"]),
        ("MarkOutput_1", ["y"]),
        ("MarkOutput_2", ["z"]),
    ]
