"""Packs: named sets of rewrites, read from ``rules/rewrites/*.toml``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from graphdoctor.errors import InputError, InternalError
from graphdoctor.findings import Safety
from graphdoctor.ir import GraphView
from graphdoctor.resources import load_toml, rules_dir
from graphdoctor.surgery.finder import Finder
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, Rewrite


class RewriteRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ``[[rewrite]]`` of a pack.

    Attributes:
        name: kebab-case, permanent.
        find: the Python finder; ``options`` are for it.
        safety: what it may change.
        summary: what it does, one sentence.
        fixes: codes of the rules it repairs.
        rounds_constants: True if what it folds is rounded, so that results are equal to rounding only.
        note: what to know.
    """

    name: str
    find: str
    safety: Safety
    summary: str
    fixes: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    rounds_constants: bool = False
    note: str = ""


class PackRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pack file. ``include`` are rewrites of other packs, each as ``pack/rewrite``; they come first."""

    name: str
    title: str
    summary: str
    rewrite: tuple[RewriteRow, ...] = ()
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedRewrite:
    """A row of a pack bound to its finder; ``options`` is the finder's record."""

    row: RewriteRow
    pack: str
    finder: Finder = field(repr=False)
    options: Any = None

    @property
    def name(self) -> str:
        """Kebab-case, permanent."""
        return self.row.name

    @property
    def safety(self) -> Safety:
        """What it may change."""
        return self.row.safety

    def find(self, graph: GraphView, facts: Facts) -> Iterator[Proposal | Refusal]:
        """Every place where the rewrite applies, or looks as if it did and does not."""
        return self.finder.find(graph, facts, self.options)


def pack_names() -> tuple[str, ...]:
    """The packs that ship with graphdoctor, by name."""
    return tuple(sorted(p.stem for p in (rules_dir() / "rewrites").glob("*.toml")))


def pack_path(name: str) -> Path:
    """The file of the pack ``name``, which may not exist."""
    return rules_dir() / "rewrites" / f"{name}.toml"


@cache
def load_pack(name: str) -> PackRow:
    """The pack ``name``.

    Raises:
        InputError: there is no such pack (with the nearest names), or its file is wrong.
    """
    if name not in pack_names():
        near = get_close_matches(name, pack_names(), n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(pack_names())}"
        raise InputError(f"no pack is named {name!r}", remedy=hint)
    return read_pack(pack_path(name))


def read_pack(path: Path) -> PackRow:
    """The pack in the file ``path``.

    Raises:
        InputError: the file is wrong: not TOML, an unknown key, a value of another type.
    """
    try:
        return msgspec.convert(load_toml(path), PackRow)
    except msgspec.ValidationError as e:
        raise InputError(str(e), where=str(path), remedy="Correct the pack") from e


def load_rewrites(packs: Sequence[str]) -> list[Rewrite]:
    """The rewrites of ``packs`` in order; one that several packs have comes once.

    Raises:
        InputError: a pack does not exist, or its file is wrong.
    """
    found: dict[str, Rewrite] = {}
    for pack in packs:
        for owner, row in _rows(pack):
            if row.name not in found:
                found[row.name] = bind(row, owner)
    return list(found.values())


def _rows(pack: str) -> Iterator[tuple[str, RewriteRow]]:
    """The rows of ``pack`` with the pack that states each, included ones first."""
    for reference in load_pack(pack).include:
        owner, _, name = reference.partition("/")
        row = next((r for r in load_pack(owner).rewrite if r.name == name), None)
        if row is None:
            raise InputError(f"includes {reference!r}, which does not exist", where=str(pack_path(pack)))
        yield owner, row
    yield from ((pack, row) for row in load_pack(pack).rewrite)


def pack_rows(pack: str) -> tuple[RewriteRow, ...]:
    """The rows of ``pack`` in the order they are applied, those it includes from other packs first.

    Raises:
        InputError: the pack does not exist, or its file is wrong.
    """
    return tuple(row for _, row in _rows(pack))


def pack_of(rewrite: str) -> str:
    """The first pack that has ``rewrite``, empty if none has."""
    return next((p for p in pack_names() if any(r.name == rewrite for r in load_pack(p).rewrite)), "")


def bind(row: RewriteRow, pack: str) -> LoadedRewrite:
    """``row`` with its finder and options.

    Raises:
        InputError: there is no such finder, or it does not take these options.
    """
    where = f"{pack_path(pack)}: {row.name}"
    finder = finders().get(row.find)
    if finder is None:
        near = get_close_matches(row.find, finders(), n=2)
        raise InputError(f"no finder is named {row.find!r}", where=where, remedy=f"Near: {', '.join(near) or 'none'}")
    try:
        return LoadedRewrite(row, pack, finder, msgspec.convert(row.options, finder.options))
    except msgspec.ValidationError as e:
        raise InputError(f"options: {e}", where=where, remedy="Correct the pack") from e


@cache
def finders() -> Mapping[str, Finder]:
    """Every finder of :mod:`graphdoctor.surgery.rewrites`, by its kebab-case name."""
    package = importlib.import_module("graphdoctor.surgery.rewrites")
    found: dict[str, Finder] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for name, finder in getattr(module, "FINDERS", {}).items():
            if name in found:
                raise InternalError(f"two finders are named {name}")
            found[name] = finder
    return found
