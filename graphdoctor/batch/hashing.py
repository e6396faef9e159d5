"""SHA-256 of a model, begun while the program itself is still being loaded.

Hashing takes as long as loading, and needs another processor only. So it begins with the words of the command line, for
an only model that was checked before; what it finds is asked for by the cache, or never. This module and the folder it
lies in import next to nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from threading import Thread

from graphdoctor.resources import cache_folder

LEAST = 4 << 20
"""Bytes of a model for which beginning early is worth a thread."""
_PIECE = 8 << 20
_early: dict[str, Hashing] = {}


class Hashing(Thread):
    """SHA-256 of a file's bytes, empty if it cannot be read. hashlib lets other threads run."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self._path = path
        self.sha256 = ""
        self.start()

    def run(self) -> None:
        digest = hashlib.sha256()
        # Large pieces, since this thread waits for its turn after each.
        buffer = bytearray(_PIECE)
        view = memoryview(buffer)
        with suppress(OSError), Path(self._path).open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(view[:count])
            self.sha256 = digest.hexdigest()


def begin(words: Sequence[str]) -> None:
    """Begin with the only model that ``words`` name, if a report of it was kept; a guess, right or without effect."""
    _early.clear()
    models = [w for w in words if not w.startswith("-") and _size(w) >= LEAST]
    if len(models) != 1 or "--no-cache" in words:
        return
    given = [b for a, b in pairwise(words) if a == "--cache-dir"]
    folder = cache_folder(given[-1] if given else None)
    if folder is not None and any(folder.glob(f"{name_of(models[0])}-*")):
        _early[models[0]] = Hashing(models[0])


def hashing_of(path: str) -> Hashing:
    """The one that was begun, or a new one."""
    return _early.pop(path, None) or Hashing(path)


def name_of(path: str) -> str:
    """What the names of all reports about the file ``path`` begin with."""
    return hashlib.sha256(os.fsencode(Path(path).absolute())).hexdigest()[:16]


def _size(path: str) -> int:
    """Bytes of a file, -1 for what is none."""
    try:
        return Path(path).stat().st_size if Path(path).is_file() else -1
    except (OSError, ValueError):
        return -1
