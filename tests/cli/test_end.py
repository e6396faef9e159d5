"""How the program ends: at once, and yet after everything that waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphdoctor import __version__

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("before", "out", "code"),
    [
        ("", "", 0),
        ("import atexit; atexit.register(print, 'registered')", "registered\n", 0),
        (
            "import threading, time\n"
            "def late(): threading.main_thread().join(); print('thread')\n"
            "threading.Thread(target=late).start()",
            "thread\n",
            0,
        ),
        ("words = ['--nonsense']", "", 2),
    ],
    ids=["at once", "atexit", "thread", "usage error"],
)
def test_the_end(before: str, out: str, code: int) -> None:
    code_text = f"import sys\nwords = ['--version']\n{before}\n"
    code_text += "from graphdoctor.cli import main\nsys.argv = ['graphdoctor', *words]\nmain()"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code_text], env=env, capture_output=True, text=True, timeout=60)
    said = f"graphdoctor, version {__version__}\n" if code == 0 else ""
    assert (done.returncode, done.stdout) == (code, said + out)
    assert "Traceback" not in done.stderr
    assert ("error: " in done.stderr) == (code == 2)
