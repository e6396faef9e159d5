"""Run a script of the user's in a process of its own: over one graph, or as a whole program."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from graphdoctor import jobs
from graphdoctor.errors import InputError, WorkerError
from graphdoctor.jobs.attached import run_attached
from graphdoctor.jobs.launch import private_folder, signal_text
from graphdoctor.jobs.spec import Preprocess

SECONDS = 3600.0
"""How long a script may take where nothing else is said."""
_PURPOSE = "Running the script"
_WORKER = Path(__file__).parents[1] / "workers" / "script.py"


def preprocess(graph: bytes, script: str, *, timeout: float = SECONDS) -> tuple[bytes, str]:
    """Let ``preprocess(dynamic_graph)`` of ``script`` change a graph.

    Args:
        graph: a serialized GraphDef.
        script: path of the script; its folder comes first on the module path, and it runs in this process's folder.
        timeout: seconds it may take.

    Returns:
        The changed GraphDef, serialized, and what the script printed.

    Raises:
        InputError: there is no such script.
        WorkerError: the script raises, crashes, takes too long or has no such function.
    """
    path = _existing(script)
    with private_folder() as folder:
        out = folder / "out.pb"
        request = Preprocess(str(path), str(Path.cwd()), "graph.pb", str(out))
        result = jobs.run("preprocess", request, timeout=timeout, files={"graph.pb": graph})
        late = result.failure is not None and result.failure.kind is jobs.FailureKind.TIMEOUT
        remedy = "Give it more time with --timeout" if late else "Correct the script"
        jobs.raise_for_failure(result, where=script, purpose=_PURPOSE, remedy=remedy)
        return out.read_bytes(), result.log


def run_script(script: str, arguments: Sequence[str]) -> int:
    """Run ``script`` as a program, on this process's terminal and in its folder; gives its exit code.

    Raises:
        InputError: there is no such script.
        WorkerError: it crashed.
    """
    path = _existing(script)
    code = run_attached([sys.executable, "-u", str(_WORKER), str(path), *arguments])
    if code < 0:
        raise WorkerError(f"{_PURPOSE} failed: {signal_text(-code, '')}", where=script, remedy="Its output says where")
    return code


def _existing(script: str) -> Path:
    path = Path(script)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "there is no such file"
        raise InputError(what, where=script, remedy="Give the path of a Python script")
    if not os.access(path, os.R_OK):
        raise InputError("cannot be read: permission denied", where=script, remedy="Check its permissions")
    return path.absolute()
