"""A file that is something else: every command says what it is and what to do, once, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import call, helped
from tests.hostile.models import CHAIN, GRAPHS, SMALL, every_command, pb, save, saved_model, wrong_kinds

KINDS = wrong_kinds()
COMMANDS = "check inspect fix convert build verify-reference verify-candidate cure".split()


TAKES_UFF = frozenset(COMMANDS) - {"fix"}
CASES = [(k, c) for k in KINDS for c in range(len(COMMANDS)) if k != "uff" or COMMANDS[c] not in TAKES_UFF]


@pytest.mark.parametrize(("kind", "command"), CASES, ids=[f"{k}-{COMMANDS[c]}" for k, c in CASES])
def test_other_files_are_named(kind: str, command: int, tmp_path: Path) -> None:
    data, what, todo = KINDS[kind]
    model = save(tmp_path, data)
    said = helped(call(*every_command(model, tmp_path)[command]))
    assert what in said
    assert todo in said
    assert str(model) in said
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]
    assert model.read_bytes() == data


@pytest.mark.parametrize("command", ["convert", "build", "verify-reference", "verify-candidate", "cure"])
def test_a_uff_file_without_outputs(command: str, tmp_path: Path) -> None:
    model = save(tmp_path, KINDS["uff"][0])
    said = helped(call(*every_command(model, tmp_path)[COMMANDS.index(command)]))
    assert "marks no node as output" in said
    assert str(model) in said
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


def test_inspect_describes_uff(tmp_path: Path) -> None:
    done = call("inspect", save(tmp_path, KINDS["uff"][0]))
    assert done.code == 0
    assert "kind    uff" in done.out


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real ONNX file that is called .pb."""
    pytest.importorskip("onnx")
    path = tmp_path_factory.mktemp("onnx") / "model.pb"
    assert call("convert", GRAPHS / "mlp.pb", "--to", "onnx", "-o", path).code == 0
    return path


@pytest.mark.parametrize("command", [0, 2, 3, 7], ids=lambda k: COMMANDS[k])
def test_onnx_is_no_input_of_the_tensorflow_commands(onnx: Path, command: int, tmp_path: Path) -> None:
    said = helped(call(*every_command(onnx, tmp_path)[command]))
    assert "an ONNX model" in said
    assert "build, verify or inspect" in said
    assert not list(tmp_path.iterdir())


def test_onnx_is_described_whatever_its_name(onnx: Path) -> None:
    done = call("inspect", onnx)
    assert done.code == 0
    assert "onnx, opset 17" in done.out
    assert "input float32[batch" in done.out.replace("?", "batch")


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_onnx_is_built_whatever_its_name(onnx: Path, tmp_path: Path) -> None:
    done = call("build", onnx, "-o", tmp_path / "out.plan")
    assert done.code == 0, done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.plan", "out.plan.json"]


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_a_graph_is_built_though_it_is_called_onnx(tmp_path: Path) -> None:
    model = save(tmp_path, pb(CHAIN), "model.onnx")
    done = call("build", model, "-o", tmp_path / "out.plan")
    assert done.code == 0, done.err


def test_the_pb_of_a_saved_model_works_as_one(tmp_path: Path) -> None:
    """Given by itself, under any name, or as its folder."""
    folder = tmp_path / "export"
    folder.mkdir()
    alone, inside = save(tmp_path, saved_model()), save(folder, saved_model(), "saved_model.pb")
    for model in (alone, inside, folder):
        done = call("inspect", model)
        assert done.code == 0, done.err
        assert "saved-model" in done.out
        assert "MatMul" in done.out
        assert call("check", model, "--no-live", "--target", "rtx1.7").code == 0
    assert call("fix", folder, "--rules", "clean", "-o", tmp_path / "o.pb").code == 0
    said = helped(call("fix", folder, "--rules", "clean", "--in-place"))
    assert "-o fixed.pb" in said
    assert inside.read_bytes() == saved_model()


@pytest.mark.parametrize("command", range(len(COMMANDS)), ids=COMMANDS)
def test_a_folder_without_a_model(command: int, tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    said = helped(call(*every_command(folder, tmp_path)[command]))
    assert ("no models were found" if COMMANDS[command] == "check" else "not a SavedModel") in said
    save(folder, pb(SMALL), "net.pb")
    done = call(*every_command(folder, tmp_path)[command])
    if COMMANDS[command] == "check":  # which looks for models in folders
        assert f"{folder}/net.pb" in done.out
    else:
        assert "net.pb" in helped(done)
    assert [p.name for p in tmp_path.iterdir()] == ["nothing"]


def test_a_folder_with_a_checkpoint(tmp_path: Path) -> None:
    save(tmp_path, b"", "model.ckpt-1.index")
    said = helped(call("check", tmp_path))
    assert "checkpoint" in said
    assert "Freeze" in said
