"""Which configuration applies to a model: the nearest file above it, what that extends, and the command line.

From the model's folder upwards, the first folder with a ``graphdoctor.toml``, or with a ``pyproject.toml`` that has a
section ``[tool.graphdoctor]``, decides; one without is passed over. Files farther up are not read, unless by
``extend``. Where no folder has one, the user's own file does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdoctor.config.places import absolute, is_file, is_folder
from graphdoctor.config.settings import Layer
from graphdoctor.errors import InputError
from graphdoctor.resources import users_folder

if TYPE_CHECKING:
    from graphdoctor.config.schema import ConfigFile

OWN_FILE = "graphdoctor.toml"
SHARED_FILE = "pyproject.toml"
_WORD = "graphdoctor"
_PLAIN = re.compile(r"[\w./:+*-]+")


def layers_for(
    path: str, files: Sequence[str] = (), overrides: Sequence[str] = (), *, isolated: bool = False
) -> list[Layer]:
    """What is said of the model at ``path``, the strongest last.

    Args:
        path: of the model; ``-`` looks from the working folder, a folder without models from itself.
        files: given files; then none is looked for.
        overrides: ``KEY=VALUE``.
        isolated: True to look for no file.

    Raises:
        InputError: a file cannot be read or understood, or extends itself.
    """
    if files:
        found = [layer for file in files for layer in _extended(absolute(file))]
    elif isolated:
        found = []
    else:
        nearest = nearest_file(_folder_of(path))
        found = _users_own() if nearest is None else list(_extended(nearest))
    return [*found, *(_override(text) for text in overrides)]


def _folder_of(path: str) -> Path:
    """Where the search for the model at ``path`` begins: a folder that is no SavedModel is asked about itself."""
    if path == "-":
        return Path.cwd()
    whole = absolute(path)
    is_model = any(is_file(whole / name) for name in ("saved_model.pb", "saved_model.pbtxt"))
    return whole if not is_model and is_folder(whole) else whole.parent


@cache
def nearest_file(folder: Path) -> Path | None:
    """The configuration file that applies in ``folder``, ``None`` if there is none."""
    own, shared = folder / OWN_FILE, folder / SHARED_FILE
    if is_file(own):
        return own
    if is_file(shared) and _section(shared) is not None:
        return shared
    return None if folder.parent == folder else nearest_file(folder.parent)


def is_override(text: str) -> bool:
    """True where ``text``, given to ``--config``, is KEY=VALUE and no file."""
    return "=" in text and not is_file(Path(text))


def user_file() -> Path | None:
    """Where the user's own configuration is looked for; ``None`` for a user without a home."""
    folder = users_folder("XDG_CONFIG_HOME", "~/.config")
    return None if folder is None else folder / OWN_FILE


def _users_own() -> list[Layer]:
    """What the user says for models of no project; globs and paths in it are relative to the working folder."""
    file = user_file()
    if file is None or not is_file(file):
        return []
    return [replace(layer, root=Path.cwd()) for layer in _extended(file)]


@cache
def _extended(path: Path) -> tuple[Layer, ...]:
    """The layers of a file: what it extends first."""
    chain: list[Layer] = []
    files = [path]
    while True:
        config = read_config(files[-1])
        chain.append(Layer(_shown(files[-1]), files[-1].parent, config))
        if not isinstance(config.extend, str):
            return tuple(reversed(chain))
        base = absolute(str(files[-1].parent / Path(config.extend).expanduser()))
        if base in files:
            raise InputError(f"extends itself, by way of {base.name}", where=_shown(path), remedy="Remove one extend")
        files.append(base)


def read_config(path: Path) -> ConfigFile:
    """The configuration in the file ``path``.

    Raises:
        InputError: it cannot be read or understood, or is a ``pyproject.toml`` without the section.
    """
    from graphdoctor.config.reading import convert, parse, read_text
    from graphdoctor.config.schema import ConfigFile

    text = read_text(path)
    where = _shown(path)
    if path.name != SHARED_FILE:
        return convert(parse(text, where), ConfigFile, where, text)
    data = _section(path)
    if data is None:
        raise InputError("has no section [tool.graphdoctor]", where=where, remedy="Add it, or give another file")
    return convert(data, ConfigFile, where, text)


def _section(path: Path) -> dict[str, Any] | None:
    """``[tool.graphdoctor]``; a file that does not even hold the word is not parsed: it is no business of ours."""
    from graphdoctor.config.reading import parse, read_text

    text = read_text(path)
    if _WORD not in text:
        return None
    tool = parse(text, _shown(path)).get("tool", {})
    found = tool.get(_WORD) if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else None


def _override(text: str) -> Layer:
    """``select=["GDU"]``, ``rules.GDN002.max-abs=1e4``; a plain word needs no quotes: ``target=trt5``."""
    from graphdoctor.config.reading import convert, parse
    from graphdoctor.config.schema import ConfigFile

    key, _, value = text.partition("=")
    where = f"--config {text}"
    plain = value.strip()
    try:
        data = parse(text, where)
    except InputError:
        if not _PLAIN.fullmatch(plain) or not key.strip():
            raise
        data = parse(f'{key} = "{plain}"', where)
    return Layer(where, Path.cwd(), convert(data, ConfigFile, where))


def _shown(path: Path) -> str:
    """Relative to the working folder where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
