"""The file beside a model that answers for its findings: ``MODEL.gdignore.toml``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

from graphdoctor.config.places import is_file
from graphdoctor.errors import InputError

if TYPE_CHECKING:
    from graphdoctor.config.schema import SuppressEntry

SUFFIX = ".gdignore.toml"
_HEAD = re.compile(r"\s*\[\[\s*[\"']?suppress[\"']?\s*\]\]\s*(#.*)?")
_BESIDE = re.compile(r"\s*(#.*)?")
"""A line that says nothing: blank, or a comment."""


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
    from graphdoctor.config.reading import read_text

    return parse_suppressions(read_text(path), str(path))


def parse_suppressions(text: str, where: str) -> tuple[SuppressEntry, ...]:
    """The entries that ``text`` says, in order.

    Raises:
        InputError: it cannot be understood; names the line of ``where``.
    """
    from graphdoctor.config.reading import convert, parse
    from graphdoctor.config.schema import SuppressFile

    return tuple(convert(parse(text, where), SuppressFile, where, text).suppress)


def read_exactly(path: Path) -> str:
    """The text of a file that is to be edited: line ends as they are.

    Raises:
        InputError: it cannot be read, or is no UTF-8.
    """
    from graphdoctor.config.reading import read_text

    read_text(path)  # says what is wrong with it
    return path.read_bytes().decode("utf-8")


def sharing(path: Path) -> list[Path]:
    """The models that the file ``path`` is about, sorted: those of its name, with their suffix or without."""
    name = path.name.removesuffix(SUFFIX)
    models = (path.with_name(name + suffix) for suffix in ("", ".pb", ".pbtxt"))
    return [model for model in models if model.exists() and sidecar_of(str(model)) == path]


def without_entries(text: str, numbers: AbstractSet[int]) -> str | None:
    """``text`` without the entries of these numbers, counted from 1; ``None`` where they have no lines of their own.

    With an entry go the comments right above its head. Those that begin the file stay, and so do those that stand
    alone. Whoever calls this parses the result: lines cannot tell what is inside a text of several lines.
    """
    lines = text.split("\n")
    heads = [i for i, line in enumerate(lines) if _HEAD.match(line)]
    if not heads or max(numbers) > len(heads):
        return None
    starts = [*(_start(lines, head) for head in heads), len(lines)]
    for number in sorted(numbers, reverse=True):
        _remove(lines, starts[number - 1], starts[number])
    return "\n".join(lines)


def _remove(lines: list[str], start: int, end: int) -> None:
    """The entry between ``start`` and ``end``, and of the blank lines around it those on one side."""
    limit = end = min(end, len(lines))
    while _BESIDE.fullmatch(lines[end - 1]):  # comments that stand alone behind it stay; its head ends this
        end -= 1
    while end < limit and not _is_whole(lines[start:end]):  # that was no comment but the end of a text
        end += 1
    behind = end
    while behind < len(lines) and not lines[behind].strip():
        behind += 1
    if behind == len(lines):  # nothing follows: the file ends as it did
        while start and not lines[start - 1].strip():
            start -= 1
    elif start == 0 or not lines[start - 1].strip():
        end = behind
    del lines[start:end]


def _is_whole(lines: Sequence[str]) -> bool:
    from graphdoctor.config.reading import parse

    try:
        parse("\n".join(lines), "")
    except InputError:
        return False
    return True


def _start(lines: Sequence[str], head: int) -> int:
    """The first line of the comment right above ``head``, or ``head`` where that comment begins the file."""
    start = head
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start or head
