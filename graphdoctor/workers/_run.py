"""Running a script of the user's: its own folder first on the path, errors as the script's own."""

from __future__ import annotations

import gc
import io
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

_OURS = Path(__file__).parents[1]


def run_path(script: str, *, name: str) -> dict[str, Any]:
    """Run the file ``script`` as the module ``name``; gives its names.

    A graph is many small objects that all stay: looking through them for garbage again and again would cost more than
    the script's own work, and more the larger the graph.
    """
    gc.set_threshold(500_000, 20, 100)
    sys.path.insert(0, str(Path(script).resolve().parent))
    with io.open_code(script) as file:
        source = file.read()
    module = ModuleType(name)
    module.__file__ = script
    sys.modules[name] = module
    exec(compile(source, script, "exec"), module.__dict__)
    return module.__dict__


def print_error(error: BaseException, script: str) -> None:
    """The traceback from the script's first line on, without our own frames: its author can change none of those."""
    for one in _chain(error):
        one.__traceback__ = _from(one.__traceback__, script)
    sys.stdout.flush()
    traceback.print_exception(type(error), error, error.__traceback__)


def _chain(error: BaseException) -> list[BaseException]:
    """``error`` and what it was raised from or while handling."""
    found: list[BaseException] = []
    open_: list[BaseException | None] = [error]
    while open_:
        one = open_.pop()
        if one is not None and not any(one is f for f in found):
            found.append(one)
            open_ += [one.__cause__, one.__context__]
    return found


def _from(trace: TracebackType | None, script: str) -> TracebackType | None:
    """The frames of ``trace`` from ``script`` on, or all where it has none of it, that are not our own."""
    frames = list(_frames(trace))
    start = next((i for i, t in enumerate(frames) if _file_of(t) == script), 0)
    shown = [t for t in frames[start:] if not Path(_file_of(t)).is_relative_to(_OURS)]
    for i, one in enumerate(shown):
        one.tb_next = shown[i + 1] if i + 1 < len(shown) else None
    return shown[0] if shown else None


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _file_of(trace: TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename
