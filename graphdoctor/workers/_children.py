"""Pieces of work in forked children: a crash or a hang of NVIDIA's code takes one of them along, not all.

The library is loaded once, in front of the forks; that takes ten times as long as asking about a small model. The
children alone make objects of it, so that no GPU context is shared with them.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from graphdoctor.errors import WorkerError
from graphdoctor.jobs.exchange import read_result, write_result
from graphdoctor.jobs.launch import signal_text, with_last_line
from graphdoctor.jobs.spec import Envelope, Failure, FailureKind
from graphdoctor.workers._serve import failure_of

_LOG_TAIL = 16 << 10


def run_in_children(
    pieces: Sequence[Callable[[], Any]], *, seconds: float, at_once: int
) -> list[tuple[Any, Failure | None, str]]:
    """Each piece in a child of its own: its result as plain JSON values, or its failure and the tail of what it wrote.

    Args:
        pieces: what to do; results must be JSON-like.
        seconds: time limit of each.
        at_once: how many run side by side.
    """
    running: dict[int, int] = {}
    ended: dict[int, int] = {}
    for number, piece in enumerate(pieces):
        if len(running) >= max(1, at_once):
            _wait(running, ended)
        running[_start(number, piece, seconds)] = number
    while running:
        _wait(running, ended)
    return [_outcome(number, ended[number], seconds) for number in range(len(pieces))]


def _wait(running: dict[int, int], ended: dict[int, int]) -> None:
    pid, status = os.waitpid(-1, 0)
    if pid in running:
        ended[running.pop(pid)] = os.waitstatus_to_exitcode(status)


def _start(number: int, piece: Callable[[], Any], seconds: float) -> int:
    folder = Path(f"piece{number}")
    folder.mkdir()
    pid = os.fork()
    if pid == 0:
        _work(folder, piece, seconds)
    return pid


def _work(folder: Path, piece: Callable[[], Any], seconds: float) -> None:
    """The child's whole life. SIGALRM, left at its default, ends even a process that is stuck in native code."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        write_result(folder, Envelope(piece()), {})
    except BaseException as e:  # as in serve(): whatever is raised is the result
        traceback.print_exc()
        write_result(folder, Envelope(failure=failure_of(e)), {})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _outcome(number: int, code: int, seconds: float) -> tuple[Any, Failure | None, str]:
    folder = Path(f"piece{number}")
    log = _tail(folder / "log")
    if code == -signal.SIGALRM:
        return None, Failure(FailureKind.TIMEOUT, f"did not finish in {seconds:g} s and was stopped"), log
    if code < 0:
        return None, Failure(FailureKind.SIGNAL, signal_text(-code, log)), log
    try:
        envelope, _ = read_result(folder)
    except WorkerError as e:
        return None, Failure(FailureKind.NO_RESULT, with_last_line(e.message, log)), log
    return envelope.data, envelope.failure, log


def _tail(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_TAIL))
        return file.read().decode("utf-8", "replace")
