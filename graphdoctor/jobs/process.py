"""One child process from start to end: its output, its time limit, its whole process group."""

from __future__ import annotations

import os
import re
import select
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

LOG_TAIL = 64 << 10
"""Bytes of the child's output that are kept."""
_TICK = 0.1
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: ``code`` is negative for a signal; ``log`` is the tail of its output."""

    code: int
    timed_out: bool
    log: str
    seconds: float


class Tail:
    """The last bytes read from a pipe; memory and disk stay bounded however much is written."""

    def __init__(self, limit: int = LOG_TAIL) -> None:
        self._limit = limit
        self._kept = b""
        self._seen = 0

    def take(self, fd: int) -> bool:
        """Read what is there without blocking; false at the end of the stream."""
        try:
            chunk = os.read(fd, self._limit)
        except BlockingIOError:
            return True
        self._seen += len(chunk)
        self._kept = (self._kept + chunk)[-self._limit :]
        return bool(chunk)

    def drain(self, fd: int) -> None:
        """Read what the ended process left in the pipe; bounded, as others may still write to it."""
        for _ in range(32):
            before = self._seen
            if not self.take(fd) or self._seen == before:
                return

    @property
    def text(self) -> str:
        """What was kept, without control characters (a terminal must not obey a model's names)."""
        text = _CONTROL.sub("", self._kept.decode("utf-8", "replace").replace("\r", "\n"))
        left_out = self._seen - len(self._kept)
        return f"[{left_out} bytes left out]\n{text}" if left_out else text


def run_process(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> Ended:
    """Run ``argv`` in its own session until it ends or ``timeout`` seconds have passed.

    Whatever happens, an exception such as Ctrl-C included, the process group is killed and the process reaped
    before this returns. Standard input is empty.

    Raises:
        OSError: the process cannot be started.
    """
    import subprocess

    started = time.monotonic()
    tail = Tail()
    process: subprocess.Popen[bytes] | None = None
    try:
        with _uninterrupted():
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(env),
                start_new_session=True,
            )
        assert process.stdout is not None
        in_time = _follow(process.pid, process.stdout.fileno(), tail, started + timeout)
    finally:
        if process is not None:
            _end(process, tail)
    return Ended(process.returncode, not in_time, tail.text, time.monotonic() - started)


def _end(process: subprocess.Popen[bytes], tail: Tail) -> None:
    """Kill what is left of the process group, reap the process, keep the rest of its output."""
    _kill_group(process.pid)
    process.wait()
    if process.stdout is not None:
        tail.drain(process.stdout.fileno())
        process.stdout.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and its like for a moment: a process that nobody holds yet would be left running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {n: h for n in _ENDING if callable(h := signal.getsignal(n)) or h is signal.SIG_DFL}
    for number in before:
        signal.signal(number, lambda n, _: waiting.append(n))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for held in waiting:
            signal.raise_signal(held)


def _follow(pid: int, fd: int, tail: Tail, deadline: float) -> bool:
    """Collect output until the process ends (true) or the deadline passes (false); it is not yet reaped."""
    os.set_blocking(fd, False)
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    is_open = True
    while not _has_ended(pid):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if not is_open:
            time.sleep(min(left, 0.002))
        elif poller.poll(min(left, _TICK) * 1000):
            is_open = tail.take(fd)
    return True


def _has_ended(pid: int) -> bool:
    # WNOWAIT leaves the zombie in place, so that its number cannot be given to another process before the
    # group is killed.
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left in the group
