"""How much of this machine a run over many models may take."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from graphdoctor.batch.cache import source_of

PER_PROCESS = 150 << 20
"""Bytes that a process takes besides its model."""
PER_BYTE = 3
"""Bytes that a process takes for each of its model's."""
PER_ENGINE = 2 << 30
"""Bytes that NVIDIA's builder may take beside a process that asks it."""
_AVAILABLE = re.compile(r"^MemAvailable:\s*(\d+) kB", re.MULTILINE)


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def jobs_for(paths: Sequence[str], wanted: int, *, live: bool) -> int:
    """How many models to check at once.

    Args:
        paths: the models.
        wanted: what the user asked for; 0 is one for each processor, and no more than memory is there for.
        live: NVIDIA is asked, in another process for each model that is checked; while that works its parent waits.
    """
    if wanted:
        return min(wanted, len(paths))
    largest = max((source.size for path in paths if (source := source_of(path))), default=0)
    each = PER_PROCESS + PER_BYTE * largest + PER_ENGINE * live
    return max(1, min(processors(), len(paths), available_memory() // each))


def available_memory() -> int:
    """Bytes that can be taken without swapping, as Linux estimates them."""
    found = _AVAILABLE.search(Path("/proc/meminfo").read_text())
    return int(found[1]) << 10 if found else 1 << 30
