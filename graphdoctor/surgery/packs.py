"""Packs: named sets of rewrites, read from ``rules/rewrites/*.toml``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, Rewrite

Finder = Callable[[GraphView, Facts, Mapping[str, Any]], Iterator[Proposal | Refusal]]
"""A rewrite in Python: proposals for a graph, with the options its TOML row gives."""


class RewriteRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ``[[rewrite]]`` of a pack.

    ``find`` names the Python finder; ``options`` are handed to it. ``fixes`` are the codes of the rules it repairs.
    """

    name: str
    find: str
    safety: Safety
    summary: str
    fixes: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    note: str = ""


class PackRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pack file."""

    name: str
    title: str
    summary: str
    rewrite: tuple[RewriteRow, ...]


@dataclass(frozen=True, slots=True)
class LoadedRewrite:
    """A row of a pack bound to its finder."""

    row: RewriteRow
    pack: str
    finder: Finder = field(repr=False)

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
        return self.finder(graph, facts, self.row.options)


def pack_names() -> tuple[str, ...]:
    """The packs that ship with graphdoctor, by name."""
    return tuple(sorted(p.stem for p in (rules_dir() / "rewrites").glob("*.toml")))


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
    path = rules_dir() / "rewrites" / f"{name}.toml"
    return _convert(path)


def _convert(path: Path) -> PackRow:
    try:
        return msgspec.convert(load_toml(path), PackRow)
    except msgspec.ValidationError as e:
        raise InputError(str(e), where=str(path), remedy="Correct the pack") from e


def load_rewrites(packs: Sequence[str]) -> list[Rewrite]:
    """The rewrites of ``packs`` in order; one that several packs have comes once."""
    found: dict[str, Rewrite] = {}
    for pack in packs:
        for row in load_pack(pack).rewrite:
            found.setdefault(row.name, LoadedRewrite(row, pack, _finder(row)))
    return list(found.values())


def pack_of(rewrite: str) -> str:
    """The first pack that has ``rewrite``, empty if none has."""
    return next((p for p in pack_names() if any(r.name == rewrite for r in load_pack(p).rewrite)), "")


def _finder(row: RewriteRow) -> Finder:
    finder = finders().get(row.find)
    if finder is None:
        raise InputError(f"rewrite {row.name} names the finder {row.find!r}, which does not exist")
    return finder


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
