"""Where the files that ship with graphdoctor lie, installed or in a checkout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdoctor.errors import InputError

if TYPE_CHECKING:
    from graphdoctor.bundle import Bundle

VARIABLE = "GRAPHDOCTOR_CACHE_DIR"


@cache
def rules_dir() -> Path:
    """The ``rules/`` folder: inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "rules", package.parent / "rules"):
        if folder.is_dir():
            return folder
    raise InputError(
        "the folder rules/ is missing from this installation",
        where=str(package),
        remedy="Reinstall it: pip install --force-reinstall graphdoctor",
    )


def load_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file; those of ``rules/`` as they were parsed before, where they are as they were.

    Raises:
        InputError: the file is missing or is not TOML.
    """
    parsed: dict[str, Any] | None = _bundle().get(path)
    return _parsed(path) if parsed is None else parsed


@cache
def _bundle() -> Bundle:
    from graphdoctor.bundle import Bundle

    folder = cache_folder()
    return Bundle(rules_dir(), _parsed, None if folder is None else folder / "rules")


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return toml_of(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise InputError(f"cannot be read: {e.strerror}", where=str(path)) from e
    except ValueError as e:
        raise InputError(f"is not TOML: {e}", where=str(path), remedy="Correct the file") from e


def toml_of(text: str) -> dict[str, Any]:
    """The TOML in ``text``.

    Raises:
        ValueError: it is none; says where.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # pragma: no cover - exercised on Python 3.10 only
        import tomli as tomllib
    return tomllib.loads(text)


def toml_files(kind: str) -> Iterator[Path]:
    """The files of ``rules/<kind>/``, sorted by name."""
    return iter(sorted((rules_dir() / kind).glob("*.toml")))


def cache_folder(given: str | None = None) -> Path | None:
    """Where reports are kept: ``given``, else ``$GRAPHDOCTOR_CACHE_DIR``, else the user's own cache folder.

    The user's own and not one in the project: a repository that comes with a folder of false reports must not be
    believed. ``None`` where the user has no home.
    """
    if chosen := given or os.environ.get(VARIABLE):
        return Path(chosen)
    return users_folder("XDG_CACHE_HOME", "~/.cache")


def users_folder(variable: str, default: str) -> Path | None:
    """graphdoctor's folder in one of the user's own, by the XDG base directory specification; ``None`` without a home.

    Args:
        variable: of the environment; a relative folder in it is to be ignored.
        default: where it is not set.
    """
    base = Path(os.environ.get(variable, ""))
    try:
        return (base if base.is_absolute() else Path(default).expanduser()) / "graphdoctor"
    except RuntimeError:
        return None
