"""From a report to text: one module of this package for each format, each a pure function.

A module here is a format unless its name starts with ``text_`` (what the other commands print); ``parts`` holds what
they share. So a new format is one new file.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, cast

from graphdoctor.errors import InputError
from graphdoctor.findings import Report
from graphdoctor.render.parts.options import RenderOptions, RuleInfo

__all__ = ["FINGERPRINTED", "FORMATS", "RenderOptions", "RuleInfo", "format_name", "load_formats", "render"]


class _Format(Protocol):
    def render(self, report: Report, options: RenderOptions) -> str: ...


def _formats() -> tuple[str, ...]:
    stems = (p.stem for p in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(s for s in stems if not s.startswith(("_", "text_"))))


FORMATS = _formats()
"""The names of all formats."""
FINGERPRINTED = frozenset({"gitlab", "json", "jsonl", "sarif"})
"""Those that show which finding is which from one run to the next."""


def format_name(name: str) -> str:
    """``name`` when it is a format.

    Raises:
        InputError: there is no such format; the message names the nearest one.
    """
    if name in FORMATS:
        return name
    from difflib import get_close_matches

    near = get_close_matches(name, FORMATS, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise InputError(
        f"no output format is called {name!r}", where="--format", remedy=f"{hint}Formats: {', '.join(FORMATS)}"
    )


def load_formats(names: Iterable[str]) -> None:
    """Import what the formats of these names need, so that rendering need not."""
    for name in names:
        importlib.import_module(f"graphdoctor.render.{format_name(name)}")


def render(format: str, report: Report, options: RenderOptions) -> str:
    """``report`` in the format of that name.

    The text can be encoded as UTF-8, and as ASCII where ``options.unicode`` is False.

    Raises:
        InputError: there is no such format.
    """
    module = importlib.import_module(f"graphdoctor.render.{format_name(format)}")
    text = cast(_Format, module).render(report, options)
    encoding = "utf-8" if options.unicode else "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
