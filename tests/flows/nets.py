"""Models for the flows: the committed graphs, the real ones beside the checkout, small ones made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdoctor.flows.convert import convert_model
from graphdoctor.flows.opening import SignatureOptions
from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.ir.text import parse_graph

ROOT = Path(__file__).parents[2]
GRAPHS = ROOT / "fixtures" / "graphs"
CORPUS = ROOT.parent / "shared" / "corpus"
FOUND = SignatureOptions()
"""Inputs and outputs as they are found."""

STATIC = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
w = Const float32[3,3,3,4] normal(1)
c = Conv2D(x, w) {T: float32, padding: "SAME", strides: [1,1,1,1], data_format: "NHWC"}
y = Relu(c) {T: float32}
"""


def graph(name: str) -> str:
    """The path of a committed graph."""
    return str(GRAPHS / f"{name}.pb")


def real(name: str) -> str:
    """The path of a real graph; skips the test where the corpus is absent."""
    path = CORPUS / "pb" / f"{name}.pb"
    if not path.exists():
        pytest.skip("the corpus of real graphs is not beside this checkout")
    return str(path)


def written(folder: Path, text: str, name: str = "model.pb") -> str:
    """The graph that ``text`` states, as a file."""
    path = folder / name
    path.write_bytes(graphdef_bytes(parse_graph(text)))
    return str(path)


def as_onnx(path: str, folder: Path, inputs: tuple[str, ...] = ()) -> str:
    """The model at ``path``, converted."""
    out = folder / f"{Path(path).stem}.onnx"
    convert_model(path, "onnx", str(out), SignatureOptions.parse(inputs, ()))
    return str(out)
