"""A little memory and a little time, so that what is not bounded ends as a failure of the test."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.program import call, helped

ROOM = 3 << 30
"""Bytes of address space beyond what the tests have already."""
SECONDS = 20


class TooLongError(Exception):
    """A command did not end in time."""


@contextmanager
def bounds() -> Iterator[None]:
    """Limits on this process's address space, and a handler for the alarm of :func:`outcome`."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, hard))
    before = signal.signal(signal.SIGALRM, _late)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def outcome(words: list[str], model: Path, what: str, seconds: int = SECONDS) -> int:
    """The exit code of a command: 0, 1, or 2 with one message that says what to do; never an exception."""
    signal.alarm(seconds)
    try:
        done = call(*words, model)
    except BaseException as e:
        e.add_note(what) if hasattr(e, "add_note") else print(what)
        raise
    finally:
        signal.alarm(0)
    if done.code == 2:
        assert "too large or too deep" not in helped(done), what
    assert done.code in (0, 1, 2), what
    assert "Traceback" not in done.out + done.err, what
    return done.code


def _late(number: int, frame: object) -> None:
    raise TooLongError(f"more than {SECONDS} s")
