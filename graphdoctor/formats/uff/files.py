"""A UFF file read and written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from graphdoctor.errors import InputError
from graphdoctor.formats.kinds import Kind, explain, sniff
from graphdoctor.formats.readfile import atomic_write, read_model_bytes
from graphdoctor.wire.uff import UffModel, read_uff, uff_chunks


@dataclass(frozen=True, slots=True)
class UffFile:
    """A file that was read; ``data`` is all of it, of which the weights in ``model`` are slices."""

    path: str
    data: bytes
    model: UffModel

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)

    @property
    def sha256(self) -> str:
        """Of the bytes that were read."""
        return hashlib.sha256(self.data).hexdigest()


def load_uff(path: str, data: bytes | None = None) -> UffFile:
    """Read the UFF file at ``path`` (``-`` is standard input), or take ``data``, read there before.

    Raises:
        InputError: it cannot be read, is damaged, or is something else; says what it is and what to do.
    """
    if data is None:
        data = read_model_bytes(path)
    name = "standard input" if path == "-" else path
    kind = sniff(data, path)
    if kind is not Kind.UFF:
        what, todo = explain(kind)
        raise InputError(f"is no UFF model, but {what}", where=name, remedy=todo)
    try:
        return UffFile(path, data, read_uff(data))
    except InputError as e:
        raise InputError(e.message, where=name, remedy=e.remedy) from e


def save_uff(model: UffModel, path: str | Path) -> None:
    """Write ``model`` to ``path``; the file is complete or absent.

    Raises:
        InputError: it cannot be written, and why.
    """
    atomic_write(path, uff_chunks(model))
