"""Files of accepted findings, as they are read."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from graphdoctor.config.schema import BaselineEntry, BaselineFile
from graphdoctor.errors import InputError
from graphdoctor.findings import Accepted

BASELINE_VERSION = 1
"""Of the form that :class:`BaselineFile` describes."""
_FIELDS = ("code", "name", "target", "certain", "node", "op", "nodes", "fingerprint")


class _Versioned(msgspec.Struct):
    """What a baseline of any version says of itself."""

    version: int


def is_findings(path: str) -> bool:
    """True for a file of findings, False for a model.

    Raises:
        InputError: there is neither.
    """
    place = Path(path)
    try:
        if place.is_dir():
            return False
        with place.open("rb") as f:
            return f.read(64).lstrip()[:1] == b"{"
    except (OSError, ValueError) as e:
        why = e.strerror if isinstance(e, OSError) else str(e)
        raise InputError(f"cannot be read: {why}", where=path, remedy=f"--write-baseline {path} makes one") from e


def read_baseline(path: str) -> BaselineFile:
    """The baseline in the file ``path``.

    Raises:
        InputError: it cannot be read or understood.
    """
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=BaselineFile)
    except OSError as e:
        raise InputError(f"cannot be read: {e.strerror}", where=path, remedy="Give a file of --write-baseline") from e
    except (msgspec.MsgspecError, ValueError, RecursionError) as e:
        _refuse_version(path)
        raise InputError(f"is no baseline: {e}", where=path, remedy=f"Make it anew with --write-baseline {path}") from e


def _refuse_version(path: str) -> None:
    """Say so of a baseline that another graphdoctor wrote in a form of its own.

    Raises:
        InputError: ``path`` is one.
    """
    try:
        version = msgspec.json.decode(Path(path).read_bytes(), type=_Versioned).version
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return
    if version != BASELINE_VERSION:
        raise InputError(
            f"is a baseline of version {version}, and this graphdoctor reads version {BASELINE_VERSION}",
            where=path,
            remedy=f"Write it again with --write-baseline {path}, or use the graphdoctor that wrote it",
        )


def accepted_of(file: BaselineFile, path: str, model: str) -> tuple[Accepted, ...]:
    """What the baseline ``file`` at ``path`` holds of ``model``."""
    return tuple(accepted_from(e) for e in file.models.get(key_in(file, path, model), ()))


def key_of(path: str, model: str) -> str:
    """A model's name in the baseline at ``path``: its path from there, so that a checkout may lie anywhere."""
    if model == "-":
        return model
    found = Path(os.path.relpath(model, Path(path).parent)).as_posix()
    return found.encode("utf-8", "backslashreplace").decode()  # JSON has no form for bytes that are no UTF-8


def key_in(file: BaselineFile, path: str, model: str) -> str:
    """The name that ``model`` has in ``file``: its path, or, where it has moved, the only one with its file name."""
    key = key_of(path, model)
    if key in file.models:
        return key
    same = [k for k in file.models if Path(k).name == Path(key).name]
    if len(same) == 1:
        return same[0]
    return next(iter(file.models)) if len(file.models) == 1 and not same else key


def entry_from(accepted: Accepted) -> BaselineEntry:
    """As the file holds it."""
    return BaselineEntry(**{f: getattr(accepted, f) for f in _FIELDS})


def accepted_from(entry: BaselineEntry) -> Accepted:
    """As reports hold it."""
    return Accepted(**{f: getattr(entry, f) for f in _FIELDS})
