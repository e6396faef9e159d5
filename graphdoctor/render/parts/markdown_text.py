"""Markdown from text that is not Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphdoctor.render.parts.words import clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~@&])")
_BACKTICKS = re.compile("`+")


def escape(text: str) -> str:
    """``text`` such that Markdown shows it as it is (``@`` would call a person)."""
    return _SPECIAL.sub(r"\\\1", clean(" ".join(text.split())))


def code(text: str) -> str:
    """``text`` as inline code, safe inside a table: fenced by more backticks than it holds in a row."""
    text = clean(text).replace("|", "\\|")
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    inside = f" {text} " if text[:1] == "`" or text[-1:] == "`" else text
    return f"{fence}{inside or ' '}{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
