"""Packs that are not graphdoctor's own: read with every mistake named by file and line, their finders imported."""

from __future__ import annotations

import importlib
import re
import traceback
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from graphdoctor.config.reading import convert, parse, read_text
from graphdoctor.errors import InputError
from graphdoctor.surgery.declared import Problem, problems
from graphdoctor.surgery.finder import Finder, NoOptions

if TYPE_CHECKING:
    from graphdoctor.surgery.packs import PackRow, RewriteRow
    from graphdoctor.surgery.shelf import PackFile

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def read_outside(file: PackFile) -> PackRow:
    """The pack in ``file``.

    Raises:
        InputError: it cannot be read, holds what no pack has, or a rewrite in it can never work; names file and line.
    """
    from graphdoctor.surgery.packs import PackRow

    text = read_text(file.path)
    where = str(file.path)
    row = convert(parse(text, where), PackRow, where, text)
    for keys, message, remedy in _problems(row, file):
        line = line_at(text, keys)
        raise InputError(_said(row, keys, message), where=f"{where}:{line}" if line else where, remedy=remedy)
    return row


def _said(row: PackRow, keys: tuple[str, ...], message: str) -> str:
    if keys[0] != "rewrite":
        return message
    name = row.rewrite[int(keys[1]) - 1].name
    inner = ".".join(keys[2:4])
    return f"{name}: {inner}: {message}" if inner else f"{name}: {message}"


def _problems(pack: PackRow, file: PackFile) -> Iterator[Problem]:
    if pack.name != file.name:
        yield Problem(("name",), f"the pack is called {pack.name!r}", f"Call it {file.name!r}, as its file is")
    if not pack.rewrite and not pack.include:
        yield Problem(("name",), "the pack has no rewrite", "Write one: [[rewrite]]")
    seen: set[str] = set()
    for number, row in enumerate(pack.rewrite, 1):
        keys = ("rewrite", str(number))
        found = [*_in_row(row, pack, file), *_in_name(row.name, seen)]
        yield from (Problem((*keys, *p.keys), p.message, p.remedy) for p in found)
        seen.add(row.name)


def _in_name(name: str, seen: set[str]) -> Iterator[Problem]:
    from graphdoctor.surgery.packs import pack_of

    if not _NAME.fullmatch(name):
        yield Problem(
            ("name",), f"{name!r} is no name", "Write small letters and digits with hyphens: swish-from-parts"
        )
    elif name in seen:
        yield Problem(("name",), "the name stands there twice", "Give one of them another name")
    elif pack_of(name):
        text = f"graphdoctor's own pack {pack_of(name)} has a rewrite of this name"
        yield Problem(("name",), text, "Choose another name")


def _in_row(row: RewriteRow, pack: PackRow, file: PackFile) -> Iterator[Problem]:
    if bool(row.find) == bool(row.pattern):
        text = "has a finder and a pattern" if row.find else "has neither a finder nor a pattern"
        yield Problem((), text, "Give a pattern and a replacement, or find = NAME")
    elif row.pattern:
        yield from problems(row.pattern, row.replacement, row.anchor, row.result, pack.own_ops)
    else:
        yield from _in_finder(row, file)


def _in_finder(row: RewriteRow, file: PackFile) -> Iterator[Problem]:
    from difflib import get_close_matches

    from graphdoctor.surgery.packs import finders

    if file.package and finder_of(file.package, row.find) is not None:
        return
    if row.find not in finders():
        names = (*finders(), *(_finder_names(file.path.parent) if file.package else ()))
        near = get_close_matches(row.find, names, n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else "docs/writing-rewrites.md says what there is"
        hint += "" if file.package else " One in Python needs an installed package"
        yield Problem(("find",), f"no finder is named {row.find!r}", hint)


def _finder_names(folder: Path) -> list[str]:
    return [p.stem.replace("_", "-") for p in folder.glob("finders/*.py") if not p.stem.startswith("_")]


def finder_of(package: str, name: str) -> Finder | None:
    """The finder ``name`` of ``package``: ``find`` of a module of its ``finders``, and its ``Options``; or ``None``.

    Raises:
        InputError: the module cannot be imported, or holds no such function; names its file and line.
    """
    module = f"{package}.finders.{name.replace('-', '_')}"
    try:
        if find_spec(module) is None:
            return None
    except ModuleNotFoundError:
        return None
    try:
        found = importlib.import_module(module)
    except Exception as e:  # whatever code of others raises is said with its place
        raise InputError(f"cannot be imported: {said(e)}", where=place_in(e, module), remedy="Correct it") from e
    find, options = getattr(found, "find", None), getattr(found, "Options", NoOptions)
    if not callable(find):
        raise InputError("has no function find(graph, facts, options)", where=str(found.__file__), remedy="Add it")
    if not (isinstance(options, type) and issubclass(options, msgspec.Struct)):
        raise InputError("Options is no msgspec.Struct", where=str(found.__file__), remedy="Derive it from one")
    return Finder(find, options)


def is_outside(rewrite: object) -> bool:
    """True if ``rewrite`` is none of graphdoctor's own: what it raises stops nothing but itself."""
    return bool(getattr(rewrite, "outside", False))


def said(error: BaseException) -> str:
    """Type and text of an exception."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def place_in(error: BaseException, otherwise: str) -> str:
    """File and line that ``error`` was raised at, in code that is not graphdoctor's; ``otherwise`` if in none."""
    ours = Path(__file__).parents[1]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 1}"
    frames: list[Any] = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<")]
    outside = [f for f in frames if not Path(f.filename).is_relative_to(ours)]
    return f"{outside[-1].filename}:{outside[-1].lineno}" if outside else otherwise


def line_at(text: str, keys: tuple[str, ...]) -> int:
    """The line of ``text`` where the last of ``keys`` stands that can be found, each looked for behind the one before.

    Numbers count the tables ``[[key]]`` of the key in front of them. 0 if none can be found.
    """
    lines = [line.partition("#")[0] for line in text.splitlines()]
    at = 0
    for key, after in zip(keys, (*keys[1:], ""), strict=True):
        if after.isdecimal():
            heads = [i for i, line in enumerate(lines, 1) if re.match(rf"\s*\[\[\s*{re.escape(key)}\s*\]\]", line)]
            at = heads[int(after) - 1] if int(after) <= len(heads) else at
        elif not key.isdecimal():
            name = rf"""["']?{re.escape(key)}["']?\s*"""
            word = re.compile(rf"(?:^|[\s.,{{]){name}[=.]|^\s*\[.*[\s.\[]{name}\]")
            at = next((i for i in range(max(at, 1), len(lines) + 1) if word.search(lines[i - 1])), at)
    return at
