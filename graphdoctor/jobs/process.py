"""One child process from start to end: its output, its time limit, its whole process group."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_TAIL = 64 << 10
"""Bytes of the child's output that are kept."""
_TICK = 0.1
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
    with process.stdout as pipe:
        try:
            in_time = _follow(process.pid, pipe.fileno(), tail, started + timeout)
        finally:
            _kill_group(process.pid)
            code = process.wait()
        tail.drain(pipe.fileno())
    return Ended(code, not in_time, tail.text, time.monotonic() - started)


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
