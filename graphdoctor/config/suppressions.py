"""The file beside a model that answers for its findings: ``MODEL.gdignore.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphdoctor.config.places import is_file
from graphdoctor.errors import InputError

if TYPE_CHECKING:
    from graphdoctor.config.schema import SuppressEntry

SUFFIX = ".gdignore.toml"


def sidecar_of(path: str) -> Path | None:
    """The file beside the model at ``path``: its name, with or without its own suffix, and ``.gdignore.toml``.

    Raises:
        InputError: both are there.
    """
    if path == "-":
        return None
    model = Path(path)
    whole = model.with_name(model.name + SUFFIX) if model.name else None
    short = None if whole is None or model.is_dir() else model.with_name(model.stem + SUFFIX)
    found = [p for p in dict.fromkeys((whole, short)) if p is not None and is_file(p)]
    if len(found) > 1:
        raise InputError(f"is there besides {found[1].name}", where=str(found[0]), remedy="Keep one of the two")
    return found[0] if found else None


def read_suppressions(path: Path) -> tuple[SuppressEntry, ...]:
    """The entries of ``path``, in order.

    Raises:
        InputError: it cannot be read or understood.
    """
    from graphdoctor.config.reading import convert, parse, read_text
    from graphdoctor.config.schema import SuppressFile

    text = read_text(path)
    return tuple(convert(parse(text, str(path)), SuppressFile, str(path), text).suppress)
