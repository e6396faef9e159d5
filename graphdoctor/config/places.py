"""Paths as the user wrote them, looked at without raising."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(path: str) -> Path:
    """``path`` from the root on, without ``..``; links are not followed, as in the name that the user gave."""
    return Path(os.path.normpath(Path(path).absolute()))


def is_file(path: Path) -> bool:
    """True if there is such a file; False too for a name that cannot be looked at."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """True if there is such a folder; False too for a name that cannot be looked at."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
