from __future__ import annotations

import pytest

from graphdoctor.errors import InputError
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.signature import GivenInput, set_signature
from graphdoctor.types import DType

#  wav ── DecodeWav ── Spectrogram ── Mfcc ── flat ── out      seed ── noise (nobody reads it)
AUDIO = """
wav = Placeholder {dtype: string, shape: shape[]}
decoded = DecodeWav(wav) {desired_channels: 1, desired_samples: 16000}
spectrogram = AudioSpectrogram(decoded) {window_size: 640, stride: 640, magnitude_squared: true}
mfcc = Mfcc(spectrogram, decoded:1) {dct_coefficient_count: 10}
shape = Const int32[2] [1, 250]
flat = Reshape(mfcc, shape)
out = Relu(flat)
seed = Const float32[] 1.0
noise = Neg(seed)
"""


def find(text: str, inputs: tuple[str, ...] = (), outputs: tuple[str, ...] = ()) -> Graph:
    graph = parse_graph(text)
    set_signature(graph, [GivenInput.parse(i) for i in inputs], outputs)
    return graph


def test_inputs_and_outputs_are_found() -> None:
    graph = find(AUDIO)
    assert [n.name for n in graph.inputs] == ["wav"]
    assert [v.name for v in graph.outputs] == ["out"]


def test_training_ends_are_no_outputs_while_there_are_others() -> None:
    graph = find("x = Placeholder\ny = Relu(x)\ngradients/g = Neg(x)\nsave/s = Neg(x)")
    assert [v.name for v in graph.outputs] == ["y"]
    only = find("x = Placeholder\ngradients/g = Neg(x)")
    assert [v.name for v in only.outputs] == ["gradients/g"]


def test_an_input_in_the_middle_cuts_the_graph() -> None:
    graph = find(AUDIO, ("mfcc:float32[1,25,10]",), ("out",))
    assert {n.name for n in graph} == {"mfcc", "shape", "flat", "out", "seed", "noise"}
    assert graph.node("mfcc").op == "Placeholder"
    assert [n.name for n in graph.inputs] == ["mfcc"]
    assert infer_shapes(graph).output(graph.node("out")).shape == (1, 250)


def test_a_cut_takes_dtype_and_shape_from_inference() -> None:
    graph = find(AUDIO, ("mfcc",), ("out",))
    assert graph.node("mfcc").attr("dtype") is DType.FLOAT
    assert graph.node("mfcc").attr("shape").dims == (1, 25, 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", GivenInput("x")),
        ("x:0", GivenInput("x")),
        ("a/b:float32", GivenInput("a/b", DType.FLOAT)),
        ("x[1,?,-1,3]", GivenInput("x", None, (1, None, None, 3), True)),
        ("x:int64[]", GivenInput("x", DType.INT64, (), True)),
        ("x[*]", GivenInput("x", None, None, True)),
    ],
)
def test_what_input_arguments_say(text: str, expected: GivenInput) -> None:
    assert GivenInput.parse(text) == expected


@pytest.mark.parametrize("text", ["", "x:nothing", "x[1,a]", "x[1", "[1]"])
def test_malformed_input_arguments(text: str) -> None:
    with pytest.raises(InputError, match="cannot read --input"):
        GivenInput.parse(text)


@pytest.mark.parametrize(
    ("inputs", "outputs", "problem"),
    [
        (("mfc",), (), "no node is named 'mfc'"),
        ((), ("outt",), "no node is named 'outt'"),
        (("wav:string[1]",), (), "the graph says"),
    ],
)
def test_names_and_shapes_that_do_not_fit(inputs: tuple[str, ...], outputs: tuple[str, ...], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        find(AUDIO, inputs, outputs)


def test_a_cut_through_a_second_output_is_refused() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[4]}\na = Const int32[] 0\ns = Split(a, x) {num_split: 2}\n"
    text += "y = Neg(s:1)\nz = Add(y, s)"
    with pytest.raises(InputError, match="output 1"):
        find(text, ("s:float32[2]",))
