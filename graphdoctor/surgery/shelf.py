"""Where packs of rewrites come from: graphdoctor itself, installed packages, and the folders of a configuration.

A package names itself by an entry point of the group ``graphdoctor.rewrites``; its packs are the ``*.toml`` files of
its folder, its finders modules of its ``finders``. What a configuration names are TOML files alone: a configuration
comes with a checkout or beside a model, and reading it must run no code of whoever wrote it. What is installed was
chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from graphdoctor.errors import InputError
from graphdoctor.installed import entry_points_of, folder_of
from graphdoctor.resources import rules_dir

GROUP = "graphdoctor.rewrites"
OURS = "graphdoctor"
Places = tuple[str, ...]
"""Files and folders with packs that a configuration names, absolute."""


@dataclass(frozen=True, slots=True)
class PackFile:
    """One pack: its file, and who it is from.

    Attributes:
        name: of the pack, and of the file without its suffix.
        path: the file.
        owner: ``graphdoctor``, the package that brings it, or the folder of a configuration.
        package: the package whose finders it may use besides graphdoctor's; empty if only those.
    """

    name: str
    path: Path
    owner: str
    package: str = ""

    @property
    def is_ours(self) -> bool:
        """True for a pack that ships with graphdoctor."""
        return self.owner == OURS


@dataclass(frozen=True, slots=True)
class Shelf:
    """Every pack by name, and what is wrong with those that cannot be had, by name of the pack or of what brings it."""

    packs: Mapping[str, PackFile]
    broken: Mapping[str, InputError]

    def get(self, name: str) -> PackFile:
        """The pack ``name``.

        Raises:
            InputError: there is none (with the nearest names), or it cannot be had.
        """
        if name in self.packs:
            return self.packs[name]
        if name in self.broken:
            raise self.broken[name]
        near = get_close_matches(name, self.packs, n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(self.packs)}"
        lost = next((f". {e.where}: {e.message}" for e in self.broken.values()), "")
        raise InputError(f"no pack is named {name!r}", remedy=hint + lost)


@cache
def shelf(places: Places = ()) -> Shelf:
    """The packs of graphdoctor, of installed packages and in ``places``. No pack is read."""
    packs: dict[str, PackFile] = {}
    broken: dict[str, InputError] = {}
    ours = (PackFile(p.stem, p, OURS) for p in sorted((rules_dir() / "rewrites").glob("*.toml")))
    for found in (*ours, *_installed(broken), *_local(places, broken)):
        other = packs.get(found.name)
        if other is None:
            packs[found.name] = found
        elif other.path != found.path:
            broken[f"{found.name} of {found.owner}"] = InputError(
                f"{other.owner} has a pack {found.name!r} too, which is taken instead",
                where=str(found.path),
                remedy="Give the file and the pack in it another name",
            )
    return Shelf(dict(sorted(packs.items())), broken)


def _installed(broken: dict[str, InputError]) -> Iterator[PackFile]:
    for point in entry_points_of(GROUP):
        try:
            folder = folder_of(point, GROUP)
        except InputError as e:
            broken[point.name] = e
            continue
        yield from packs_in(folder, point.module)


def packs_in(folder: Path, package: str) -> tuple[PackFile, ...]:
    """The packs that lie in ``folder``, which is that of ``package``."""
    return tuple(PackFile(p.stem, p, package, package) for p in sorted(folder.glob("*.toml")))


def _local(places: Places, broken: dict[str, InputError]) -> Iterator[PackFile]:
    for place in map(Path, places):
        files = [place] if place.is_file() else sorted(place.glob("*.toml"))
        if not files:
            what = "holds no pack (*.toml)" if place.is_dir() else "there is no such file or folder"
            remedy = "Correct the key rewrites of the configuration"
            broken[place.name] = InputError(what, where=str(place), remedy=remedy)
        yield from (PackFile(p.stem, p, str(place)) for p in files)
