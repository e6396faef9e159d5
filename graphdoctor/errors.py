"""Every error a user can meet.

::

    GraphdoctorError            exit code 2: the tool could not do its work
    ├── InputError              a file, option, rule or target that cannot be used as given
    ├── MissingExtraError       a package of an extra is not installed
    ├── UnsupportedError        the work is understood, and cannot be done for this graph
    └── WorkerError             a worker process crashed, hung or failed
    Interrupted                 Ctrl-C while many models were at work (a KeyboardInterrupt: nothing else catches it)
    InternalError               a bug in graphdoctor (outside the tree: never caught as the user's fault)

A message says what is wrong and where; ``remedy`` says what to do about it.
"""

from __future__ import annotations

from typing import Any


class GraphdoctorError(Exception):
    """What went wrong, where, and what to do.

    Args:
        message: what is wrong, one sentence, no final full stop.
        where: the file, node or option concerned.
        remedy: what the user can do.
    """

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled whole, whatever a subclass's constructor takes: errors come from other processes too."""
        return _restored, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}. {self.remedy}" if self.remedy else head


def _restored(kind: type[GraphdoctorError], args: tuple[Any, ...], state: dict[str, Any]) -> GraphdoctorError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InputError(GraphdoctorError):
    """A file, option, rule or target that cannot be used as given."""


class UnsupportedError(GraphdoctorError):
    """The work is understood and cannot be done for this graph."""


class MissingExtraError(GraphdoctorError):
    """A package that belongs to an extra is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed",
            remedy=f"Install it with: pip install 'graphdoctor[{extra}]'",
        )
        self.package = package
        self.extra = extra


class WorkerError(GraphdoctorError):
    """A worker process crashed, ran out of time or reported a failure; ``log`` is the tail of its output."""

    def __init__(self, message: str, *, where: str = "", remedy: str = "", log: str = "") -> None:
        super().__init__(message, where=where, remedy=remedy)
        self.log = log


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or a request to end, with what had been done by then and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class InternalError(RuntimeError):
    """A promise graphdoctor made to itself does not hold: a bug, to be reported as one."""
