"""Running a script of the user's: its own folder first on the path, errors as the script's own."""

from __future__ import annotations

import gc
import runpy
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any


def run_path(script: str, *, name: str) -> dict[str, Any]:
    """Run the file ``script`` as the module ``name``; gives its names.

    A graph is many small objects that all stay: looking through them for garbage again and again would cost more than
    the script's own work, and more the larger the graph.
    """
    gc.set_threshold(500_000, 20, 100)
    sys.path.insert(0, str(Path(script).resolve().parent))
    return runpy.run_path(script, run_name=name)


def print_error(error: BaseException, script: str) -> None:
    """The traceback from the script's first line on: what started it is of no use to its author."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and not _is_in(trace, script):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace or error.__traceback__, chain=False)


def _is_in(trace: TracebackType, script: str) -> bool:
    return Path(trace.tb_frame.f_code.co_filename).name == Path(script).name
