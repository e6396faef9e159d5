"""Ctrl-C, a request to end, and a reader that goes away: no traceback, no file half, no process left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.program import call
from tests.hostile.models import GRAPHS, ROOT, GraphDef

PROGRAM = [sys.executable, "-m", "graphdoctor"]
WIDTH = 2048
LAYERS = 6
ENOUGH = 30.0
ATTEMPTS = 5
Condition = Callable[[], bool]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A perceptron of 100 MB, with an op to rename, so that every command takes its time."""
    graph = GraphDef()
    graph.versions.producer = 27
    x = graph.node.add(name="x", op="Placeholder")
    x.attr["dtype"].type = 1
    x.attr["shape"].shape.dim.add(size=1)
    x.attr["shape"].shape.dim.add(size=WIDTH)
    block = os.urandom(1 << 16) * (WIDTH * WIDTH * 4 >> 16)
    for k in range(LAYERS):
        const = graph.node.add(name=f"w{k}", op="Const")
        const.attr["dtype"].type = 1
        tensor = const.attr["value"].tensor
        tensor.dtype, tensor.tensor_content = 1, block
        for _ in range(2):
            tensor.tensor_shape.dim.add(size=WIDTH)
        before = f"a{k - 1}" if k else "x"
        graph.node.add(name=f"m{k}", op="MatMul", input=[before, f"w{k}"]).attr["T"].type = 1
        graph.node.add(name=f"a{k}", op="AddV2", input=[f"m{k}", f"m{k}"]).attr["T"].type = 1
    path = tmp_path_factory.mktemp("large") / "large.pb"
    path.write_bytes(graph.SerializeToString())
    return path


@contextmanager
def started(words: list[str | Path], scratch: Path) -> Iterator[subprocess.Popen[str]]:
    """The program, running; ``scratch`` is where it and its workers put temporary files."""
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*PROGRAM, *words],
        cwd=scratch.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(condition: Condition, process: subprocess.Popen[str]) -> bool:
    """Poll until ``condition`` holds (true), or the process has ended before (false)."""
    deadline = time.monotonic() + ENOUGH
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    return True


def workers_of(scratch: Path) -> list[int]:
    """Worker processes whose folder lies in ``scratch``."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if b"graphdoctor.workers" in words and bytes(scratch) in words:
            found.append(int(line.parent.name))
    return found


def soon(condition: Condition) -> bool:
    """True once ``condition`` holds: the kernel takes a moment to bury a process that was killed."""
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def writes(folder: Path) -> Condition:
    """A temporary file has appeared beside the output."""
    return lambda: any(p.name.startswith(".") for p in folder.iterdir())


def works(scratch: Path) -> Condition:
    """A worker process runs."""
    return lambda: bool(workers_of(scratch))


def commands(model: Path, out: Path) -> dict[str, list[str | Path]]:
    """Commands that take their time, writing into ``out``."""
    return {
        "fix": ["fix", model, "--rules", "tf112", "-o", out / "fixed.pb"],
        "convert": ["convert", model, "--to", "onnx", "-o", out / "out.onnx"],
        "build": ["build", model, "-o", out / "out.plan"],
        "verify": ["verify", GRAPHS / "mlp.pb", GRAPHS / "mlp.pb"],
        "cure": ["cure", GRAPHS / "mlp.pb", "--target", "rtx1.7", "-o", out / "cure"],
    }


CASES = [
    ("fix", signal.SIGINT),
    ("convert", signal.SIGINT),
    pytest.param("build", signal.SIGINT, marks=[pytest.mark.engine, pytest.mark.xdist_group("engine")]),
    pytest.param("build", signal.SIGTERM, marks=[pytest.mark.engine, pytest.mark.xdist_group("engine")]),
    pytest.param("verify", signal.SIGINT, marks=pytest.mark.tensorflow),
    pytest.param("cure", signal.SIGHUP, marks=[pytest.mark.engine, pytest.mark.xdist_group("engine")]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "number"), CASES)
def test_interrupted(command: str, number: signal.Signals, large: Path, tmp_path: Path) -> None:
    """In the middle of writing, or while a worker runs."""
    size, caught = large.stat().st_size, False
    for attempt in range(ATTEMPTS):  # a busy machine may look away while the file is written
        out, scratch = tmp_path / f"out{attempt}", tmp_path / f"scratch{attempt}"
        out.mkdir()
        with started(commands(large, out)[command], scratch) as process:
            caught = wait_for(writes(out) if command in ("fix", "convert") else works(scratch), process)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=ENOUGH)
        if caught and process.returncode != 0:
            break
    if not caught or process.returncode == 0:
        pytest.skip(f"this machine was done before it could be interrupted, {ATTEMPTS} times")
    assert process.returncode == 2
    said = stderr.strip()
    assert said.startswith("error: interrupted; nothing was written half\nhelp: Files that were reported as written")
    assert said.count("\n") == 1
    assert stdout == ""
    assert soon(lambda: not workers_of(scratch))
    assert not list(scratch.iterdir())
    left = [p for p in out.rglob("*") if p.is_file()]
    # A signal may come when the file has just been put in its place: then it is there, whole.
    assert {p.name for p in left} <= {"fixed.pb", "model.onnx", "out.onnx"}
    assert all(call("inspect", p).code == 0 for p in left)
    assert large.stat().st_size == size


def test_an_ignored_hangup_stays_ignored(tmp_path: Path) -> None:
    """As under nohup."""
    words = ["import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)", "import os, sys"]
    words += ["from graphdoctor import cli", "from graphdoctor.cli import rules"]
    words += ["before = cli._run", "cli._run = lambda *a: os.kill(os.getpid(), signal.SIGHUP) or before(*a)"]
    words += ["sys.argv = ['graphdoctor', 'packs']", "cli.main()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = [sys.executable, "-c", "\n".join(words)]
    done = subprocess.run(code, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["rules"], ["check", "--format", "json", GRAPHS / "demo.pb"]], ids=lambda w: w[0])
def test_a_reader_that_has_gone(words: list[str | Path]) -> None:
    """``graphdoctor rules | true``: nothing is said, not even by Python at its end."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*PROGRAM, *words], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    finally:
        os.close(write)
    assert done.stderr == ""
    assert done.returncode == 2


def test_head() -> None:
    """The shell's own pipe, with more output than it holds."""
    line = f"{sys.executable} -m graphdoctor rules --format json | head -n 1"
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.startswith("[")
    assert done.stderr == ""
