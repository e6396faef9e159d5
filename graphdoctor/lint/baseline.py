"""Findings that were accepted as they were, and which of today's are among them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from graphdoctor.findings import Accepted, Finding
from graphdoctor.lint.fingerprint import place_name, unnumbered


@dataclass(frozen=True, slots=True)
class Matched:
    """Which findings a baseline holds, by their place in the list, and the entries that none of them needs."""

    old: frozenset[int]
    stale: tuple[Accepted, ...]


def accepted(finding: Finding) -> Accepted:
    """``finding`` as a baseline keeps it."""
    return Accepted(
        finding.code,
        finding.name,
        finding.target,
        finding.certain,
        _writable(finding.node),
        _writable(finding.op),
        len({finding.node, *finding.covers}),
        unnumbered(finding.fingerprint),
    )


def _writable(name: str) -> str:
    """A file may hold names that are no UTF-8, and a baseline cannot."""
    return name.encode("utf-8", "backslashreplace").decode()


def _place(entry: Accepted) -> object:
    """What it is called, for where the structure around it changed."""
    return (entry.code, entry.target, entry.certain, entry.op, place_name(entry.node), entry.nodes)


_KEYS: tuple[Callable[[Accepted], object], ...] = (
    lambda a: (a.fingerprint, _place(a)),
    lambda a: a.fingerprint,
    _place,
)


def match_baseline(findings: Sequence[Finding], entries: Iterable[Accepted]) -> Matched:
    """Which of ``findings`` are in the baseline. Each entry accounts for one finding, so a further one is new.

    First come those whose structure and name are as before, then those with the structure alone, then those with the
    name alone.
    """
    left = list(entries)
    keys = [accepted(f) for f in findings] if left else []
    old: set[int] = set()
    for of in _KEYS:
        pool: dict[object, deque[Accepted]] = {}
        for entry in left:
            pool.setdefault(of(entry), deque()).append(entry)
        for i, key in enumerate(keys):
            if i not in old and pool.get(of(key)):
                pool[of(key)].popleft()
                old.add(i)
        left = [entry for group in pool.values() for entry in group]
    return Matched(frozenset(old), tuple(left))
