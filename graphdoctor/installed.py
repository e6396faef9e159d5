"""What installed packages bring: entry points of one group, found without importing any of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from graphdoctor.errors import InputError


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """One entry point: what it is called, the module that it names."""

    name: str
    module: str


@cache
def entry_points_of(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of ``group``, by name."""
    if not any(_may_have(folder, group) for folder in dict.fromkeys(sys.path)):
        return ()
    from importlib.metadata import entry_points

    return tuple(EntryPoint(point.name, point.module) for point in sorted(entry_points(group=group)))


def _may_have(folder: str, group: str) -> bool:
    """True if a package there may have some: a look at its files takes a fifth of what importlib.metadata does."""
    return any(group.encode() in text for text in _all_entry_points(folder))


@cache
def _all_entry_points(folder: str) -> tuple[bytes, ...]:
    """What the packages in ``folder`` say of their entry points."""
    try:
        with os.scandir(folder or ".") as entries:
            packages = [e.path for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:
        return (b"graphdoctor.rules graphdoctor.rewrites",)  # an archive; importlib.metadata can look inside
    except OSError:
        return ()
    return tuple(_read(packages))


def _read(packages: list[str]) -> Iterator[bytes]:
    for package in packages:
        try:
            with open(f"{package}/entry_points.txt", "rb") as file:  # noqa: PTH123 - a Path for each costs as much again
                yield file.read()
        except OSError:
            continue


def folder_of(point: EntryPoint, group: str) -> Path:
    """The folder of the package that ``point`` names; packages around it are imported, it is not.

    Raises:
        InputError: it names no package.
    """
    from importlib.util import find_spec

    try:
        spec = find_spec(point.module)
    except ModuleNotFoundError:
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise InputError(
            f"the entry point {point.name!r} names {point.module!r}, which is no package",
            where=group,
            remedy="It must name an importable package whose folder holds the files",
        )
    return Path(places[0])


TENSORRT_PYTHON = "GRAPHDOCTOR_TENSORRT_PYTHON"
"""The environment's word on which Python has TensorRT 5 to 8, with its UffParser."""

_LAST_WITH_UFF = 8


def uff_parser_may_be_here() -> bool:
    """True if it is worth asking for the parser: a Python is named, or this one has a ``tensorrt`` that may have it.

    Starts nothing and imports nothing: what pip says of the version is enough to pass over TensorRT 9 and later.
    """
    import importlib.util

    if os.environ.get(TENSORRT_PYTHON):
        return True
    if importlib.util.find_spec("tensorrt") is None:
        return False
    from importlib import metadata

    try:
        major = metadata.version("tensorrt").partition(".")[0]
    except metadata.PackageNotFoundError:
        return True
    return not major.isdecimal() or int(major) <= _LAST_WITH_UFF
