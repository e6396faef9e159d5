"""graphdoctor diff: what it says, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

from graphdoctor.formats.tensorflow import save_graph
from graphdoctor.ir.text import parse_graph
from tests.cli.program import Done, call

NET = "x = Placeholder {dtype: float32, shape: shape[2]}\nw = Const float32[2] [1.0,2.0]\ny = Mul(x, w) {T: float32}"


def model(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.pb"
    save_graph(parse_graph(text), str(path))
    return path


def diff(folder: Path, after: str, *words: str) -> Done:
    return call("diff", model(folder, "a", NET), model(folder, "b", after), *words)


def test_the_same_graph(tmp_path: Path) -> None:
    done = diff(tmp_path, NET)
    assert (done.code, done.out, done.err) == (0, "no difference\n", "")


def test_a_changed_constant(tmp_path: Path) -> None:
    done = diff(tmp_path, NET.replace("2.0", "3.5"))
    assert done.code == 1
    assert "- w = Const float32[2] [1.0, 2.0]" in done.out
    assert "+ w = Const float32[2] [1.0, 3.5]" in done.out
    assert done.out.endswith("1 changed; 3 nodes before, 3 after\n")


def test_other_inputs(tmp_path: Path) -> None:
    done = diff(tmp_path, NET.replace("shape[2]", "shape[?,2]"))
    assert done.code == 1
    assert "input x is float32[?,2] and was float32[2]" in done.out


def test_other_names(tmp_path: Path) -> None:
    done = diff(tmp_path, NET.replace("w", "weights"))
    assert done.code == 1
    assert "w → weights" in done.out
    assert "1 renamed; 3 nodes before, 3 after" in done.out


def test_for_programs(tmp_path: Path) -> None:
    done = diff(tmp_path, NET.replace("2.0", "3.5"), "--format", "json")
    record = json.loads(done.out)
    assert (done.code, record["version"], record["same"]) == (1, 1, False)
    (node,) = record["nodes"]
    assert (node["change"], node["name"]) == ("changed", "w")
    before, after = (node[which]["attrs"]["value"] for which in ("before", "after"))
    assert before["shape"] == after["shape"] == [2]
    assert before["sha256"] != after["sha256"]
    assert node["before"]["attrs"]["dtype"] == "float32"


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "x.pb"
    path.write_text("<html>")
    done = call("diff", path, path)
    assert done.code == 2
    assert str(path) in done.err.replace("\n       ", "")
