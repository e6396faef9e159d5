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
from graphdoctor.resources import load_toml
from graphdoctor.surgery.declared import Declared, NewRow, PatternRow
from graphdoctor.surgery.finder import Finder, NoOptions
from graphdoctor.surgery.outside import finder_of, read_outside
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, Rewrite
from graphdoctor.surgery.shelf import PackFile, Places, shelf


class RewriteRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One ``[[rewrite]]`` of a pack.

    Attributes:
        name: kebab-case, permanent.
        safety: what it may change.
        summary: what it does, one sentence.
        find: the Python finder; ``options`` are for it.
        pattern: instead of a finder, the nodes that it looks for.
        replacement: the nodes that take their place.
        anchor: the node of the pattern that is replaced, where it is not the only one that no other reads.
        result: what takes its place, where that is not the new node of its name.
        fixes: codes of the rules it repairs.
        rounds_constants: True if what it folds is rounded, so that results are equal to rounding only.
        note: what to know.
    """

    name: str
    safety: Safety
    summary: str
    find: str = ""
    pattern: dict[str, PatternRow] = {}
    replacement: dict[str, NewRow] = {}
    anchor: str = ""
    result: str = ""
    fixes: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    rounds_constants: bool = False
    note: str = ""


class PackRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"own_ops": "own-ops"}):
    """One pack file.

    ``include`` are rewrites of other packs, each as ``pack/rewrite``; they come first; those in ``then`` come
    last. ``own_ops`` are op types that
    are not TensorFlow's: patterns may name them.
    """

    name: str
    title: str
    summary: str
    rewrite: tuple[RewriteRow, ...] = ()
    include: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    own_ops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedRewrite:
    """A row of a pack bound to its finder; ``options`` is the finder's record.

    ``outside``: it is not one of graphdoctor's own, so that whatever it raises is said and stops nothing else.
    """

    row: RewriteRow
    pack: str
    finder: Finder = field(repr=False)
    options: Any = None
    outside: bool = False

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


def pack_names(places: Places = ()) -> tuple[str, ...]:
    """The packs that there are, by name: graphdoctor's, those of installed packages, those in ``places``."""
    return tuple(shelf(places).packs)


def load_pack(name: str, places: Places = ()) -> PackRow:
    """The pack ``name``.

    Raises:
        InputError: there is no such pack (with the nearest names), or its file is wrong.
    """
    return _loaded(shelf(places).get(name))


@cache
def _loaded(file: PackFile) -> PackRow:
    return read_pack(file.path) if file.is_ours else read_outside(file)


def read_pack(path: Path) -> PackRow:
    """The pack in the file ``path``, one of graphdoctor's own.

    Raises:
        InputError: the file is wrong: not TOML, an unknown key, a value of another type.
    """
    try:
        return msgspec.convert(load_toml(path), PackRow)
    except msgspec.ValidationError as e:
        raise InputError(str(e), where=str(path), remedy="Correct the pack") from e


def load_rewrites(packs: Sequence[str], places: Places = ()) -> list[Rewrite]:
    """The rewrites of ``packs`` in order; one that several packs have comes once.

    Raises:
        InputError: a pack does not exist, or its file is wrong; two packs have different rewrites of one name.
    """
    found: dict[str, LoadedRewrite] = {}
    for pack in packs:
        for owner, row in _rows(pack, places):
            known = found.setdefault(row.name, bind(row, owner))
            if known.pack != owner.name and known.row != row:
                raise InputError(
                    f"the packs {known.pack} and {owner.name} both have a rewrite {row.name!r}",
                    where=str(owner.path),
                    remedy="Give one of them another name, or ask for one of the packs",
                )
    return list(found.values())


def _rows(pack: str, places: Places) -> Iterator[tuple[PackFile, RewriteRow]]:
    """The rows of ``pack`` with the pack that states each, in order."""
    file = shelf(places).get(pack)
    loaded = _loaded(file)
    yield from (_row(file, reference, places) for reference in loaded.include)
    yield from ((file, row) for row in loaded.rewrite)
    yield from (_row(file, reference, places) for reference in loaded.then)


def _row(file: PackFile, reference: str, places: Places) -> tuple[PackFile, RewriteRow]:
    """The row of another pack that the pack ``file`` includes."""
    owner, _, name = reference.partition("/")
    row = next((r for r in load_pack(owner, places).rewrite if r.name == name), None)
    if row is None:
        raise InputError(f"includes {reference!r}, which does not exist", where=str(file.path))
    return shelf(places).get(owner), row


def pack_rows(pack: str, places: Places = ()) -> tuple[RewriteRow, ...]:
    """The rows of ``pack`` in the order they are applied, those of other packs among them.

    Raises:
        InputError: the pack does not exist, or its file is wrong.
    """
    return tuple(row for _, row in _rows(pack, places))


def pack_of(rewrite: str) -> str:
    """The first of graphdoctor's own packs that has ``rewrite``, empty if none has."""
    return next((n for n, f in shelf().packs.items() if f.is_ours and _states(f, rewrite)), "")


def _states(file: PackFile, rewrite: str) -> bool:
    return any(row.name == rewrite for row in _loaded(file).rewrite)


def bind(row: RewriteRow, file: PackFile) -> LoadedRewrite:
    """``row`` with its finder and options.

    Raises:
        InputError: there is no such finder, or it does not take these options.
    """
    where = f"{file.path}: {row.name}"
    if row.pattern:
        declared = Declared(row.pattern, row.replacement, row.anchor, row.result, row.summary)
        return LoadedRewrite(row, file.name, Finder(declared.find), NoOptions(), outside=not file.is_ours)
    finder = finder_of(file.package, row.find) if file.package else None
    finder = finder or finders().get(row.find)
    if finder is None:
        near = get_close_matches(row.find, finders(), n=2)
        raise InputError(f"no finder is named {row.find!r}", where=where, remedy=f"Near: {', '.join(near) or 'none'}")
    try:
        options = msgspec.convert(row.options, finder.options)
    except msgspec.ValidationError as e:
        raise InputError(f"options: {e}", where=where, remedy="Correct the pack") from e
    return LoadedRewrite(row, file.name, finder, options, outside=not file.is_ours)


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
