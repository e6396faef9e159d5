"""Running the command line inside the test's own process: no start-up, the same exit codes and streams."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from graphdoctor.cli import command_line


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote where."""

    code: int
    out: str
    err: str


def call(*words: str | Path, stdin: bytes = b"", program: Callable[[], NoReturn] = command_line) -> Done:
    """Run ``graphdoctor WORDS``, or another ``program``.

    An exception that the program lets through is raised here, and fails the test.
    """
    out, err = _stream(), _stream()
    with ExitStack() as stack:
        stack.enter_context(_arguments([str(w) for w in words], stdin))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        ended = stack.enter_context(pytest.raises(SystemExit))
        program()
    assert isinstance(ended.value.code, int)
    return Done(ended.value.code, _text(out), _text(err))


def refused(done: Done) -> str:
    """The message of a command that could not do its work: one ``error:``, nothing on standard output."""
    assert done.code == 2, done
    assert done.out == ""
    assert "Traceback" not in done.err
    assert done.err.startswith("error: "), done.err
    assert done.err.count("error: ") == 1, done.err
    return " ".join(done.err.split())


def helped(done: Done) -> str:
    """The message of `refused`, which also says what to do."""
    assert done.err.count("\nhelp: ") == 1, done.err
    return refused(done)


@contextmanager
def _arguments(words: list[str], stdin: bytes) -> Iterator[None]:
    """argv and standard input for a while; the garbage collector, which the program turns off, stays on after it."""
    before = sys.argv, sys.stdin
    sys.argv = ["graphdoctor", *words]
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    try:
        yield
    finally:
        sys.argv, sys.stdin = before
        gc.enable()


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
