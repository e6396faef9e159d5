"""Suppression files, written: entries that nothing needs any more go, everything else stays as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from graphdoctor.config.schema import SuppressEntry
from graphdoctor.config.suppressions import parse_suppressions, read_exactly, sharing, without_entries
from graphdoctor.errors import InputError
from graphdoctor.findings import ModelReport
from graphdoctor.formats.readfile import atomic_write


def prune_suppressions(path: str, entries: Sequence[SuppressEntry], reports: Iterable[ModelReport]) -> int:
    """Remove from the file ``path`` the entries that none of the models beside it needs; how many went.

    A file without anything left in it goes itself.

    Args:
        path: of the file.
        entries: what it said when the models were checked.
        reports: of every model that it is about.

    Raises:
        InputError: it has changed since, cannot be written, or is laid out so that an entry has no lines of its own.
    """
    spent = frozenset.intersection(*(frozenset(report.spent) for report in reports))
    if not spent:
        return 0
    text = read_exactly(Path(path))
    left = without_entries(text, spent)
    if parse_suppressions(text, path) != tuple(entries):
        raise InputError("has changed while models were checked", where=path, remedy="Run the same command again")
    wanted = tuple(e for i, e in enumerate(entries, 1) if i not in spent)
    if left is None or not _says(left, wanted):
        shown = ", ".join(map(str, sorted(spent)))
        raise InputError(
            "its entries have no lines of their own to remove",
            where=path,
            remedy=f"Write each below a [[suppress]] of its own, or remove those of number {shown} by hand",
        )
    if left.strip():
        atomic_write(path, left.encode())
    else:
        Path(path).unlink()
    return len(spent)


def _says(text: str, wanted: Sequence[SuppressEntry]) -> bool:
    try:
        return parse_suppressions(text, "") == tuple(wanted)
    except InputError:
        return False  # what looked like the head of an entry was part of a text


def unchecked_beside(path: str, checked: Iterable[str]) -> tuple[str, ...]:
    """Models that the suppression file at ``path`` is about as well, and that were not checked."""
    there = {Path(p).resolve() for p in checked}
    return tuple(str(p) for p in sharing(Path(path)) if p.resolve() not in there)
