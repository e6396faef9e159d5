"""The rule files as they were parsed before: TOML takes its time, and the same hundreds of files are read in every run.

Kept in the user's cache folder as Python keeps bytecode, and left out where Python is told to keep none
(``PYTHONDONTWRITEBYTECODE``). The name of the bundle says which files it was made of, so that one that was changed is
read again. A bundle that cannot be read or written is no bundle; it is never an error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from graphdoctor import __version__
from graphdoctor.errors import GraphdoctorError

_PREFIX, _SUFFIX = "rules-", ".msgpack"
_DIGEST = 16
_MOST_BUNDLES = 4
"""So many installations share a cache folder before the oldest bundle goes."""


class Bundle:
    """The TOML files below ``folder``, from ``cache`` where they are there as they are now.

    Args:
        folder: every file in it that ends in ``.toml``, at any depth.
        parse: gives the content of one.
        cache: where bundles lie; ``None`` for nowhere.
    """

    def __init__(self, folder: Path, parse: Callable[[Path], Any], cache: Path | None) -> None:
        self._parse = parse
        self._files = sorted(_toml_files(str(folder)))
        self._content = self._load(cache) if cache is not None else {}

    def get(self, path: Path) -> Any:
        """The content of ``path``, a value of the caller's own; ``None`` for a file that is in no bundle."""
        found = self._content.get(str(path))
        return None if found is None else msgspec.msgpack.decode(found)

    def _load(self, cache: Path) -> dict[str, msgspec.Raw]:
        place = cache / f"{_PREFIX}{self._key()}{_SUFFIX}"
        with suppress(OSError, msgspec.DecodeError):
            content = _sound(place.read_bytes())
            if content is not None:
                return msgspec.msgpack.decode(content, type=dict[str, msgspec.Raw])
        if not sys.dont_write_bytecode:
            with suppress(OSError, OverflowError, TypeError, ValueError, GraphdoctorError):  # told by who reads a file
                self._keep(place)
        return {}

    def _key(self) -> str:
        """Of this release, and of names, sizes and times of the files."""
        said = [f"{path} {size} {time}" for path, size, time in self._files]
        return blake2b(
            "\n".join([__version__, sys.version, *said]).encode("utf-8", "surrogateescape"), digest_size=16
        ).hexdigest()

    def _keep(self, place: Path) -> None:
        content = {path: self._parse(Path(path)) for path, _, _ in self._files}
        place.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the user's alone, as reports want it
        place.parent.mkdir(exist_ok=True)
        draft = place.with_name(f"{place.name}.{os.getpid()}")
        try:
            data = msgspec.msgpack.encode(content)
            draft.write_bytes(_digest(data) + data)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        bundles = sorted(place.parent.glob(f"{_PREFIX}*{_SUFFIX}"), key=lambda p: p.stat().st_mtime)
        for old in bundles[:-_MOST_BUNDLES]:
            old.unlink(missing_ok=True)


def _sound(data: bytes) -> bytes | None:
    """What is behind the digest, if it is what was written: a flipped bit must not change a table of TensorRT."""
    digest, content = data[:_DIGEST], data[_DIGEST:]
    return content if _digest(content) == digest else None


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST).digest()


def _toml_files(folder: str) -> list[tuple[str, int, int]]:
    """Path, size and time of last change of each TOML file below ``folder``."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                found += _toml_files(entry.path)
            elif entry.name.endswith(".toml"):
                status = entry.stat()
                found.append((entry.path, status.st_size, status.st_mtime_ns))
    return found
