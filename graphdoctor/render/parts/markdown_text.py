"""Markdown from text that is not Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphdoctor.render.parts.words import clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~@&])")
_LIST = re.compile(r"^(\d*)([-+.)](?=\s|$))")
"""What makes a list where it stands in front of a line."""
_BACKTICKS = re.compile("`+")


def escape(text: str) -> str:
    """``text`` such that Markdown shows it as it is (``@`` would call a person)."""
    text = _SPECIAL.sub(r"\\\1", clean(" ".join(text.split())))
    return _LIST.sub(r"\1\\\2", text)


def code(text: str, *, cell: bool = True) -> str:
    """``text`` as inline code, fenced by more backticks than it holds in a row; ``cell``: inside a table."""
    text = clean(text).replace("|", "\\|") if cell else clean(text)
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    inside = f" {text} " if text[:1] == "`" or text[-1:] == "`" else text
    return f"{fence}{inside or ' '}{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
