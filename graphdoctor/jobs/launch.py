"""``run``: start a worker, give it its request, and turn whatever happens into a `JobResult`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

from graphdoctor.errors import WorkerError
from graphdoctor.jobs.exchange import read_result, write_request
from graphdoctor.jobs.process import Ended, run_process
from graphdoctor.jobs.spec import Envelope, Failure, FailureKind, JobResult
from graphdoctor.leftovers import hold, sweep

if TYPE_CHECKING:
    from graphdoctor.types import Array

Bytes = bytes | bytearray | memoryview


def run(
    worker: str,
    request: Any,
    arrays: Mapping[str, Array] | None = None,
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    files: Mapping[str, Bytes] | None = None,
    python: str = "",
) -> JobResult:
    """Start ``python -m graphdoctor.workers.<worker> <folder>`` and wait for its result.

    A crash, a hang, a missing module or a damaged answer is a result with a `Failure`, not an exception.
    The folder is private, it is the worker's current directory, and it is gone when this returns.

    Args:
        worker: a module of ``graphdoctor.workers``, or a full module path (anything with a dot).
        request: a dataclass or dict of JSON-like values (`jobs.spec`); paths in it must be absolute, or be
        among
            ``files``.
        arrays: tensors by any name; no objects.
        timeout: seconds from start to exit.
        env: variables set over those of this process.
        files: contents by plain file name, put into the folder first.
        python: another interpreter; it runs the worker's file by its path, as graphdoctor may be nothing that it can
            import.

    Raises:
        InputError: the request cannot be written down (not Unicode, an array of objects).
        WorkerError: the folder or process cannot be made (full disk, no memory).
    """
    try:
        with private_folder() as folder:
            for file, content in (files or {}).items():
                (folder / file).write_bytes(content)
            write_request(folder, request, arrays or {})
            ended = run_process(_command(worker, folder, python), cwd=folder, env=environment(env), timeout=timeout)
            return _result(folder, ended, timeout)
    except OSError as e:
        raise WorkerError(
            f"the worker process {worker} cannot be set up: {e.strerror or e}",
            where=str(e.filename or gettempdir()),
            remedy="Free some space, or set TMPDIR to a folder with more",
        ) from e


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for temporary files that goes with the block; if this process is killed, with a later run.

    Raises:
        OSError: it cannot be made.
    """
    import tempfile

    sweep(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=f"graphdoctor-{os.getpid()}-") as name:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            hold(fd)
            yield Path(name)
        finally:
            os.close(fd)


def _command(worker: str, folder: Path, python: str) -> list[str]:
    if python:
        return [python, "-u", str(Path(__file__).resolve().parents[1] / "workers" / f"{worker}.py"), str(folder)]
    module = worker if "." in worker else f"graphdoctor.workers.{worker}"
    return [sys.executable, "-u", "-m", module, str(folder)]


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """This process's environment and ``extra``, with graphdoctor itself importable from any directory.

    The worker does not start in the user's directory, where a folder that happens to be called
    ``tensorflow`` would be imported; so relative entries of PYTHONPATH are made absolute.
    """
    env = dict(os.environ) | {"PYTHONFAULTHANDLER": "1"} | dict(extra or {})
    paths = [str(Path(p).absolute()) for p in env.get("PYTHONPATH", "").split(os.pathsep) if p]
    root = str(Path(__file__).resolve().parents[2])
    if Path(root).name not in ("site-packages", "dist-packages"):
        paths.append(root)
    if paths:
        env["PYTHONPATH"] = os.pathsep.join(paths)
    return env


def _result(folder: Path, ended: Ended, timeout: float) -> JobResult:
    failure = _process_failure(ended, timeout)
    envelope = Envelope()
    arrays: dict[str, Array] = {}
    if failure is None or failure.kind is FailureKind.EXIT:
        try:
            envelope, arrays = read_result(folder)
            failure = envelope.failure or failure
        except WorkerError as e:
            failure = failure or Failure(FailureKind.NO_RESULT, with_last_line(e.message, ended.log))
    return JobResult(
        ok=failure is None,
        data=envelope.data,
        arrays=arrays,
        log=ended.log,
        failure=failure,
        seconds=ended.seconds,
        peak_bytes=envelope.peak_bytes,
    )


def _process_failure(ended: Ended, timeout: float) -> Failure | None:
    if ended.timed_out:
        return Failure(FailureKind.TIMEOUT, f"did not finish in {timeout:g} s and was stopped")
    if ended.code < 0:
        return Failure(FailureKind.SIGNAL, signal_text(-ended.code, ended.log))
    if ended.code > 0:
        return Failure(FailureKind.EXIT, with_last_line(f"ended with exit code {ended.code}", ended.log))
    return None


def signal_text(number: int, log: str) -> str:
    """How a process ended that a signal ended, with the last line it wrote."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if number == signal.SIGKILL:
        return f"was killed by the system ({name}), most often because memory ran out"
    return with_last_line(f"crashed with {name}", log)


def with_last_line(text: str, log: str) -> str:
    """``text``, and what the log says last."""
    line = last_line(log)
    return f"{text}: {line}" if line else text


_NOISE = (
    "File ",
    "Thread ",
    "Current thread",
    "Extension modules:",
    "Fatal Python error",
    "I0000 ",
    "WARNING: All",
)


def last_line(log: str) -> str:
    """The last line of a log that says something (no stack frame, no start-up note), at most 500 long."""
    for line in reversed(log.splitlines()):
        text = line.strip()
        if any(c.isalnum() for c in text) and not text.startswith(_NOISE):
            return text[:500]
    return ""
