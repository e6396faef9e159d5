"""Many models at once: the same report as one after the other, whatever happens to one of them."""

from __future__ import annotations

import gc
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from graphdoctor.batch import machine, pool
from graphdoctor.batch.machine import available_memory, jobs_for, processors
from graphdoctor.batch.pool import Died, in_processes
from graphdoctor.batch.run import Work, check_all
from graphdoctor.errors import InputError, MissingExtraError, UnsupportedError
from graphdoctor.flows.check import CheckOptions
from graphdoctor.ir import Node
from tests.cli.program import call
from tests.hostile.models import GRAPHS, ROOT, save

OPTIONS = CheckOptions(("trt3",), live=False)
WORDS = ["--target", "trt3", "--no-live", "--no-cache"]


@pytest.fixture
def models(tmp_path: Path) -> list[str]:
    """Some sound, one that is no model in the middle."""
    names = ["demo", "every_fault", "mlp", "lstm_unrolled", "depthwise"]
    found = [save(tmp_path, (GRAPHS / f"{n}.pb").read_bytes(), f"{n}.pb") for n in names]
    return [str(p) for p in (*found[:2], save(tmp_path, b"no model", "bad.pb"), *found[2:])]


@pytest.mark.parametrize("form", ["json", "full", "sarif"])
def test_the_order_is_that_of_the_command_line(form: str, models: list[str]) -> None:
    """Byte for byte the same, with one process or several; the bad one is told, and is exit code 2."""
    serial, parallel = (call("check", *models, *WORDS, "--format", form, "-j", n) for n in ("1", "3"))
    assert (serial.code, serial.out, serial.err) == (parallel.code, parallel.out, parallel.err)
    assert serial.code == 2
    assert serial.err.count("error: ") == 1
    assert "bad.pb" in serial.err
    if form == "json":
        assert [m["path"] for m in json.loads(serial.out)["models"]] == [m for m in models if "bad" not in m]


def test_jobs_zero_is_a_choice_of_the_machine(models: list[str]) -> None:
    assert call("check", *models, *WORDS, "-j", "0").out == call("check", *models, *WORDS, "-j", "1").out


def test_one_model_never_pays_for_processes(models: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "in_processes", None)
    assert call("check", models[0], *WORDS, "-j", "8").code == 1


def test_nothing_is_left_of_a_model_that_was_checked(models: list[str]) -> None:
    """As in a command, where nobody collects."""
    gc.collect()
    before = _nodes()
    gc.disable()
    try:
        outcomes = list(check_all(models, Work(lambda path: OPTIONS, jobs=1)))
    finally:
        gc.enable()
    assert len(outcomes) == len(models)
    assert _nodes() == before


def _nodes() -> int:
    return sum(isinstance(thing, Node) for thing in gc.get_objects())


@pytest.mark.parametrize("wrong", ["-1", "x", "1.5", "1000"])
def test_wrong_jobs(wrong: str, models: list[str]) -> None:
    done = call("check", *models, "-j", wrong)
    assert done.code == 2
    assert "--jobs" in done.err


def test_wrong_options_are_one_error(models: list[str]) -> None:
    """Not one for each model."""
    done = call("check", *models, "--target", "trt33", "-j", "3", "--no-cache")
    assert done.code == 2
    assert done.err.count("error: ") == 1
    assert done.out == ""


def test_each_is_told_when_it_is_done(models: list[str]) -> None:
    told: list[str] = []
    outcomes = list(check_all(models, Work(lambda path: OPTIONS, jobs=2), told.append))
    assert sorted(told) == sorted(models)
    assert [o.path for o in outcomes] == models
    assert [o.path for o in outcomes if o.error] == [m for m in models if "bad" in m]


# The pool


def _square(text: str) -> int:
    return int(text) ** 2


def test_results_of_all_items() -> None:
    items = [str(n) for n in range(50)]
    assert sorted(in_processes(_square, items, 4)) == sorted((i, int(i) ** 2) for i in items)


def test_no_more_processes_than_jobs() -> None:
    pids = {pid for _, pid in in_processes(lambda _: os.getpid(), [str(n) for n in range(40)], 3)}
    assert 1 <= len(pids) <= 3
    assert os.getpid() not in pids


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGKILL, "memory"), (signal.SIGSEGV, "SIGSEGV"), (0, "exit code 1")],
    ids=["killed", "crashed", "raised"],
)
def test_a_process_that_dies_takes_one_item_along(number: int, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The others are done by those that live and by new ones; what was raised is on standard error."""

    def work(item: str) -> str:
        if item in ("3", "4", "11"):
            if number == 0:
                raise ZeroDivisionError(item)
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        return item

    results = dict(in_processes(work, [str(n) for n in range(12)], 2))
    died = {i: r for i, r in results.items() if isinstance(r, Died)}
    assert sorted(died) == ["11", "3", "4"]
    assert all(words in f"{d.how} {d.remedy}" for d in died.values())
    assert {i: r for i, r in results.items() if i not in died} == {
        str(n): str(n) for n in range(12) if n not in (3, 4, 11)
    }
    assert ("ZeroDivisionError" in capfd.readouterr().err) == (number == 0)


def test_a_crash_is_that_models_error(models: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Said with what to do; the other reports are there."""
    from graphdoctor.flows import check

    real: Callable[..., object] = check.check_model

    def crashing(path: str, options: CheckOptions) -> object:
        if "mlp" in path:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path, options)

    monkeypatch.setattr(check, "check_model", crashing)
    done = call("check", *models, *WORDS, "-j", "2", "--format", "json")
    assert done.code == 2
    assert len(json.loads(done.out)["models"]) == len(models) - 2
    assert "mlp.pb: the process that checked it was killed by the system" in " ".join(done.err.split())


def test_too_large_is_that_models_error(models: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone or among others."""
    from graphdoctor.flows import check

    def exhausted(path: str, options: CheckOptions) -> object:
        raise MemoryError

    monkeypatch.setattr(check, "check_model", exhausted)
    for jobs in ("1", "2"):
        done = call("check", *models, *WORDS, "-j", jobs)
        assert done.code == 2
        assert done.err.count("too large or too deep") == len(models)
    assert call("check", models[0], *WORDS).err.count("too large or too deep") == 1


def test_nothing_is_left_when_nobody_wants_more() -> None:
    running = in_processes(lambda i: time.sleep(0 if i == "0" else 60), ["0", "1", "2"], 3)
    assert next(running)[0] == "0"
    started = time.monotonic()
    running.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 2
    assert not pool.multiprocessing.active_children()


@pytest.mark.parametrize(
    "error",
    [
        InputError("m", where="w", remedy="r"),
        MissingExtraError("onnx", "onnx", "Asking"),
        UnsupportedError("m"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_errors_cross_processes(error: Exception) -> None:
    """Whole, whatever their constructor takes."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


# The machine


def test_jobs_are_bounded(models: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the models, the processors, and the memory; what the user says is done."""
    assert jobs_for(models, 0, live=False) <= processors()
    monkeypatch.setattr(machine, "processors", lambda: 64)
    monkeypatch.setattr(machine, "available_memory", lambda: 1 << 50)
    assert jobs_for(models, 0, live=False) == len(models)
    assert jobs_for(models, 2, live=False) == 2
    assert jobs_for(models, 256, live=False) == len(models)
    monkeypatch.setattr(machine, "available_memory", lambda: 3 * machine.PER_PROCESS)
    assert jobs_for(models, 0, live=False) == 2  # the models themselves need some as well
    assert jobs_for(models, 0, live=True) == 1
    assert 0 < available_memory() < 1 << 50


# Ctrl-C


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_interrupted(number: signal.Signals, tmp_path: Path) -> None:
    """To the whole group, as a terminal sends it, or to the parent alone: soon over, one message, nobody left."""
    for i in range(60):
        save(tmp_path, (GRAPHS / "lstm_unrolled.pb").read_bytes(), f"{i}.pb")
    words = [sys.executable, "-m", "graphdoctor", "check", tmp_path, "--target", "all", "-j", "3", *WORDS[2:]]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while len(_group(process.pid)) < 4 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.001)
    started = time.monotonic()
    if number is signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - started < 5
    assert (process.returncode, out) == (2, "")
    said = re.fullmatch(r"error: interrupted after (\d+) of 60 models; no report was written\nhelp: (.*)", err.strip())
    assert said is not None, err
    assert said[2] == "Run the same command again"  # WORDS keep no reports
    assert "Traceback" not in err
    assert _group(process.pid) == []


@pytest.mark.slow
def test_nobody_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    """The pipes to it are closed then."""
    for i in range(60):
        save(tmp_path, (GRAPHS / "lstm_unrolled.pb").read_bytes(), f"{i}.pb")
    words = [sys.executable, "-m", "graphdoctor", "check", tmp_path, "--target", "all", "-j", "3", *WORDS[2:]]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while len(_group(process.pid)) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while _group(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _group(process.pid) == []


def _group(leader: int) -> list[int]:
    """The living processes of the group."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(int(file.parent.name))
    return found
