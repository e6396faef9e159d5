"""Reports that were made before, by file, options and tool.

An entry is named after the file's path, the options and the state of this installation, and holds the SHA-256 of the
bytes that the report is about. So a file that was never checked is not read twice, and one that was is read once. What
an entry says is checked like any other file from outside: JSON against the report's types, never a pickle. A cache that
cannot be read or written is no cache; it is never an error.

This module is what an unchanged model costs: it imports neither numpy nor the rules.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from graphdoctor import __version__
from graphdoctor.batch.hashing import hashing_of, name_of
from graphdoctor.findings import ModelReport

MOST_ENTRIES = 4000
"""More are brought down to half of it, oldest first."""
_FORMAT = 1
_SUFFIX = ".report.json"
_IGNORE = "# Written by graphdoctor: the cache is nobody's source.\n*\n"
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of graphdoctor; see https://bford.info/cachedir/\n"


class _Entry(msgspec.Struct, frozen=True):
    """What a file of the cache holds: a report, and the size of the file that it is about."""

    format: int
    size: int
    report: ModelReport


@dataclass(frozen=True, slots=True)
class Source:
    """The regular file that a model is read from."""

    path: str
    size: int


class Cache:
    """The reports in ``folder`` for one set of options.

    Args:
        folder: need not exist.
        options: what every report depends on besides the model and this installation, as JSON-like values.
        asked: what the report of a single model depends on besides, by the model's path; given, there are no reports
            of other models. ``None`` where all are asked the same.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any], asked: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._asked = asked
        self._key = hashlib.sha256(_state_of_tool())
        self._key.update(msgspec.json.encode(options, enc_hook=repr))
        self.problem = ""
        """Why the last report could not be kept, empty if it could."""

    def get(self, path: str, meanwhile: Callable[[], None] | None = None) -> ModelReport | None:
        """The report of the model at ``path`` as it is now, if there is one; ``meanwhile`` runs while it is hashed."""
        source = self._source(path)
        entry = self._read(self._place(path, source)) if source is not None else None
        if source is None or entry is None or entry.size != source.size:
            return None
        hashing = hashing_of(source.path)
        if meanwhile is not None:
            meanwhile()
        hashing.join()
        return replace(entry.report, path=path) if entry.report.sha256 == hashing.sha256 else None

    def put(self, path: str, report: ModelReport) -> None:
        """Keep ``report``, which was made of the model at ``path``."""
        source = self._source(path)
        if source is None or not report.sha256:
            return
        place = self._place(path, source)
        temporary = place.with_name(f"{place.name}.{os.getpid()}.tmp")
        data = msgspec.json.encode(_Entry(_FORMAT, source.size, report))
        try:
            _make(self._folder)
            try:
                temporary.write_bytes(data)
                temporary.replace(place)
            finally:
                temporary.unlink(missing_ok=True)
            _prune(self._folder)
        except OSError as e:
            self.problem = f"reports are not kept: {e.filename or self._folder}: {e.strerror or e}"

    def _source(self, path: str) -> Source | None:
        return source_of(path) if self._asked is None or path in self._asked else None

    def _place(self, path: str, source: Source) -> Path:
        key = self._key.copy()
        key.update((self._asked or {}).get(path, "").encode("utf-8", "surrogatepass"))
        return self._folder / f"{name_of(source.path)}-{key.hexdigest()[:32]}{_SUFFIX}"

    def _read(self, place: Path) -> _Entry | None:
        try:
            entry = msgspec.json.decode(place.read_bytes(), type=_Entry)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            return None  # not there, or damaged: it is written anew
        return entry if entry.format == _FORMAT else None


def source_of(path: str) -> Source | None:
    """The file that the model at ``path`` is read from; ``None`` for what is no regular file, as standard input."""
    if path == "-":
        return None
    for file in (path, f"{path}/saved_model.pb", f"{path}/saved_model.pbtxt"):
        try:
            status = Path(file).stat()
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(status.st_mode):
            return Source(file, status.st_size)
    return None


def clean(folder: Path) -> tuple[int, int]:
    """Remove every entry; how many there were, and their bytes. Nothing else in ``folder`` is touched.

    Raises:
        OSError: an entry cannot be removed.
    """
    count = size = 0
    for entry in list(_entries(folder)):
        size += entry.stat().st_size
        Path(entry).unlink()
        count += not entry.name.endswith(".tmp")
    for bundle in (folder / "rules").glob("rules-*"):
        bundle.unlink()
    with suppress(OSError):
        (folder / "rules").rmdir()
    for name, content in ((".gitignore", _IGNORE), ("CACHEDIR.TAG", _TAG)):
        with suppress(OSError):
            if (folder / name).read_text() == content:
                (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()
    return count, size


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from (e for e in found if e.name.endswith((_SUFFIX, ".tmp")) and _SUFFIX in e.name)
    except FileNotFoundError:
        return


def _make(folder: Path) -> None:
    """A folder of the user alone (reports hold the names of a model's nodes), which git and backups leave out."""
    if (folder / "CACHEDIR.TAG").exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "CACHEDIR.TAG").write_text(_TAG)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text(_IGNORE)


def _prune(folder: Path) -> None:
    entries = list(_entries(folder))
    if len(entries) <= MOST_ENTRIES:
        return
    for _, path in sorted((e.stat().st_mtime_ns, e.path) for e in entries)[: len(entries) - MOST_ENTRIES // 2]:
        with suppress(FileNotFoundError):  # another run was faster
            Path(path).unlink()


def _state_of_tool() -> bytes:
    """What changes whenever this installation does: version, own files, and the folders that packages are put in."""
    own = Path(__file__).resolve().parents[1]
    state = [__version__, sys.version, *_files(own), *_files(own.parent / "rules")]
    added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    for folder in (*(f for f in sys.path if f.endswith("-packages")), *filter(None, added)):
        with suppress(OSError):
            state.append(f"{folder} {Path(folder).stat().st_mtime_ns}")
    return "\n".join(state).encode("utf-8", "surrogateescape")


def _files(folder: Path | str) -> Iterator[str]:
    """Each source file below ``folder`` with its size and time."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda e: e.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.endswith((".py", ".toml")):
            status = entry.stat()
            yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry.path)
