"""Rules of other packages: entry points of the group ``graphdoctor.rules``, each naming a package with rule files.

The rules are the ``*.toml`` files of that package's folder, the checks that they name are modules of its ``checks``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from graphdoctor.config.discovery import OWN_FILE, SHARED_FILE
from graphdoctor.errors import InputError
from graphdoctor.installed import entry_points_of, folder_of

GROUP = "graphdoctor.rules"
OWN_CHECKS = "graphdoctor.lint.checks"
OWN_PREFIX = "GD"
_given: list[Home] = []


@dataclass(frozen=True, slots=True)
class Home:
    """Where rules come from: a package's name, its folder."""

    package: str
    folder: Path

    @property
    def files(self) -> list[Path]:
        """The rule files, by name; a configuration beside them is none."""
        return sorted(f for f in self.folder.glob("*.toml") if f.name not in (OWN_FILE, SHARED_FILE))

    @property
    def checks(self) -> str:
        """The package that its checks are in."""
        return f"{self.package}.checks"


@cache
def installed() -> tuple[Home, ...]:
    """The homes that installed packages name.

    Raises:
        InputError: an entry point names no package.
    """
    return tuple(Home(point.module, folder_of(point, GROUP)) for point in entry_points_of(GROUP))


def homes() -> tuple[Home, ...]:
    """Those that are installed, and those that were given."""
    there = installed()
    return (*there, *(h for h in _given if all(h.folder != i.folder for i in there)))


def give(home: Home) -> None:
    """Take the rules of ``home`` too; rules that were read before are read again."""
    from graphdoctor.lint.rules import load_rules

    _given.append(home)
    load_rules.cache_clear()


def checks_of(code: str) -> str:
    """The package with the checks of the rule ``code``."""
    if code.startswith(OWN_PREFIX):
        return OWN_CHECKS
    return next((h.checks for h in homes() if (h.folder / f"{code}.toml").is_file()), OWN_CHECKS)


def collisions(codes: Iterator[tuple[str, Home]]) -> None:
    """Refuse a prefix that is graphdoctor's own, or that two packages use.

    Raises:
        InputError: names both.
    """
    owners: dict[str, Home] = {}
    for code, home in codes:
        prefix = code.rstrip("0123456789")
        if prefix.startswith(OWN_PREFIX):
            raise InputError(
                f"codes that begin with {OWN_PREFIX} are graphdoctor's own",
                where=str(home.folder / f"{code}.toml"),
                remedy="Choose a prefix of capital letters for the package",
            )
        if owners.setdefault(prefix, home) != home:
            raise InputError(
                f"the packages {owners[prefix].package} and {home.package} both have codes that begin with {prefix}",
                where=GROUP,
                remedy="Uninstall one of them",
            )
