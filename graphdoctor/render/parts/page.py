"""A page of styled text: lines, folded paragraphs and tables, painted at the end.

Layout needs no library; colours are rich's, imported only when there are any to paint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphdoctor.render.parts.glyphs import ASCII, UNICODE
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.words import cells, clean, fold

Piece = str | tuple[str, str]
"""Text, or text with a rich style (``bold red``)."""
WIDEST = 120
"""Longer lines are hard to read, however wide the terminal."""
_NARROWEST = 20
"""Columns that folded text gets at least."""


class Page:
    """Collects lines; :meth:`text` gives the page."""

    def __init__(self, options: RenderOptions) -> None:
        self.glyphs = UNICODE if options.unicode else ASCII
        self.width = max(40, min(options.width, WIDEST))
        self._options = options
        self._lines: list[list[tuple[str, str]]] = []

    def line(self, *pieces: Piece) -> None:
        """Add one line as it is."""
        self._lines.append([self._piece(p) for p in pieces])

    def blank(self) -> None:
        """Add an empty line, never two in a row and none at the top."""
        if self._lines and self._lines[-1]:
            self._lines.append([])

    def rule(self, title: Piece, style: str = "dim") -> None:
        """Add ``title`` and a line to the right edge."""
        text, _ = head = self._piece(title)
        self.line(head, (" " + self.glyphs.rule * max(3, self.width - cells(text) - 1), style))

    def para(self, text: str, *, style: str = "", first: Sequence[Piece] = (), rest: Sequence[Piece] = ()) -> None:
        """Add ``text`` folded to the width: ``first`` in front of its first line, ``rest`` in front of the others."""
        head, tail = [self._piece(p) for p in first], [self._piece(p) for p in rest]
        indent = _cells(tail)
        for i, line in enumerate(fold(text, max(_NARROWEST, self.width - indent), max(0, _cells(head) - indent))):
            self._lines.append([*(tail if i else head), self._piece((line, style))])

    def item(self, label: str, text: str, *, indent: int = 2, style: str = "", label_style: str = "dim") -> None:
        """Add ``label text``; further lines of the text stand below its first."""
        label = " " * indent + label + " "
        self.para(text, style=style, first=[(label, label_style)], rest=[" " * cells(label)])

    def table(self, rows: Sequence[Sequence[Piece]], *, indent: int = 2, right: Sequence[int] = ()) -> None:
        """Add rows of equal length in columns, those numbered in ``right`` flush right; the last column is folded.

        Where too little width is left for the last column, it stands below the others.
        """
        grid = [[self._piece(p) for p in row] for row in rows]
        widths = [max(cells(text) for text, _ in column) for column in zip(*grid, strict=True)]
        if indent + sum(widths[:-1]) + 2 * len(widths[:-1]) > self.width - min(widths[-1], _NARROWEST):
            for row in grid:
                self._stacked(row, indent)
            return
        for row in grid:
            head: list[Piece] = [" " * indent]
            for i, (text, style) in enumerate(row[:-1]):
                gap = " " * (widths[i] - cells(text))
                head.extend((gap, (text, style)) if i in right else ((text, style), gap))
                head.append("  ")
            text, style = row[-1]
            gap = " " * (widths[-1] - cells(text)) if len(row) - 1 in right else ""
            self.para(text, style=style, first=[*head, gap], rest=[" " * _cells(self._piece(p) for p in head)])

    def _stacked(self, row: Sequence[tuple[str, str]], indent: int) -> None:
        """One row of a table that is too wide: its columns in a line, or more, and the last one below."""
        margin, line = (" " * indent, ""), list[tuple[str, str]]()
        for text, style in (piece for piece in row[:-1] if piece[0]):
            if line and indent + _cells(line) + cells(text) > self.width:
                self._lines.append([margin, *line])
                line = []
            line += [(text, style), ("  ", "")]
        self._lines.append([margin, *line])
        below = " " * (indent + 4)
        self.para(row[-1][0], style=row[-1][1], first=[below], rest=[below])

    def text(self) -> str:
        """The page, every line ended; empty when nothing was added."""
        paint = _painted if self._options.color else _plain
        return "".join(paint(line).rstrip(" ") + "\n" for line in self._lines)

    def _piece(self, piece: Piece) -> tuple[str, str]:
        text, style = (piece, "") if isinstance(piece, str) else piece
        text = clean(text)
        if not self._options.unicode and not text.isascii():
            text = text.encode("ascii", "backslashreplace").decode("ascii")
        return text, style


def _cells(pieces: Iterable[tuple[str, str]]) -> int:
    return sum(cells(text) for text, _ in pieces)


def _plain(line: Sequence[tuple[str, str]]) -> str:
    return "".join(text for text, _ in line)


def _painted(line: Sequence[tuple[str, str]]) -> str:
    from rich.color import ColorSystem
    from rich.style import Style

    return "".join(
        Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style and text else text
        for text, style in line
    )
