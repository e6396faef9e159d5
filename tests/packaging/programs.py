"""Running graphdoctor as users do: another process, another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "fixtures" / "graphs" / "demo.pb"
Done = subprocess.CompletedProcess[str]


def run(words: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 300) -> Done:
    """Run a program, its output as text; the variables of ``env`` are set over those of this process."""
    environ = os.environ | dict(env or {})
    return subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, timeout=timeout)


def must(words: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """Run a program that has to succeed."""
    done = run(words, cwd, env)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return done


def checkout(words: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """Run this checkout's graphdoctor."""
    paths = os.pathsep.join(p for p in ((env or {}).get("PYTHONPATH", ""), str(ROOT)) if p)
    return run([sys.executable, "-m", "graphdoctor", *words], cwd, {**(env or {}), "PYTHONPATH": paths})
