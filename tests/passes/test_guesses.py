"""Guesses at what inputs take: shapes that inference bears out, indices in range, files, rates of dropout."""

from __future__ import annotations

import wave
import zlib
from io import BytesIO

import numpy as np
import pytest

from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.guesses import file_bytes, guessed_shapes, guesses
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.types import Shape

CONV = '{strides: [1,1,1,1], padding: "SAME", data_format: "NHWC"}'


def graph(text: str, inputs: str = "x") -> Graph:
    """``text`` with every attribute, its last node the output."""
    last = text.strip().splitlines()[-1].split(" ")[0]
    parsed = parse_graph(f"{text}\ninputs: {inputs}\noutputs: {last}\n")
    complete_attrs(parsed)
    return parsed


def shapes(text: str, inputs: str = "x") -> list[dict[str, tuple[int, ...]]]:
    made = graph(text, inputs)
    return [dict(found) for found in guessed_shapes(made, infer_shapes(made))]


@pytest.mark.parametrize(
    ("shape", "rest", "first"),
    [
        ("*", f"w = Const float32[3,3,5,8] 1.0\ny = Conv2D(x, w) {CONV}", (1, 64, 64, 5)),
        ("?,?,?,3", f"w = Const float32[3,3,3,8] 1.0\ny = Conv2D(x, w) {CONV}", (1, 64, 64, 3)),
        ("*", "w = Const float32[7,4] 1.0\ny = MatMul(x, w)", (1, 7)),
        ("*", "s = Const int32[4] [-1,28,28,1]\nr = Reshape(x, s)\ny = Relu(r)", (1, 784)),
        ("*", "s = Const int32[2] [-1,28]\nr = Reshape(x, s)\ny = Relu(r)", (1, 28)),
        ("*", "b = Const float32[9] 1.0\ny = BiasAdd(x, b)", (1, 9)),
        ("*", "p = Const int32[3] [0,2,1]\ny = Transpose(x, p)", (1, 64, 64)),
    ],
)
def test_sizes_are_those_that_inference_takes(shape: str, rest: str, first: tuple[int, ...]) -> None:
    found = shapes(f"x = Placeholder {{dtype: float32, shape: shape[{shape}]}}\n{rest}")
    if "Reshape" in rest:  # whatever fits will do
        assert found
        assert all(np.prod(one["x"]) % first[-1] == 0 for one in found)
    else:
        assert found[0] == {"x": first}
    made = graph(f"x = Placeholder {{dtype: float32, shape: shape[{shape}]}}\n{rest}")
    assert infer_shapes(made).conflicts == []


def test_inputs_that_must_agree_do() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[*]}\nz = Placeholder {dtype: float32, shape: shape[*]}\n"
    found = shapes(f"{text}w = Const float32[7,4] 1.0\na = Add(x, z)\ny = MatMul(a, w)", "x, z")
    assert all(one["x"] == one["z"] for one in found)
    assert found[0]["x"][-1] == 7


@pytest.mark.parametrize("shape", ["?,4", "1,4", "", "?"])
def test_nothing_is_guessed_where_the_batch_alone_is_open(shape: str) -> None:
    assert shapes(f"x = Placeholder {{dtype: float32, shape: shape[{shape}]}}\ny = Relu(x)") == []


def test_what_is_left_out_is_not_guessed() -> None:
    made = graph("x = Placeholder {dtype: float32, shape: shape[*]}\ny = Relu(x)")
    assert list(guessed_shapes(made, infer_shapes(made), frozenset({"x"}))) == []


def test_integers_that_choose_stay_in_range() -> None:
    text = "x = Placeholder {dtype: int32, shape: shape[?,3]}\nw = Const float32[5,2] 1.0\naxis = Const int32[] 0\n"
    made = graph(f"{text}flat = Identity(x)\ny = GatherV2(w, flat, axis)")
    assert dict(guesses(made, infer_shapes(made)).ranges) == {"x": (0, 5)}
    made = graph("x = Placeholder {dtype: int32, shape: shape[?,3]}\ny = Neg(x)")
    assert dict(guesses(made, infer_shapes(made)).ranges) == {}


@pytest.mark.parametrize(("op", "kind"), [("DecodeWav", "wav"), ("DecodeJpeg", "png"), ("DecodeRaw", "")])
def test_texts_that_are_files(op: str, kind: str) -> None:
    made = graph(f"x = Placeholder {{dtype: string, shape: shape[]}}\ny = {op}(x)")
    assert guesses(made, infer_shapes(made)).files == ({"x": kind} if kind else {})


def test_files_are_whole_and_of_any_seed() -> None:
    with wave.open(BytesIO(file_bytes("wav", 3))) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 16000, 16000)
    picture = file_bytes("png", 3)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert picture[-4:] == zlib.crc32(b"IEND").to_bytes(4, "big")
    for kind in ("wav", "png"):
        assert file_bytes(kind, 1) == file_bytes(kind, 1) != file_bytes(kind, 2)
        assert not file_bytes(kind, 1).endswith(b"\0")


@pytest.mark.parametrize(("keep", "value"), [("k", 1.0), ("Sub", 0.0)])
@pytest.mark.parametrize("shape", ["", "*"])
def test_nothing_is_dropped(keep: str, value: float, shape: str) -> None:
    """A keep_prob is 1, a rate 0."""
    sub = "" if keep == "k" else "one = Const float32[] 1.0\nkeep = Sub(one, k)\n"
    made = graph(
        "x = Placeholder {dtype: float32, shape: shape[2,3]}\n"
        f"k = Placeholder {{dtype: float32, shape: shape[{shape}]}}\n{sub}"
        "s = Const int32[2] [2,3]\nu = RandomUniform(s) {dtype: float32}\n"
        f"a = Add({'k' if not sub else 'keep'}, u)\nm = Floor(a)\nd = RealDiv(x, {'k' if not sub else 'keep'})\n"
        "y = Mul(d, m)",
        "x, k",
    )
    pinned = guesses(made, infer_shapes(made)).pinned
    assert {name: array.tolist() for name, array in pinned.items()} == {"k": value}


def test_training_is_off() -> None:
    made = graph(
        "x = Placeholder {dtype: float32, shape: shape[2,3]}\np = Placeholder {dtype: bool, shape: shape[]}\n"
        "s = Switch(x, p)\na = Relu(s:0)\nb = Neg(s:1)\ny = Merge(a, b)",
        "x, p",
    )
    found = guesses(made, infer_shapes(made)).pinned
    assert {name: array.tolist() for name, array in found.items()} in ({"p": False}, {})


def test_shapes_are_whole() -> None:
    found: list[Shape] = [s["x"] for s in shapes("x = Placeholder {dtype: float32, shape: shape[*]}\ny = Relu(x)")]
    assert len(found) == len(set(found)) > 1
    assert all(None not in (s or ()) for s in found)
