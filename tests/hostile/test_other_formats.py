"""Damage to what is not a binary GraphDef: text, and ONNX."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.cli.program import call, helped
from tests.hostile.models import SMALL, pb, save

TEXTS = {
    "deep": "node { " + "attr { value { func { attr { value { " * 20_000,
    "long line": 'node { name: "' + "a" * 3_000_000,
    "long number": 'node { attr { key: "v" value { i: ' + "9" * 100_000 + " } } }",
    "number too large": 'node { name: "a" op: "Relu" attr { key: "T" value { type: 99999999999 } } }',
    "unknown enum": 'node { name: "a" op: "Relu" attr { key: "T" value { type: DT_NOPE } } }',
    "not UTF-8": r'node { name: "\377\376" op: "Relu" }',
    "extension": "node { [type.googleapis.com/x] { } }",
    "no MetaGraph": "saved_model_schema_version: 1",
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_is_no_graph(name: str, tmp_path: Path) -> None:
    """One message, of a size that can be read."""
    said = helped(call("check", save(tmp_path, TEXTS[name].encode(), "m.pbtxt")))
    assert "m.pbtxt" in said
    assert len(said) < 2000


def test_text_cut_at_every_place(tmp_path: Path) -> None:
    place = tmp_path / "m.pbtxt"
    assert call("fix", save(tmp_path, pb(SMALL)), "--rules", "clean", "-o", place).code == 0
    text = place.read_bytes()
    assert len(text) > 900
    for size in range(len(text)):
        done = call("check", "--no-live", save(tmp_path, text[:size], "cut.pbtxt"))
        assert done.code in (0, 1) or helped(done)


def test_text_claims_cost_nothing(tmp_path: Path) -> None:
    text = """
    node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
    node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor {
      dtype: DT_FLOAT tensor_shape { dim { size: 9223372036854775807 } } float_val: nan } } } }
    node { name: "y" op: "Add" input: "x" input: "c" attr { key: "T" value { type: DT_FLOAT } } }
    """
    assert call("check", "--no-live", save(tmp_path, text.encode(), "m.pbtxt")).code == 1


@pytest.fixture(scope="module")
def onnx_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small ONNX file."""
    pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("onnx")
    assert call("convert", save(folder, pb(SMALL)), "--to", "onnx", "-o", folder / "m.onnx").code == 0
    return (folder / "m.onnx").read_bytes()


def test_onnx_cut_at_every_byte(onnx_bytes: bytes, tmp_path: Path) -> None:
    for size in range(len(onnx_bytes)):
        done = call("inspect", save(tmp_path, onnx_bytes[:size], "m.onnx"))
        assert done.code == 0 or helped(done)


def test_onnx_with_wrong_bytes(onnx_bytes: bytes, tmp_path: Path) -> None:
    random = Random(1)
    for _ in range(300):
        damaged = bytearray(onnx_bytes)
        for _ in range(random.choice((1, 2, 5))):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        done = call("inspect", save(tmp_path, bytes(damaged), "m.onnx"))
        assert done.code == 0 or helped(done)


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_damaged_onnx_is_not_built(onnx_bytes: bytes, tmp_path: Path) -> None:
    model = save(tmp_path, onnx_bytes[:-20], "m.onnx")
    for words in (["build", model, "-o", tmp_path / "o.plan"], ["verify", model, model]):
        said = helped(call(*words))
        assert "m.onnx" in said
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
