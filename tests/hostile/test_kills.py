"""kill -9 of ``fix`` at any moment: the input is as it was, the output is complete or not there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.program import call, helped
from tests.hostile.models import GRAPHS, ROOT, SMALL, GraphDef, pb, save

PROGRAM = [sys.executable, "-m", "graphdoctor"]
MOMENTS = 17
"""Kills of each of the six kinds of run: 102 in all."""
WIDTH, LAYERS = 1024, 3
WAYS = {
    "output": ["-o", "out.pb"],
    "in-place": ["--in-place"],
    "patch": ["-o", "out.pb", "--patch-out", "out.json"],
}
"""What each run is asked to write."""
TEMPORARY = ".graphdoctor-"


def larger() -> bytes:
    """A perceptron of 12 MB with an op to rename."""
    graph = GraphDef()
    graph.versions.producer = 27
    x = graph.node.add(name="x", op="Placeholder")
    x.attr["dtype"].type = 1
    x.attr["shape"].shape.dim.add(size=1)
    x.attr["shape"].shape.dim.add(size=WIDTH)
    for k in range(LAYERS):
        const = graph.node.add(name=f"w{k}", op="Const")
        const.attr["dtype"].type = 1
        tensor = const.attr["value"].tensor
        tensor.dtype, tensor.tensor_content = 1, bytes(range(256)) * (WIDTH * WIDTH * 4 >> 8)
        for _ in range(2):
            tensor.tensor_shape.dim.add(size=WIDTH)
        graph.node.add(name=f"m{k}", op="MatMul", input=[f"a{k - 1}" if k else "x", f"w{k}"]).attr["T"].type = 1
        graph.node.add(name=f"a{k}", op="AddV2", input=[f"m{k}", f"m{k}"]).attr["T"].type = 1
    return bytes(graph.SerializeToString())


MODELS = {"small": lambda: (GRAPHS / "demo.pb").read_bytes(), "larger": larger}


def start(folder: Path, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """``fix`` of the model in ``folder``, running."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    command = [*PROGRAM, "fix", "model.pb", "--rules", "tf112,clean,fold", *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def complete(folder: Path, words: Sequence[str], data: bytes) -> tuple[dict[str, bytes], float]:
    """What an undisturbed run leaves, by file name, and how many seconds it takes."""
    folder.mkdir()
    save(folder, data)
    began = time.monotonic()
    process = start(folder, words)
    _, said = process.communicate()
    assert process.returncode == 0, said
    return {p.name: p.read_bytes() for p in folder.iterdir()}, time.monotonic() - began


def wait_until_it_writes(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until a new temporary file is there, or the run has ended."""
    before = {p.name for p in folder.iterdir()}
    while process.poll() is None:
        if any(name.startswith(TEMPORARY) for name in {e.name for e in os.scandir(folder)} - before):
            return


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", MODELS)
def test_killed_at_any_moment(size: str, way: str, tmp_path: Path) -> None:
    """At random moments of the whole run, and of what comes after the first temporary file."""
    data, words, rng = MODELS[size](), WAYS[way], random.Random(f"{size}/{way}")
    done, seconds = complete(tmp_path / "undisturbed", words, data)
    folder = tmp_path / "killed"
    folder.mkdir()
    killed = 0
    for moment in range(MOMENTS):
        model = save(folder, data)
        for name in ("out.pb", "out.json"):
            (folder / name).unlink(missing_ok=True)
        process = start(folder, words)
        if moment % 2:
            wait_until_it_writes(folder, process)
            time.sleep(rng.uniform(0, 0.02))
        else:
            time.sleep(rng.uniform(0, seconds))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        check(folder, model, data, done)
    assert killed, "every run had ended before it was killed"
    start(folder, words).communicate()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == done, "a later run removes what killed ones left"


def check(folder: Path, model: Path, data: bytes, done: dict[str, bytes]) -> None:
    """Each file is as before or as a complete run leaves it; temporary files are known by their name."""
    assert model.read_bytes() in (data, done[model.name])
    for path in folder.iterdir():
        if path != model and not path.name.startswith(TEMPORARY):
            assert path.read_bytes() == done[path.name], path.name


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of ``size`` bytes at ``folder``."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
@pytest.mark.parametrize("way", ["-o", "--in-place", "--patch-out"])
def test_a_disk_that_is_full(way: str, tmp_path: Path) -> None:
    data = (GRAPHS / "demo.pb").read_bytes()
    with small_disk(tmp_path, len(data) + (8 << 10)):
        model = save(tmp_path, data)
        words = {
            "-o": ["-o", tmp_path / "o.pb"],
            "--in-place": ["--in-place"],
            "--patch-out": ["-o", os.path.join(tempfile.gettempdir(), f"o-{os.getpid()}.pb")],  # noqa: PTH118
        }[way]
        if way == "--patch-out":
            (tmp_path / "ballast").write_bytes(bytes(4 << 10))
            words += ["--patch-out", tmp_path / "p.json"]
        said = helped(call("fix", model, "--rules", "tf112,clean,fold,trt3", *words))
        assert "No space left on device" in said
        assert model.read_bytes() == data
        assert {p.name for p in tmp_path.iterdir()} <= {"model.pb", "ballast"}
    Path(tempfile.gettempdir(), f"o-{os.getpid()}.pb").unlink(missing_ok=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
def test_a_file_system_that_is_read_only(tmp_path: Path) -> None:
    """Permissions do not bind root; a read-only file system does."""
    with small_disk(tmp_path, 1 << 20):
        model = save(tmp_path, pb(SMALL))
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        for words in (["-o", tmp_path / "o.pb"], ["--in-place"], []):
            said = helped(call("fix", model, "--rules", "clean", *words))
            assert "Read-only file system" in said or "write-protected" in said
        assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]
        assert model.read_bytes() == pb(SMALL)


def test_an_output_that_is_a_link(tmp_path: Path) -> None:
    """The link stays, and what it names is replaced; one that leads nowhere yet gets its file."""
    model = save(tmp_path, pb(SMALL))
    old = save(tmp_path, b"before", "old.pb")
    (tmp_path / "link.pb").symlink_to("old.pb")
    (tmp_path / "new.pb").symlink_to("later.pb")
    for name in ("link.pb", "new.pb"):
        assert call("fix", model, "--rules", "clean", "-o", tmp_path / name).code == 0
        assert (tmp_path / name).is_symlink()
    assert old.read_bytes() == (tmp_path / "later.pb").read_bytes() != b"before"


def test_in_place_behind_links(tmp_path: Path) -> None:
    """A symbolic link stays one; of two hard links, the other keeps what was there."""
    model = save(tmp_path, (GRAPHS / "demo.pb").read_bytes())
    before = model.read_bytes()
    (tmp_path / "link.pb").symlink_to("model.pb")
    (tmp_path / "hard.pb").hardlink_to(model)
    assert call("fix", tmp_path / "link.pb", "--rules", "tf112", "--in-place").code == 0
    assert (tmp_path / "link.pb").is_symlink()
    assert model.read_bytes() != before
    assert (tmp_path / "hard.pb").read_bytes() == before


def test_the_patch_is_not_the_output(tmp_path: Path) -> None:
    model = save(tmp_path, pb(SMALL))
    (tmp_path / "link.json").symlink_to(model)
    for place in (model, tmp_path / "link.json", f"{tmp_path}/./model.pb"):
        out = tmp_path / "o.pb"
        said = helped(call("fix", model, "--rules", "clean", "-o", out, "--patch-out", place))
        assert "is the input itself" in said
    assert "is also the output" in helped(call("fix", model, "--rules", "clean", "-o", out, "--patch-out", out))
    assert model.read_bytes() == pb(SMALL)
    assert not out.exists()


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/full", "/dev/null"])
def test_a_device_is_no_output(place: str, tmp_path: Path) -> None:
    """Behind a pipe, whoever reads it or not."""
    save(tmp_path, pb(SMALL))
    words = [*PROGRAM, "fix", "model.pb", "--rules", "clean", "-o", place]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a device or a pipe" in " ".join(done.stderr.split())
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


def test_a_reader_that_has_gone(tmp_path: Path) -> None:
    """The summary finds no reader; the file is complete all the same."""
    save(tmp_path, pb(SMALL))
    read, write = os.pipe()
    os.close(read)
    words = [*PROGRAM, "fix", "model.pb", "--rules", "clean", "-o", "o.pb"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (2, b"")
    assert call("inspect", tmp_path / "o.pb").code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.pb", "o.pb"]
