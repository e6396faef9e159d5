"""From the words of the command line to models: folders walked, patterns expanded, each model once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphdoctor.errors import InputError

SUFFIXES = (".pb", ".pbtxt", ".uff")
"""What is looked for in a folder."""
_OTHER_MODELS = (".onnx", ".h5", ".hdf5", ".keras", ".tflite", ".meta", ".ckpt", ".index", ".pt", ".pth")
_SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")
_PATTERN = re.compile(r"[*?[]")
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """The models, in order, and the text files of a folder that are no graphs (label maps are .pbtxt as well)."""

    models: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def find_models(words: Sequence[str]) -> Found:
    """The models that ``words`` name, each once.

    A file is a model, and so is the folder of a SavedModel. Any other folder is searched for :data:`SUFFIXES`, hidden
    folders and links to folders left out. A word that is no file and has wildcards is a pattern (``**`` is any
    depth), for shells that do not expand it. A folder or pattern without a model is kept as it is:
    :func:`refuse_nothing` says what was looked for.
    """
    models: dict[str, None] = {}
    skipped: dict[str, None] = {}
    for word in words:
        for path in _expanded(word):
            found = list(_walk(path)) if _is_plain_folder(path) else [path]
            graphs = [f for f in found if f == path or not _is_other_text(f)]
            skipped.update(dict.fromkeys(f for f in found if f not in graphs))
            models.update(dict.fromkeys(graphs or [path]))
    return Found(tuple(models), tuple(skipped))


def refuse_nothing(path: str) -> None:
    """Refuse what :func:`find_models` kept although it names no model: a folder without any, a pattern without a match.

    Raises:
        InputError: it is one of these, or a folder that cannot be read.
    """
    from graphdoctor.formats.kinds import is_model_folder

    if _is_plain_folder(path) and not is_model_folder(Path(path)):
        raise InputError("no models were found in this folder or below it", where=path, remedy=_looked_for(path))
    if _PATTERN.search(path) is not None and not os.path.lexists(path):
        raise InputError("no file has such a name", where=path, remedy="Check the pattern; ** stands for any depth")


def _looked_for(folder: str) -> str:
    """What was looked for in ``folder``, and what is there instead."""
    others = (str(Path(name) / f) for name, _, files in os.walk(folder) for f in files if f.endswith(_OTHER_MODELS))
    first = min(others, default="")
    hint = f". {first} is no such model: graphdoctor inspect says what it is" if first else ""
    return f"Give a folder or file with a graph (.pb, .pbtxt) or UFF model (.uff), or the folder of a SavedModel{hint}"


def _expanded(word: str) -> list[str]:
    if _PATTERN.search(word) is None or os.path.lexists(word):
        return [word]
    from glob import glob

    return sorted(glob(word, recursive=True)) or [word]  # noqa: PTH207 - Path.glob takes no absolute pattern


def _is_plain_folder(path: str) -> bool:
    return path != "-" and Path(path).is_dir() and not _is_saved_model(Path(path))


def _is_saved_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _SAVED_MODEL)


def _walk(folder: str) -> Iterator[str]:
    for name, folders, files in os.walk(folder):
        parent = Path(name)
        inner = sorted(f for f in folders if not f.startswith("."))
        saved = [f for f in inner if _is_saved_model(parent / f)]
        folders[:] = [f for f in inner if f not in saved]
        graphs = [f for f in files if f.endswith(SUFFIXES) and not f.startswith(".")]
        yield from (str(parent / f) for f in sorted([*graphs, *saved]))


def _is_other_text(path: str) -> bool:
    """True for a .pbtxt that starts like no graph: a label map, a pipeline configuration, the text of a UFF model."""
    if not path.endswith(".pbtxt") or Path(path).is_dir():
        return False
    from graphdoctor.formats.kinds import Kind, sniff

    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False  # opening it says why
    return sniff(head.rpartition(b"\n")[0] or head, path) in (Kind.UNKNOWN, Kind.UFF_TEXT)
