"""A child process on the user's own terminal: it reads and prints for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphdoctor.errors import WorkerError
from graphdoctor.jobs.launch import environment

if TYPE_CHECKING:
    import subprocess

GRACE = 5.0
"""Seconds that a child has to end by itself once the user has pressed Ctrl-C."""


def run_attached(argv: Sequence[str], *, grace: float = GRACE) -> int:
    """Run ``argv`` with this process's input, output and folder; gives its exit code, negative for a signal.

    Ctrl-C reaches both from the terminal; the child has ``grace`` seconds to end by itself, then it is made to.

    Raises:
        WorkerError: it cannot be started.
    """
    import subprocess

    try:
        process = subprocess.Popen(argv, env=environment(None))
    except OSError as e:
        raise WorkerError(f"the process cannot be started: {e.strerror or e}", where=argv[0]) from e
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            _end(process, grace)


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    """Let the child end as the terminal told it to; kill it if it does not."""
    import subprocess

    try:
        process.wait(grace)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
