"""The pages that people read, and what stands in their code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^- run: (?P<command>.+)$", re.MULTILINE)


class Command(NamedTuple):
    """A command that a page shows, without the prompt."""

    page: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words; quotes stay."""
        return self.text.split()


def page_paths() -> list[Path]:
    """README, change log, and every page under ``docs/``."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """Page and text of every code block of a kind."""
    for path in page_paths():
        for found in _BLOCK.finditer(path.read_text(encoding="utf-8")):
            if found["kind"] == kind:
                yield path.relative_to(ROOT).as_posix(), found["text"]


def write_page(page: str, folder: Path) -> None:
    """The files that ``page`` makes: blocks whose first line is ``# path``."""
    for kind in ("toml", "python", "text"):
        for where, text in blocks(kind):
            first, _, rest = text.partition("\n")
            if where == page and first.startswith("# "):
                path = folder / first.removeprefix("# ")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(rest, encoding="utf-8")


def commands() -> list[Command]:
    """The lines behind a prompt in ``console`` blocks, and the steps of workflows, in the order of the pages."""
    found = [
        Command(page, line.removeprefix("$ "))
        for page, text in blocks("console")
        for line in text.splitlines()
        if line.startswith("$ ")
    ]
    return found + [Command(page, step["command"]) for page, text in blocks("yaml") for step in _STEP.finditer(text)]
