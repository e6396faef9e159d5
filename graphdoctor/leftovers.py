"""Temporary files and folders: each is held by the run that made it, and goes with the next run if that was killed.

A run that ends by itself, Ctrl-C and errors included, removes its own. One that is killed (SIGKILL, no memory left)
cannot; so each has the process's number in its name and is locked as long as that process lives. What nobody holds any
more is removed by whoever writes to the same folder next.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
from contextlib import suppress
from functools import cache

_NAME = re.compile(r"\.?graphdoctor-(\d{1,10})-\w+")


def temporary_name() -> str:
    """A name for a temporary file or folder of this process, the same no second time."""
    return f"graphdoctor-{os.getpid()}-{os.urandom(6).hex()}"


def hold(fd: int) -> None:
    """Lock what ``fd`` is open for, until it is closed or this process ends; nothing where locks are not known."""
    with suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


@cache
def sweep(folder: str) -> None:
    """Remove from ``folder``, once in the life of this process, what killed runs of the same user have left there."""
    with suppress(OSError), os.scandir(folder) as entries:
        for path in [e.path for e in entries if (found := _NAME.fullmatch(e.name)) and not _lives(int(found[1]))]:
            with suppress(OSError):
                _remove(path)


def _lives(pid: int) -> bool:
    """True if a process has this number; one in another container has not, and its lock tells."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _remove(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(fd)
        if status.st_uid != os.geteuid():
            return
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISDIR(status.st_mode):
            shutil.rmtree(path)
        elif stat.S_ISREG(status.st_mode):
            os.unlink(path)  # noqa: PTH108 - beside the other calls on descriptors and paths as texts
    finally:
        os.close(fd)
