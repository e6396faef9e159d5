"""Whole processes, timed side by side: best wall time and peak resident memory of each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
DATA = BENCH / "data"
KERAS_NETS = frozenset({"inceptionv3", "mobilenetv2", "resnet50", "vgg16"})
"""What nets.py makes; the others are from tf1_nets.py."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Best of several runs: wall and processor seconds, and peak resident memory in bytes of the run that took most."""

    seconds: float
    peak: int
    code: int
    cpu: float = 0.0


def measure(commands: Sequence[Sequence[str]], *, runs: int = 5) -> list[Measured]:
    """Run the commands in turn ``runs`` times, so that a slow moment of the machine hits all of them."""
    results: list[list[Measured]] = [[] for _ in commands]
    for _ in range(runs):
        for command, found in zip(commands, results, strict=True):
            found.append(_once(command))
    return [
        Measured(min(m.seconds for m in found), max(m.peak for m in found), found[-1].code, min(m.cpu for m in found))
        for found in results
    ]


def _once(command: Sequence[str]) -> Measured:
    start = time.perf_counter()
    # An installed package has its bytecode; without this a checkout would compile itself in every run.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(seconds, usage.ru_maxrss * 1024, process.returncode, usage.ru_utime + usage.ru_stime)


def net(name: str) -> Path:
    """The .pb of a bench net, made if it is not there."""
    path = DATA / f"{name}.pb"
    if not path.is_file():
        maker = "nets.py" if name in KERAS_NETS else "tf1_nets.py"
        subprocess.run([sys.executable, str(BENCH / maker), name, "--out", str(DATA)], check=True, stdout=sys.stderr)
    return path


def mb(count: int) -> str:
    """Bytes as decimal megabytes."""
    return f"{count / 1e6:,.0f} MB"


def graphdoctor(*args: str) -> list[str]:
    """The command that runs graphdoctor in this environment."""
    return [str(Path(sys.executable).with_name("graphdoctor")), *args]
