"""The cases of fixtures/rewrites, one file a rewrite of graphdoctor's own packs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from graphdoctor.surgery import load_rewrites, pack_names
from graphdoctor.surgery.packs import LoadedRewrite
from graphdoctor.surgery.trials import Case, Mutant, completed, described, read_cases
from graphdoctor.surgery.trials import mutants as mutants_of

FOLDER = Path(__file__).parents[2] / "fixtures" / "rewrites"

__all__ = ["FOLDER", "Case", "Mutant", "all_cases", "all_rewrites", "completed", "described", "mutants"]


@cache
def all_rewrites() -> dict[str, LoadedRewrite]:
    """Every rewrite of every pack, by name."""
    found = {r.name: r for r in load_rewrites(pack_names())}
    return {name: r for name, r in found.items() if isinstance(r, LoadedRewrite)}


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case of every file."""
    return tuple(case for path in sorted(FOLDER.glob("*.toml")) for case in read_cases(path, all_rewrites()))


def mutants(rewrite: str, *, odd: bool = True) -> Iterator[Mutant]:
    """Endlessly mutants of the cases of ``rewrite``."""
    return mutants_of(rewrite, [c for c in all_cases() if c.rewrite == rewrite], odd=odd)
