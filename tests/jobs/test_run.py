from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from graphdoctor import jobs
from graphdoctor.errors import InputError, MissingExtraError, WorkerError
from graphdoctor.jobs import FailureKind
from graphdoctor.jobs.launch import last_line
from graphdoctor.jobs.process import LOG_TAIL
from graphdoctor.jobs.spec import RunDone

ENV = {"PYTHONPATH": str(Path(__file__).parent)}


@pytest.fixture(autouse=True)
def private_tmp(tmp_path, monkeypatch):
    """Job folders go to a place of the test's own, which must be empty again afterwards."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def start(worker, request=None, arrays=None, *, timeout=30.0, **env):
    return jobs.run(f"jobworkers.{worker}", request or {}, arrays, timeout=timeout, env=ENV | env)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@dataclass
class Request:
    name: str
    dims: tuple[int, ...]


def test_round_trip_of_request_and_arrays():
    arrays = {
        "scope/x:0": np.arange(6, dtype=np.int64).reshape(2, 3),
        "..": np.array(np.nan, np.float32),
        "": np.zeros((0, 4), np.float16),
        "ä/é:1": np.asfortranarray(np.ones((3, 2), np.complex64)),
        "flag": np.array([True, False]),
        "words": np.array(["a", "bcd"]),
    }
    result = start("echo", Request("ünï/:0", (1, 2)), arrays)
    assert result.ok
    assert result.failure is None
    assert result.data["request"] == {"name": "ünï/:0", "dims": [1, 2]}
    assert list(result.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(result.arrays[name], array)
        assert result.arrays[name].dtype == array.dtype


def test_worker_runs_in_private_folder_and_own_group(private_tmp):
    result = start("echo")
    assert Path(result.data["folder"]).parent == private_tmp
    assert result.data["pgid"] == result.data["pid"]
    assert result.data["pgid"] != os.getpgid(0)
    assert 0 < result.seconds < 30
    assert 1 << 20 < result.peak_bytes < 1 << 30


def test_files_are_put_into_the_folder():
    result = jobs.run("jobworkers.echo", {}, timeout=30, env=ENV, files={"model.onnx": memoryview(b"xyz")})
    assert result.ok


def test_modules_in_the_users_directory_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    assert start("echo", {}, {"x": np.ones(2)}).ok


def test_relative_pythonpath_still_works(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent)
    assert jobs.run("jobworkers.echo", {}, timeout=30, env={"PYTHONPATH": "."}).ok


def test_segfault_is_a_result():
    result = start("segfault")
    assert not result.ok
    assert result.failure.kind is FailureKind.SIGNAL
    assert "SIGSEGV" in result.failure.message
    assert "about to touch" in result.log


def test_hang_is_stopped_with_its_whole_group(tmp_path):
    pids = tmp_path / "pids"
    started = time.monotonic()
    result = start("hang", timeout=2.0, PID_FILE=str(pids))
    assert time.monotonic() - started < 8
    assert result.failure.kind is FailureKind.TIMEOUT
    assert "2 s" in result.failure.message
    assert result.log == "waiting\n"
    worker, child, _ = pids.read_text().split()
    wait_until(lambda: not is_alive(worker) and not is_alive(child))
    with pytest.raises(ChildProcessError):
        os.waitpid(int(worker), os.WNOHANG)  # reaped: no zombie is left


def test_children_left_behind_are_killed_and_not_waited_for():
    started = time.monotonic()
    result = start("leaves_child")
    assert time.monotonic() - started < 10
    assert result.ok
    wait_until(lambda: not is_alive(result.data["child"]))


def test_garbage_on_stdout_does_no_harm():
    result = start("garbage")
    assert result.ok
    assert result.data == {"answer": 42}
    assert len(result.log) <= LOG_TAIL + 100
    assert "bytes left out" in result.log
    assert "\x1b" not in result.log
    assert "\x07" not in result.log
    assert "the last line" in result.log


@pytest.mark.parametrize(
    "how, kind, said",
    [
        ("refuse", FailureKind.ERROR, "the model has no output 'y'"),
        ("raise", FailureKind.ERROR, "first line; second line"),
        ("silent", FailureKind.ERROR, "AssertionError"),
        ("memory", FailureKind.ERROR, "memory ran out"),
        ("exit", FailureKind.ERROR, "3"),
        ("quit", FailureKind.EXIT, "ended with exit code 7: the real reason"),
        ("nothing", FailureKind.NO_RESULT, "without writing a result"),
        ("damaged", FailureKind.NO_RESULT, "damaged result"),
        ("no arrays", FailureKind.NO_RESULT, "damaged result"),
        ("huge", FailureKind.NO_RESULT, "more than the"),
        ("objects", FailureKind.ERROR, "dtype object"),
    ],
)
def test_failures_are_results(how, kind, said):
    result = start("fails", {"how": how})
    assert not result.ok
    assert result.failure.kind is kind
    assert said in result.failure.message


@pytest.mark.parametrize("size", [0, 64 << 10])
def test_full_disk_in_the_worker(size):
    """At 64 KiB the arrays do not fit and the reason still does; at 0 not even the reason can be written."""
    result = start("small_disk", {"bytes": size})
    assert not result.ok
    assert result.failure.kind in (FailureKind.ERROR, FailureKind.EXIT)
    assert "File too large" in result.failure.message


def test_full_disk_in_the_parent(tmp_path, monkeypatch):
    """A tmpfs where mounting is allowed: the folder is made, the arrays do not fit."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    try:
        with pytest.raises(WorkerError, match="No space left") as caught:
            start("echo", {}, {"x": np.zeros(1 << 20, np.uint8)})
        assert "TMPDIR" in str(caught.value)
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_missing_module_of_an_extra():
    result = start("fails", {"how": "missing", "module": "tensorrt"})
    assert result.failure.kind is FailureKind.MISSING
    with pytest.raises(MissingExtraError, match=r"graphdoctor\[engine\]"):
        jobs.raise_for_failure(result, where="x.onnx", purpose="Building the engine")


def test_missing_module_of_nobody_is_an_error():
    result = start("fails", {"how": "missing", "module": "no_such_module"})
    assert result.failure.kind is FailureKind.ERROR
    assert "no_such_module" in result.failure.message


def test_unknown_worker_says_so():
    result = jobs.run("no_such_worker", {}, timeout=30)
    assert result.failure.kind is FailureKind.EXIT
    assert "no_such_worker" in result.failure.message


def test_raise_for_failure_names_the_model_and_keeps_the_log():
    result = start("fails", {"how": "quit"})
    with pytest.raises(WorkerError, match=r"net\.onnx: Running failed: ended with exit code 7") as caught:
        jobs.raise_for_failure(result, where="net.onnx", purpose="Running")
    assert "the real reason" in caught.value.log
    assert caught.value.remedy
    jobs.raise_for_failure(start("echo"), where="net.onnx", purpose="Running")


def test_answer_of_another_form_is_an_error():
    with pytest.raises(WorkerError, match="not a RunDone"):
        start("echo").data_as(RunDone)


def test_objects_and_bad_unicode_cannot_be_sent():
    with pytest.raises(InputError, match="dtype object"):
        start("echo", {}, {"words": np.array(["a", None], object)})
    with pytest.raises(InputError, match="not valid Unicode"):
        start("echo", {"path": os.fsdecode(b"/tmp/\xff")})


PARENT = """
import sys, tempfile
from graphdoctor import jobs
worker, tempfile.tempdir, path, pids = sys.argv[1:]
jobs.run(worker, {}, timeout=60, env={"PYTHONPATH": path, "PID_FILE": pids})
"""


@pytest.fixture
def parent(tmp_path):
    """Starts a process that starts a worker; gives the process, the worker's pids and the folder for jobs."""
    folder, pids = tmp_path / "other", tmp_path / "pids"
    folder.mkdir()
    started = []

    def begin(worker):
        arguments = [f"jobworkers.{worker}", str(folder), ENV["PYTHONPATH"], str(pids)]
        started.append(subprocess.Popen([sys.executable, "-c", PARENT, *arguments], stderr=subprocess.PIPE))
        wait_until(pids.exists)
        return started[0], pids.read_text().split()[:2], folder

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_ctrl_c_kills_the_group_and_removes_the_folder(parent):
    process, pids, folder = parent("hang")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in said
    wait_until(lambda: not any(map(is_alive, pids)))
    assert list(folder.iterdir()) == []


def test_ctrl_c_while_the_worker_is_started_leaves_none_behind(monkeypatch):
    """The signal comes when the process is there but nobody holds it yet."""
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        start("hang")
    assert not any(map(is_alive, started))
    assert started
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(sys.platform != "linux", reason="a promise on Linux only")
def test_a_worker_ends_when_its_parent_is_killed(parent):
    process, pids, _ = parent("sleeps")
    assert all(map(is_alive, pids))
    process.kill()
    wait_until(lambda: not any(map(is_alive, pids)))


@pytest.mark.parametrize(
    "log, line",
    [
        ("", ""),
        ("one\ntwo\n\n----\n", "two"),
        ('ValueError: no\n  File "x.py", line 3 in f\n', "ValueError: no"),
        ("real\nI0000 00:00:17 1 cudart_stub.cc:31] Could not find cuda\n", "real"),
        ("x" * 900, "x" * 500),
    ],
)
def test_last_line(log, line):
    assert last_line(log) == line
