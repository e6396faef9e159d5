"""The worker's half of a job: read the request, do the work, write the result, leave."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from graphdoctor.errors import GraphdoctorError
from graphdoctor.jobs.exchange import read_request, write_result
from graphdoctor.jobs.spec import EXTRAS, Envelope, Failure, FailureKind

if TYPE_CHECKING:
    from graphdoctor.types import Array

T = TypeVar("T")
Work = Callable[[T, "dict[str, Array]"], "tuple[Any, dict[str, Array]]"]
"""What a worker does: request and arrays in, answer and arrays out."""

_LONGEST = 2000


class RefusedError(Exception):
    """The worker understood the request and cannot do it; the text is for the user."""


class MissingModuleError(Exception):
    """None of the modules that could do the work is installed; ``module`` is the one to install."""

    def __init__(self, module: str, message: str) -> None:
        super().__init__(message)
        self.module = module


def serve(work: Work[T], kind: type[T]) -> None:
    """Do the job in the folder named on the command line and end the process.

    The process ends without running destructors: the result is on disk by then, and the native libraries that
    workers load are known to crash while they are taken down.
    """
    die_with_parent()
    folder = Path(sys.argv[1])
    code = 0
    try:
        data, arrays = work(*read_request(folder, kind))
        write_result(folder, Envelope(data, tuple(arrays), None, _peak_bytes()), arrays)
    except BaseException as e:  # whatever a library raises, SystemExit included, is the job's result
        if not isinstance(e, (RefusedError, MissingModuleError, GraphdoctorError)):
            traceback.print_exc()  # what was not foreseen; a refusal says all there is in its message
        code = 1
        write_result(folder, Envelope(failure=failure_of(e), peak_bytes=_peak_bytes()), {})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def failure_of(error: BaseException) -> Failure:
    """What an exception says of the work: that a module is missing, or in words why it failed."""
    if isinstance(error, MissingModuleError):
        return Failure(FailureKind.MISSING, str(error), error.module)
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        return Failure(FailureKind.MISSING, f"the module {error.name} is not installed", str(error.name))
    if isinstance(error, (RefusedError, GraphdoctorError)):
        return Failure(FailureKind.ERROR, str(error))
    if isinstance(error, MemoryError):
        return Failure(FailureKind.ERROR, "memory ran out")
    return Failure(FailureKind.ERROR, message_of(error))


def message_of(error: BaseException) -> str:
    """What a library's exception says: its first lines, joined; its type where it says nothing."""
    text = getattr(error, "message", None) or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return "; ".join(lines[:3])[:_LONGEST] or type(error).__name__


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it is killed (Linux)."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _peak_bytes() -> int:
    """Peak resident memory. ``ru_maxrss`` will not do: after a fork it starts from the parent's size."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 if peaks else 0
