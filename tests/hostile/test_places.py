"""Files and folders that cannot be read or written: one message, the input untouched, nothing left half."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.program import call, helped
from tests.hostile.models import GRAPHS, ROOT, SMALL, pb, save

NOBODY = 65534
DEMO = GRAPHS / "demo.pb"
ALL_PACKS = "tf112,clean,fold,trt3"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory(prefix="shared-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def powerless() -> Iterator[None]:
    """Act as somebody whom permissions bind; root takes nobody's identity meanwhile."""
    call("check", "missing.pb")  # what an error needs is imported before
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        if not os.access(ROOT / "rules" / "ids.lock", os.R_OK, effective_ids=True):
            pytest.skip("this checkout can be read by root alone")
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    "words", [["check"], ["inspect"], ["fix", "--rules", "clean", "--in-place"]], ids=lambda w: w[0]
)
def test_a_file_without_permission(words: list[str], shared: Path) -> None:
    model = save(shared, pb(SMALL))
    model.chmod(0)
    with powerless():
        said = helped(call(*words, model))
    assert "Permission denied" in said
    assert "permissions" in said
    model.chmod(0o600)
    assert model.read_bytes() == pb(SMALL)


def test_a_folder_without_permission(shared: Path) -> None:
    folder = shared / "closed"
    folder.mkdir(mode=0o700)
    save(folder, pb(SMALL), "saved_model.pb")
    folder.chmod(0)
    with powerless():
        for model in (folder, folder / "saved_model.pb"):
            said = helped(call("check", model))
            assert "Permission denied" in said
    folder.chmod(0o700)


@pytest.mark.parametrize("command", ["fix", "in-place", "convert", "report", "build", "cure"])
def test_an_output_folder_without_permission(command: str, shared: Path) -> None:
    model = save(shared, pb(SMALL))
    model.chmod(0o644)
    shared.chmod(0o555)
    words = {
        "fix": ["fix", model, "--rules", "clean"],
        "in-place": ["fix", model, "--rules", "clean", "--in-place"],
        "convert": ["convert", model, "--to", "onnx", "-o", shared / "o.onnx"],
        "report": ["check", model, "--output-file", shared / "r.txt"],
        "build": ["build", model, "-o", shared / "o.plan"],
        "cure": ["cure", model, "--target", "rtx1.7", "-o", shared / "cure"],
    }[command]
    call("convert", model, "--to", "onnx", "-o", os.devnull)  # what is imported late is imported as oneself
    import_module("graphdoctor.passes.guesses")
    with powerless():
        done = call(*words)
    assert done.code == 2, done
    helped(done)
    assert sorted(p.name for p in shared.iterdir()) == ["model.pb"]
    assert model.read_bytes() == pb(SMALL)


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file can grow beyond ``room`` bytes: writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("command", ["fix", "in-place", "text", "convert", "report"])
def test_a_full_disk(command: str, tmp_path: Path) -> None:
    model = save(tmp_path, DEMO.read_bytes())
    words = {
        "fix": ["fix", model, "--rules", ALL_PACKS, "-o", tmp_path / "fixed.pb"],
        "in-place": ["fix", model, "--rules", ALL_PACKS, "--in-place"],
        "text": ["fix", model, "--rules", ALL_PACKS, "-o", tmp_path / "fixed.pbtxt"],
        "convert": ["convert", model, "--to", "onnx", "-o", tmp_path / "o.onnx"],
        "report": ["check", model, "--no-live", "--format", "json", "--output-file", tmp_path / "report.json"],
    }[command]
    with full_disk(8192):
        said = helped(call(*words))
    assert "cannot be written" in said
    assert "space" in said
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]
    assert model.read_bytes() == DEMO.read_bytes()


@pytest.mark.parametrize("command", ["fix", "convert"])
def test_a_full_disk_keeps_what_was_there(command: str, tmp_path: Path) -> None:
    model, before = save(tmp_path, DEMO.read_bytes()), save(tmp_path, b"before", "out")
    words = {"fix": ["--rules", ALL_PACKS], "convert": ["--to", "onnx"]}[command]
    with full_disk(8192):
        helped(call(command, model, *words, "-o", before))
    assert before.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
@pytest.mark.parametrize("room", [20_000, 100_000], ids=["request", "plan"])
def test_a_full_disk_while_building(room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full for the ONNX model that the builder gets, or for the plan that it gives."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with full_disk(room):
        done = call("build", DEMO, "-o", tmp_path / "demo.plan")
    assert done.code == 2, done
    assert done.err.count("error: ") == 1
    assert "Traceback" not in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["scratch"]
    assert not list(scratch.iterdir())


def test_a_full_disk_while_curing(tmp_path: Path) -> None:
    """No artefact is left half, and the exit code is the tool's own failure."""
    with full_disk(8192):
        done = call("cure", DEMO, "--target", "rtx1.7", "-o", tmp_path / "out")
    assert done.code == 2, done
    assert "Traceback" not in done.err
    assert "cannot be written" in " ".join((done.out + done.err).split())
    assert not [p for p in (tmp_path / "out").iterdir() if p.suffix in (".pb", ".onnx", ".plan", ".part")]


@pytest.mark.parametrize("place", ["folder", "missing/folder", "device"])
def test_a_place_that_is_no_file(place: str, tmp_path: Path) -> None:
    model = save(tmp_path, pb(SMALL))
    (tmp_path / "folder").mkdir()
    out = Path("/dev/full") if place == "device" else tmp_path / place
    for words in (
        ["fix", model, "--rules", "clean", "-o", out],
        ["convert", model, "--to", "onnx", "-o", out],
        ["check", model, "--output-file", out],
        ["build", model, "-o", out if place != "device" else "/dev/null/x"],
    ):
        helped(call(*words))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "model.pb"]
    assert not list((tmp_path / "folder").iterdir())


COMMANDS = {
    "fix": ["--rules", "clean", "-o"],
    "convert": ["--to", "onnx", "-o"],
    "build": ["-o"],
    "check": ["--no-live", "--output-file"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_input_is_not_the_output(command: str, tmp_path: Path) -> None:
    """Under its own name, by another way, and by a link."""
    model = save(tmp_path, pb(SMALL))
    (tmp_path / "link.pb").symlink_to(model)
    (tmp_path / "hard.pb").hardlink_to(model)
    for out in (model, f"{tmp_path}/./model.pb", tmp_path / "link.pb", tmp_path / "hard.pb"):
        said = helped(call(command, model, *COMMANDS[command], out))
        assert "is the input itself" in said
    assert ("--in-place" in said) == (command == "fix")
    assert model.read_bytes() == pb(SMALL)


@pytest.mark.parametrize("name", ["fixed.pb", "model.onnx", "model.plan", "report.json"])
def test_cure_does_not_write_over_its_input(name: str, tmp_path: Path) -> None:
    model = save(tmp_path, pb(SMALL), name)
    said = helped(call("cure", model, "--target", "rtx1.7", "-o", tmp_path))
    assert "another folder" in said
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert model.read_bytes() == pb(SMALL)


def test_a_full_device_behind_standard_output() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        words = [sys.executable, "-m", "graphdoctor", "rules"]
        done = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output: No space left")
    assert "Traceback" not in done.stderr
