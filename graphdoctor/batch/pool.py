"""Work in forked processes: what this process has loaded is loaded in all, and one that dies takes one piece along.

``concurrent.futures`` gives up everything when one of its processes is killed, as Linux does where memory runs out.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, ForkProcess
from types import FrameType
from typing import Any, Generic, NoReturn, TypeVar

T = TypeVar("T")
_REQUESTS = (signal.SIGTERM, signal.SIGHUP)
_ENDING = {signal.SIGINT, *_REQUESTS}
PATIENCE = 3.0
"""Seconds that a process has to end after it was asked to."""


@dataclass(frozen=True, slots=True)
class Died:
    """A process ended without a result: how, and what to do."""

    how: str
    remedy: str


def in_processes(work: Callable[[str], T], items: Sequence[str], jobs: int) -> Iterator[tuple[str, T | Died]]:
    """``work`` of each item, in at most ``jobs`` processes, in the order in which they are done.

    However this ends, Ctrl-C included, no process is left.

    Args:
        work: its results go through a pipe, so they can be pickled.
        items: what to work on.
        jobs: at least 1.
    """
    crew = _Crew(work)
    left = iter(items)
    try:
        for item in (i for _, i in zip(range(jobs), left, strict=False)):
            crew.start(item)
        while crew.busy:
            for worker in crew.ready():
                item, result = worker.item, worker.result()
                following = next(left, None)
                if isinstance(result, Died):
                    crew.remove(worker)
                    if following is not None:
                        crew.start(following)
                else:
                    worker.give(following)
                yield item, result
    finally:
        crew.end()


class _Worker(Generic[T]):
    """A process, the pipe to it, and what it works on: nothing once there is nothing left to do."""

    def __init__(self, context: ForkContext, work: Callable[[str], T]) -> None:
        self.pipe, theirs = context.Pipe()
        self.item = ""
        self.is_busy = False
        self.process: ForkProcess = context.Process(target=_serve, args=(self.pipe, theirs, work), daemon=True)
        with _signals_held():
            self.process.start()
        theirs.close()

    def give(self, item: str | None) -> None:
        """Start it on ``item``."""
        self.is_busy = item is not None
        if item is not None:
            self.item = item
            self.pipe.send(item)

    def result(self) -> T | Died:
        """What it made of its item."""
        try:
            made: T = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            return _died(self.process.exitcode or 0)
        return made


class _Crew(Generic[T]):
    """The processes of one run."""

    def __init__(self, work: Callable[[str], T]) -> None:
        self._context = multiprocessing.get_context("fork")
        self._work = work
        self._workers: list[_Worker[T]] = []

    def start(self, item: str) -> None:
        """One more process, on ``item``."""
        worker = _Worker(self._context, self._work)
        self._workers.append(worker)
        worker.give(item)

    @property
    def busy(self) -> list[_Worker[T]]:
        """Those that work on something."""
        return [w for w in self._workers if w.is_busy]

    def ready(self) -> list[_Worker[T]]:
        """Those that are done or dead; waits for one."""
        done = wait([w.pipe for w in self.busy])
        return [w for w in self.busy if w.pipe in done]

    def remove(self, worker: _Worker[T]) -> None:
        """Forget one that is dead."""
        worker.pipe.close()
        self._workers.remove(worker)

    def end(self) -> None:
        """End every process: at once those that have nothing to do, and those that work when they have cleaned up."""
        # By the module's own list, which has a process even where Ctrl-C came before this class had it.
        processes = multiprocessing.active_children()
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back while a process is forked: it must not take one before it has its own handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(theirs: Connection[Any, Any], ours: Connection[Any, Any], work: Callable[[str], Any]) -> None:
    """A process's whole life. Ctrl-C is the parent's to handle: a terminal sends it to both."""
    theirs.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in _REQUESTS:
        signal.signal(number, _interrupt)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        while True:
            ours.send(work(ours.recv()))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # the parent has ended, or has asked for the end


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    for request in _REQUESTS:
        signal.signal(request, signal.SIG_IGN)
    raise KeyboardInterrupt  # as the parent takes it: files are removed and processes of its own ended


def _died(code: int) -> Died:
    if code == -signal.SIGKILL:
        return Died("was killed by the system, most often because memory ran out", "Check fewer at once: -j 1")
    if code < 0:
        return Died(f"crashed with {signal.Signals(-code).name}", "Check it alone, and report what you see")
    return Died(f"ended with exit code {code}", "Standard error says why; that is a bug in graphdoctor: report it")
