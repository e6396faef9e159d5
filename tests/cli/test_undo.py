"""Edits as a file: fix --patch-out, fix --from, undo, and the diff for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphdoctor.formats.tensorflow import graphdef_bytes, load_model
from tests.cli.program import Done, call

GRAPHS = Path(__file__).parents[2] / "fixtures" / "graphs"


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """The demo as graphdoctor itself writes it."""
    path = tmp_path / "net.pb"
    path.write_bytes(graphdef_bytes(load_model(str(GRAPHS / "demo.pb")).graph))
    return path


def fixed(net: Path, *words: str | Path) -> Done:
    return call("fix", net, "--rules", "tf112,clean,fold", "--patch-out", net.with_name("p.json"), *words)


def test_undo_gives_the_bytes_back(net: Path) -> None:
    assert fixed(net).code == 0
    done = call("undo", net.with_name("net.fixed.pb"), "--from", net.with_name("p.json"))
    assert (done.code, done.err) == (0, "")
    assert net.with_name("net.fixed.undone.pb").read_bytes() == net.read_bytes()


def test_from_does_the_same_again(net: Path, tmp_path: Path) -> None:
    assert fixed(net).code == 0
    out = tmp_path / "again.pb"
    assert call("fix", net, "--from", tmp_path / "p.json", "-o", out).code == 0
    assert out.read_bytes() == net.with_name("net.fixed.pb").read_bytes()


def test_with_diff_only_the_patch_is_written(net: Path) -> None:
    done = fixed(net, "--diff")
    assert done.code == 1
    assert sorted(p.name for p in net.parent.iterdir()) == ["net.pb", "p.json"]


def test_undo_shows_what_it_would_do(net: Path) -> None:
    assert fixed(net).code == 0
    done = call("undo", net.with_name("net.fixed.pb"), "--from", net.with_name("p.json"), "--diff")
    assert done.code == 1
    assert "@@ undo " in done.out
    assert not net.with_name("net.fixed.undone.pb").exists()


def test_a_patch_for_another_model_is_refused(net: Path) -> None:
    assert fixed(net).code == 0
    done = call("undo", net, "--from", net.with_name("p.json"))
    assert done.code == 2
    assert "this node is" in done.err
    assert not net.with_name("net.undone.pb").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--from", "p.json", "--rules", "clean"],
        ["--from", "p.json", "--script", "x.py"],
        ["--from", "p.json", "--patch-out", "q.json"],
        ["--from", "missing.json"],
    ],
)
def test_options_that_do_not_go_together(net: Path, words: list[str]) -> None:
    done = call("fix", net, *words)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert [p.name for p in net.parent.iterdir()] == ["net.pb"]


def test_the_patch_may_not_be_the_model(net: Path) -> None:
    before = net.read_bytes()
    done = call("fix", net, "--rules", "clean", "--patch-out", net)
    assert done.code == 2
    assert net.read_bytes() == before


def test_the_diff_for_programs(net: Path) -> None:
    done = fixed(net, "--diff-format", "json")
    record = json.loads(done.out)
    assert (done.code, record["version"], record["path"]) == (1, 1, str(net))
    owners = {node["rewrite"] for node in record["nodes"]}
    assert {"rename-addv2", "remove-check-numerics"} <= owners
    values = [n["after"]["attrs"]["value"] for n in record["nodes"] if n["after"] and n["after"]["op"] == "Const"]
    assert values
    assert all(set(v) == {"dtype", "shape", "sha256"} for v in values)


@pytest.mark.tensorflow
def test_the_patch_carries_its_proof(net: Path) -> None:
    assert fixed(net, "--verify").code == 0
    (proof,) = json.loads(net.with_name("p.json").read_text())["proof"]
    assert proof["output"] == "Identity"
    assert 0 <= proof["max_abs"] < 1e-4
