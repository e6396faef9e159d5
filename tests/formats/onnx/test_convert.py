from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.formats.onnx import (
    OnnxModel,
    onnx_from_graph,
    onnx_signature,
    onnx_text,
    partial_from_graph,
    to_bytes,
    to_chunks,
)
from graphdoctor.formats.tensorflow import load_model
from graphdoctor.ir import Graph
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.signature import set_signature

GRAPHS = Path(__file__).resolve().parents[3] / "fixtures" / "graphs"
LOWERED = ["cnn_tf1_nchw", "cnn_tf1_nhwc", "demo", "depthwise", "keras_bn_unfused", "lstm_unrolled", "mlp"]

CONV = """
x = Placeholder {dtype: float32, shape: shape[?,8,8,3]}
w = Const float32[3,3,3,6] normal(1)
c = Conv2D(x, w) {strides: [1,1,1,1], padding: "SAME"}
b = Const float32[6] normal(2)
y = BiasAdd(c, b)
inputs: x
outputs: y
"""


def graph_of(text: str) -> Graph:
    graph = parse_graph(text)
    complete_attrs(graph)
    return graph


def lowered(text: str) -> OnnxModel:
    return onnx_from_graph(graph_of(text))


def ops(model: OnnxModel) -> list[str]:
    return [n.op_type for n in model.nodes]


@pytest.mark.parametrize("name", LOWERED)
def test_every_lowered_graph_passes_onnx_own_checker(name: str) -> None:
    model = load_model(str(GRAPHS / f"{name}.pb"))
    set_signature(model.graph)
    proto = onnx.load_model_from_string(to_bytes(onnx_from_graph(model.graph)))
    onnx.checker.check_model(proto, full_check=True)
    assert [i.name for i in proto.graph.input] == [n.name for n in model.graph.inputs]
    assert [o.name for o in proto.graph.output] == [v.name for v in model.graph.outputs]


@pytest.mark.parametrize("name", LOWERED)
def test_every_onnx_node_says_which_nodes_it_stands_for(name: str) -> None:
    model = load_model(str(GRAPHS / f"{name}.pb"))
    names = {node.name for node in model.graph}
    set_signature(model.graph)
    onnx_model = onnx_from_graph(model.graph)
    assert all(n.origins and names.issuperset(n.origins) for n in onnx_model.nodes)
    signature = onnx_signature(to_bytes(onnx_model), name)
    assert signature.origins == {n.name: n.origins for n in onnx_model.nodes}


def test_lowering_leaves_the_graph_as_it_was() -> None:
    graph = graph_of(CONV)
    before = sorted(format_graph(graph).splitlines())
    onnx_from_graph(graph)
    assert sorted(format_graph(graph).splitlines()) == before


def test_a_bias_behind_a_convolution_becomes_its_own() -> None:
    model = lowered(CONV)
    assert ops(model) == ["Transpose", "Conv", "Transpose"]
    conv = model.nodes[1]
    assert len(conv.inputs) == 3
    assert conv.origins == ("c", "y")


def test_a_bias_that_others_could_see_missing_stays() -> None:
    model = lowered(CONV.replace("outputs: y", "r = Relu(c)\noutputs: y, r"))
    assert ops(model).count("Add") == 1


def test_a_constant_that_fits_no_bias_stays() -> None:
    text = CONV.replace("y = BiasAdd(c, b)", "k = Const float32[8,8,6] normal(3)\ny = Add(c, k)")
    assert ops(lowered(text)).count("Add") == 1


def test_equal_small_constants_are_shared() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[4]}\na = Const float32[] 2.0\nb = Const float32[] 2.0\n"
    model = lowered(text + "y = Mul(x, a)\nz = Mul(y, b)\ninputs: x\noutputs: z")
    assert len(model.initializers) == 1


def test_an_output_that_is_an_input_gets_its_own_name() -> None:
    model = lowered("x = Placeholder {dtype: float32, shape: shape[4]}\ny = Identity(x)\ninputs: x\noutputs: y, x")
    proto = onnx.load_model_from_string(to_bytes(model))
    assert [o.name for o in proto.graph.output] == ["y", "x"]
    onnx.checker.check_model(proto, full_check=True)


def test_chunks_are_the_same_bytes_and_large_constants_come_alone() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[1,400]}\nw = Const float32[400,300] normal(1)\n"
    model = lowered(text + "y = MatMul(x, w)\ninputs: x\noutputs: y")
    chunks = list(to_chunks(model))
    assert b"".join(chunks) == to_bytes(model)
    assert max(map(len, chunks)) < 400 * 300 * 4 + 200
    proto = onnx.load_model_from_string(to_bytes(model))
    assert proto.graph.initializer[0].raw_data == np.ascontiguousarray(model.initializers["w"]).tobytes()


def test_what_cannot_be_lowered_is_listed_whole_with_reasons() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[4]}\na = Frobnicate(x)\nb = Enter(x)\nc = Add(a, x)\n"
    with pytest.raises(UnsupportedError) as caught:
        lowered(text + "inputs: x\noutputs: c, b")
    assert "2 nodes cannot be lowered" in caught.value.message
    assert "a (Frobnicate): graphdoctor does not know this op" in caught.value.message
    assert "b (Enter)" in caught.value.message
    assert "c (Add)" not in caught.value.message  # it only stands behind one of them


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ("", "Say how large the input is: --input 'x[...]'; graphdoctor check"),
        (", shape: shape[?,8,8,?]", "Say how large the input is: --input 'x[?,8,8,?]'; graphdoctor check"),
        (", shape: shape[?,8,8,4]", "graphdoctor check"),
    ],
    ids=["nothing", "a-size", "only-the-batch"],
)
def test_where_an_open_size_may_be_why_the_input_to_name_is_named(shape: str, remedy: str) -> None:
    """Only inputs that what was refused depends on."""
    text = f"x = Placeholder {{dtype: float32{shape}}}\nz = Placeholder {{dtype: float32}}\n"
    text += 'd = Enter(x) {frame_name: "f"}\ny = Neg(z)\n'
    with pytest.raises(UnsupportedError) as caught:
        lowered(text + "inputs: x, z\noutputs: d, y")
    assert caught.value.remedy.startswith(remedy)


def test_a_node_over_which_its_lowering_stumbles_is_refused() -> None:
    """The dims are fewer than a claim of 2^32 elements needs: the graph was damaged on its way."""
    text = "x = Placeholder {dtype: float32, shape: shape[4]}\ns = Const int32[4294967296] 1\ny = Reshape(x, s)\n"
    with pytest.raises(UnsupportedError, match=r"y \(Reshape\)"):
        lowered(text + "inputs: x\noutputs: y")


def test_contradictions_cycles_and_missing_outputs_are_refused() -> None:
    with pytest.raises(InputError, match="no outputs"):
        lowered("x = Placeholder {dtype: float32, shape: shape[4]}")
    with pytest.raises(InputError, match="cycle"):
        lowered("a = Relu(b)\nb = Relu(a)\noutputs: b")
    text = "x = Placeholder {dtype: float32, shape: shape[4]}\ny = Placeholder {dtype: float32, shape: shape[3]}\n"
    with pytest.raises(UnsupportedError, match="contradict"):
        lowered(text + "z = Add(x, y)\ninputs: x, y\noutputs: z")


def test_text_form_names_origins() -> None:
    text = onnx_text(lowered(CONV))
    assert "input x float32[?,8,8,3]" in text
    assert "= Conv(" in text
    assert "# c, y" in text


def test_damaged_bytes_are_no_onnx_model() -> None:
    with pytest.raises(InputError, match="not a complete ONNX model"):
        onnx_signature(to_bytes(lowered(CONV))[:-20], "m.onnx")


@pytest.mark.parametrize("want", range(2, 24))
def test_a_resized_image_has_its_size_in_every_precision(want: int) -> None:
    """3 to 5 by the scale nearest to 5/3 gives 5 in float32 and 4 in float64, which ONNX's own inference takes."""
    resized = f"""
    x = Placeholder {{dtype: float32, shape: shape[?,3,3,2]}}
    size = Const int32[2] [{want}, 6]
    y = ResizeBilinear(x, size) {{align_corners: true}}
    inputs: x
    outputs: y
    """
    model = onnx.load_from_string(to_bytes(lowered(resized)))
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    dims = inferred.graph.output[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in dims[1:]] in ([want, 6, 2], [])
    for node in model.graph.node:
        if node.op_type == "Resize" and node.input[2]:
            scales = next(onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name == node.input[2])
            assert int(3 * float(scales[2])) == want


def test_nodes_are_left_out_on_demand() -> None:
    """::

    x - a - b - c        without b: x - a (an output), b's value (an input) - c
    """
    text = "x = Placeholder {dtype: float32, shape: shape[2,4]}\na = Relu(x)\nb = Tanh(a)\nc = Exp(b)\n"
    partial = partial_from_graph(graph_of(f"{text}inputs: x\noutputs: c"), without={"b": "nobody wants it"})
    assert partial.refused == (("b", "Tanh", "nobody wants it"),)
    assert (partial.left_out, partial.stand_ins) == ({"b"}, {"b"})
    assert [n.op_type for n in partial.model.nodes] == ["Relu", "Exp"]
    assert partial_from_graph(graph_of(f"{text}inputs: x\noutputs: c")).left_out == frozenset()
