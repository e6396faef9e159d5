"""UFF files as graphs: what TensorRT's parser finds in them."""

from __future__ import annotations

import pytest

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.formats.uff import graph_from_uff
from graphdoctor.formats.uff.raising import Registered
from graphdoctor.ir import Graph
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.types import DType
from graphdoctor.wire.uff.notation_read import parse_uff

IMAGE = "x = Input {shape: [-1,8,8,4], dtype: float32}\n"
CHW = "x = Input {shape: [-1,4,8,8], dtype: float32}\n"
ROWS = "x = Input {shape: [-1,6], dtype: float32}\n"
KERNEL = "w = Const float32[3,3,4,5] 0.5\n"
CONV = "Conv(x, w) {strides: [1,1], inputs_orders: orders(N+C, +CK)}"


def raised(text: str, registered: Registered | None = None) -> Graph:
    """The graph of a model whose last node is its output."""
    last = text.strip().splitlines()[-1].partition(" ")[0]
    return graph_from_uff(parse_uff(f"{text}\nMarkOutput_0 = MarkOutput({last})"), registered)


def refusal(text: str) -> str:
    with pytest.raises((UnsupportedError, InputError)) as caught:
        raised(text)
    return f"{caught.value.message} {caught.value.where}"


def shape(graph: Graph, name: str) -> tuple[int | None, ...] | None:
    return infer_shapes(graph).output(graph.node(name)).shape


def test_the_input_is_what_tensorflow_fed() -> None:
    graph = raised(f"{IMAGE}{KERNEL}y = {CONV}")
    assert [n.name for n in graph.inputs] == ["x"]
    assert shape(graph, "x") == (None, 8, 8, 4)
    assert shape(graph, "y") == (None, 6, 6, 5)


@pytest.mark.parametrize(
    ("dims", "fed"),
    [
        ((4, 8, 8), (None, 4, 8, 8)),  # as it is registered with TensorRT: no batch, channels first
        ((8, 8, 4), (None, 8, 8, 4)),
        ((2, 8, 8, 4), (2, 8, 8, 4)),
    ],
)
def test_an_image_that_is_registered(dims: tuple[int, ...], fed: tuple[int | None, ...]) -> None:
    graph = raised(
        f'{IMAGE}{KERNEL}r = Activation(x) {{func: "relu"}}\ny = {CONV.replace("(x", "(r")}', {"x": (None, dims)}
    )
    assert shape(graph, "x") == fed
    assert shape(graph, "y") == (fed[0], 6, 6, 5)


def test_an_image_of_unknown_size_is_registered_channels_first() -> None:
    text = f"x = Input {{shape: [], dtype: float32}}\n{KERNEL}y = {CONV}"
    assert shape(raised(text), "x") is None
    assert shape(raised(text, {"x": (None, (4, 8, 8))}), "y") == (None, 6, 6, 5)


def test_an_input_of_a_network_in_nchw_stays_as_it_is() -> None:
    text = f"{CHW}{KERNEL}y = {CONV.replace('N+C', 'NC+')}"
    graph = raised(text, {"x": (None, (4, 8, 8))})
    assert shape(graph, "x") == (None, 4, 8, 8)
    assert shape(graph, "y") == (None, 5, 6, 6)


def test_a_type_without_a_name_has_to_be_given() -> None:
    text = "x = Input {shape: [-1,6], dtype: type 7}\ny = Identity(x)"
    assert "--input x:float32" in refusal(text)
    assert infer_shapes(graph := raised(text, {"x": (DType.UINT8, None)})).output(graph.node("x")).dtype is DType.UINT8


def test_flatten_counts_channels_first_as_the_engine_holds_them() -> None:
    graph = raised(f"{IMAGE}{KERNEL}c = {CONV}\ny = Flatten(c)")
    (turned,) = graph.by_op("Transpose")
    assert turned.inputs[0].node.name == "c"
    assert graph.node("y").inputs[0].node is turned


def test_a_reduction_without_the_field_keeps_its_dimensions() -> None:
    graph = raised(f'{IMAGE}y = Reduce(x) {{func: "mean", axes: [1,2]}}')
    assert shape(graph, "y") == (None, 1, 1, 4)


def test_a_max_pool_pads_with_what_is_below_all() -> None:
    text = (
        f'{IMAGE}y = Pool(x) {{func: "max", kernel: [3,3], strides: [1,1], padding: [1,1], inputs_orders: orders(N+C)}}'
    )
    node = raised(text).node("y")
    assert node.attr("padding") == "EXPLICIT"
    assert node.attr("explicit_paddings") == (0, 0, 1, 1, 1, 1, 0, 0)


def test_plugins_with_a_known_meaning_are_ops() -> None:
    text = f"{IMAGE}{KERNEL}c = {CONV}\nl = _LReLU_TRT(c) {{negSlope_u_float: 0.5}}\n"
    text += (
        "r = _ResizeNearest_TRT(l) {scale_u_float: 2.0}\ny = _Clip_TRT(r) {clipMin_u_float: 0.0, clipMax_u_float: 6.0}"
    )
    graph = raised(text)
    assert graph.node("l").op == "LeakyRelu"
    assert graph.node("l").attr("alpha") == 0.5
    assert shape(graph, "y") == (None, 12, 12, 5)


def test_other_plugins_stay_plugin_nodes() -> None:
    graph = raised(f'{ROWS}y = _Mine(x, x) {{size_u_int: 3, name: "n", list: [1,2], nothing: nothing, dtype: float32}}')
    node = graph.node("y")
    assert node.op == "Mine"
    assert (node.attr("size_u_int"), node.attr("list"), node.attr("dtype")) == (3, (1, 2), DType.FLOAT)


REFUSED = {
    "axis beyond 32 bits": (f"{ROWS}y = Concat(x, x) {{axis: 4611686018427387904}}", "beyond 32 bits"),
    "nothing marked": ("x = Input {shape: [-1,6], dtype: float32}", None),
    "unknown op": (f"{ROWS}y = Mystery(x)", "no such op"),
    "missing node": (f"{ROWS}y = Identity(z)", "'z', which is not there"),
    "circle": (f"{ROWS}a = Identity(y)\ny = Identity(a)", "circle"),
    "emptied constant": ("y = Const float32[0] hex:", "empty"),
    "constant without a type": ("y = Const type 7[1] hex:00", "1 bytes"),
    "few bytes": ("y = Const float32[2] hex:00000000", "4 bytes"),
    "unknown function": (f'{ROWS}y = Unary(x) {{func: "gamma"}}', "function is gamma"),
    "field missing": (f"{ROWS}y = Activation(x)", "no field func"),
    "field of another type": (f"{ROWS}y = Activation(x) {{func: 3}}", "func is i, not s"),
    "kernel in another order": (f"{IMAGE}{KERNEL}y = {CONV.replace('+CK', 'KC+')}", "order of its kernel"),
    "orders that contradict": (
        f'{IMAGE}{KERNEL}c = {CONV}\ny = Pool(c) {{func: "max", kernel: [1,1], inputs_orders: orders(NC+)}}',
        "takes its data as NC+",
    ),
    "softmax over the width": (
        f"{CHW}{KERNEL}c = {CONV.replace('N+C', 'NC+')}\ny = Softmax(c) {{axis: 0, inputs_orders: orders(N+C)}}",
        "axis is 0 of N+C",
    ),
    "window of LRN": (f"{IMAGE}y = LRN(x) {{window_size: 5}}", "window_size"),
    "too few inputs": (f"{ROWS}y = Reshape()", "wants others"),
}


@pytest.mark.parametrize("name", [n for n, (_, said) in REFUSED.items() if said])
def test_refusals_say_why(name: str) -> None:
    text, said = REFUSED[name]
    assert said is not None
    assert said in refusal(text)


def test_a_file_that_marks_nothing() -> None:
    with pytest.raises(InputError, match="marks no node"):
        graph_from_uff(parse_uff(REFUSED["nothing marked"][0]))


def test_all_that_is_wrong_is_said_at_once() -> None:
    said = refusal(f'{ROWS}a = Mystery(x)\nb = Unary(a) {{func: "gamma"}}\ny = Binary(a, b) {{func: "add"}}')
    assert said.startswith("2 nodes of the UFF model cannot be read")
    assert "a (Mystery)" in said
    assert "b (Unary)" in said
