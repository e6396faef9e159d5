"""The command line of tools that write files below ``rules/`` from tables of facts."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
Texts = Mapping[str, str]
"""File name -> text."""


def run(argv: Sequence[str] | None, doc: str | None, kind: str, texts_of: Callable[[Path, Path], Texts]) -> int:
    """0 when the files agree with the facts or were written, 1 when they differ, 2 without facts.

    Args:
        argv: the words of the command line, ``None`` for those of this process.
        doc: what ``--help`` says.
        kind: the folder of ``rules/`` that holds the files; also the option that names another one.
        texts_of: what the files should be, from the folder of facts and the one that holds them.
    """
    options = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = options.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--write", action="store_true")
    options.add_argument("--facts", type=Path, default=ROOT.parent / "shared" / "facts")
    options.add_argument(f"--{kind}", dest="folder", type=Path, default=ROOT / "rules" / kind)
    args = options.parse_args(argv)
    if not args.facts.is_dir():
        print(f"no facts in {args.facts}: give --facts DIR", file=sys.stderr)
        return 2
    texts = texts_of(args.facts, args.folder)
    return _write(texts, args.folder) if args.write else _check(texts, args.folder)


def _write(texts: Texts, folder: Path) -> int:
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return 0


def _check(texts: Texts, folder: Path) -> int:
    """Prints a diff for every file that is not as the facts have it."""
    found = {p.name: p.read_text("utf-8") for p in folder.glob("*.toml")}
    differ = [n for n in sorted({*texts, *found}) if texts.get(n) != found.get(n)]
    for name in differ:
        pair = (found.get(name, "").splitlines(True), texts.get(name, "").splitlines(True))
        sys.stdout.writelines(difflib.unified_diff(*pair, f"{name} (file)", f"{name} (facts)", n=0))
    return 1 if differ else 0
