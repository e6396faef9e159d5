"""From TOML to the types of :mod:`graphdoctor.config.schema`, with the place of what cannot be understood."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Sequence
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.resources import toml_of

T = TypeVar("T", bound=msgspec.Struct)
_UNIONS = (Union, types.UnionType)
_WORDS: dict[object, str] = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    date: "a date such as 2027-01-31",
    dict: "a table",
    list: "a list",
}
_TRUTH = dict.fromkeys(("true", "yes", "on", "1"), "true") | dict.fromkeys(("false", "no", "off", "0"), "false")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Problem(NamedTuple):
    """What cannot be understood: the keys that lead to it, what is wrong, and what to do."""

    keys: tuple[str, ...]
    message: str
    remedy: str


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as e:
        raise InputError(f"cannot be read: {e.strerror}", where=str(path), remedy="Give a TOML file") from e
    except ValueError as e:
        raise InputError(f"is not TOML: {e}", where=str(path), remedy="Correct the file") from e


def parse(text: str, where: str) -> dict[str, Any]:
    """The TOML in ``text``.

    Raises:
        InputError: it is none.
    """
    try:
        return toml_of(text)
    except ValueError as e:
        raise InputError(f"is not TOML: {e}", where=where, remedy="Correct the file") from e
    except RecursionError as e:
        raise InputError("is nested too deeply", where=where, remedy="Correct the file") from e


def convert(data: object, kind: type[T], where: str, text: str = "") -> T:
    """``data`` as ``kind``.

    Raises:
        InputError: a key that ``kind`` does not have, or a value of another type; names the place in ``text``.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as e:
        found = find_problem(data, kind) or Problem((), str(e), "")
        line = line_of(text, found.keys)
        place = ".".join(found.keys[:-1])
        message = f"{place}: {found.message}" if place else found.message
        raise InputError(message, where=f"{where}:{line}" if line else where, remedy=found.remedy) from e


def find_problem(data: object, kind: Any, keys: tuple[str, ...] = ()) -> Problem | None:
    """The first thing in ``data`` that ``kind`` does not take; ``None`` if there is none."""
    if _fits(data, kind):
        return None
    for member in _members(kind):
        origin, args = get_origin(member), get_args(member)
        if isinstance(data, dict) and isinstance(member, type) and issubclass(member, msgspec.Struct):
            return _in_struct(data, member, keys)
        if isinstance(data, dict) and origin is dict:
            return _first((v, args[1], (*keys, str(k))) for k, v in data.items())
        if isinstance(data, list) and origin in (list, tuple):
            return _first((v, args[0], (*keys, str(i + 1))) for i, v in enumerate(data))
    return _wrong_type(data, kind, keys)


def _in_struct(data: dict[str, Any], kind: type[msgspec.Struct], keys: tuple[str, ...]) -> Problem | None:
    fields = {f.encode_name: f for f in msgspec.structs.fields(kind)}
    for key in data:
        if key not in fields:
            near = _near(key.lower().replace("_", "-"), fields)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            return Problem((*keys, key), f"there is no key {key!r}", f"{hint}Keys: {', '.join(fields)}")
    lacking = next((k for k, f in fields.items() if f.required and k not in data), "")
    if lacking:
        return Problem((*keys, lacking), f"lacks the key {lacking!r}", f"Keys: {', '.join(fields)}")
    return _first((value, fields[key].type, (*keys, key)) for key, value in data.items())


def _first(parts: Iterable[tuple[object, Any, tuple[str, ...]]]) -> Problem | None:
    return next((p for data, kind, keys in parts if (p := find_problem(data, kind, keys)) is not None), None)


def _wrong_type(data: object, kind: Any, keys: tuple[str, ...]) -> Problem:
    name = keys[-1] if keys else "the file"
    name = f"item {name}" if name.isdecimal() else name
    literals = [str(w) for m in _members(kind) if get_origin(m) is Literal for w in get_args(m)]
    literals += [str(w.value) for m in _members(kind) if isinstance(m, type) and issubclass(m, Enum) for w in m]
    if literals and isinstance(data, (str, int)):
        near = _near(str(data), literals)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        return Problem(keys, f"{name} cannot be {data!r}", f"{hint}It may be {', '.join(literals)}")
    words = dict.fromkeys(_word(m) for m in _members(kind))
    right = next((text for m in _members(kind) if (text := _corrected(data, m))), "")
    remedy = f"Write {_assignment(keys, right)}" if right else "Correct the value"
    return Problem(keys, f"{name} must be {' or '.join(words)}, not {_shown(data)}", remedy)


def _assignment(keys: tuple[str, ...], value: str) -> str:
    """``value`` with the key it is for; alone where it is an item of a list."""
    if not keys or keys[-1].isdecimal():
        return value
    return f"{keys[-1] if _BARE_KEY.fullmatch(keys[-1]) else _quoted(keys[-1])} = {value}"


def _corrected(data: object, kind: Any) -> str:
    """``data`` as it was probably meant, in TOML; empty where that cannot be told."""
    origin = get_origin(kind) or kind
    if origin is list and isinstance(data, str) and list(_members(get_args(kind)[0])) == [str]:
        return f"[{', '.join(_quoted(word.strip()) for word in data.split(',') if word.strip())}]"
    if origin is str and isinstance(data, (int, float, date)) and not isinstance(data, bool):
        return _quoted(str(data))
    if origin is bool and isinstance(data, (str, int)):
        return _TRUTH.get(str(data).lower(), "")
    if origin is str and isinstance(data, list) and len(data) == 1 and isinstance(data[0], str):
        return _quoted(data[0])
    return data if origin in (int, float) and isinstance(data, str) and _NUMBER.fullmatch(data) else ""


def _quoted(text: str) -> str:
    """As TOML writes it: JSON's texts are TOML's."""
    return msgspec.json.encode(text).decode()


def _near(word: str, words: Iterable[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(word, list(words), 1, 0.5)


def _word(kind: Any) -> str:
    if get_origin(kind) in (list, tuple):
        return "a list of texts" if list(_members(get_args(kind)[0])) == [str] else "a list"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "a table"
    return _WORDS.get(get_origin(kind) or kind, "another value")


def _shown(data: object) -> str:
    if isinstance(data, bool):
        return str(data).lower()
    return _WORDS[type(data)] if isinstance(data, (dict, list)) else repr(data)


def _fits(data: object, kind: Any) -> bool:
    try:
        msgspec.convert(data, kind)
    except msgspec.ValidationError:
        return False
    return True


def _members(kind: Any) -> Iterable[Any]:
    """What a union offers, a plain type alone; without annotations and what stands for an absent key."""
    if get_origin(kind) is Annotated:
        yield from _members(get_args(kind)[0])
    elif get_origin(kind) in _UNIONS:
        for member in get_args(kind):
            yield from _members(member)
    elif kind is not msgspec.UnsetType and kind is not type(None):
        yield kind


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """The line of ``text`` where the last of ``keys`` that is no number stands as a key; 0 if it cannot be told."""
    named = [k for k in keys if not k.isdecimal()]
    if not named:
        return 0
    lines = [line.partition("#")[0] for line in text.splitlines()]
    start = _start_of_table(lines, keys)
    word = re.escape(named[-1])
    key = re.compile(rf"""(?:^|[\s.,{{\[])["']?{word}["']?\s*(?:=|\]|\.)""")
    found = [i for i, line in enumerate(lines, 1) if key.search(line)]
    return next((i for i in found if i >= start), found[0] if found else 0)


def _start_of_table(lines: Sequence[str], keys: tuple[str, ...]) -> int:
    """The line where the table begins that the first number of ``keys`` counts; 1 where no number counts tables."""
    at = next((i for i, key in enumerate(keys) if key.isdecimal() and i), 0)
    head = re.compile(rf"\s*\[\[[^\]]*\b{re.escape(keys[at - 1])}[\"'\s]*\]\]")
    heads = [i for i, line in enumerate(lines, 1) if head.match(line)] if at else []
    return heads[int(keys[at]) - 1] if 0 < int(keys[at] if at else 0) <= len(heads) else 1
