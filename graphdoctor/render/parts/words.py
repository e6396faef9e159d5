"""Words: safe to print, counted, folded to a width."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.findings import TensorInfo
from graphdoctor.types import DType, dims_text

_FIRST_WIDE = "\u1100"
"""No character before this one takes two cells of a terminal."""


def clean(text: str) -> str:
    """``text`` with what a terminal would obey or hide (escapes, controls, direction marks, surrogates) spelled out.

    A graph is an unknown binary: a node name may hold an escape sequence or a line break.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cells(text: str) -> int:
    """How many cells of a terminal ``text`` takes."""
    if text.isascii() or max(text) < _FIRST_WIDE or not _has_wide(text):
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _has_wide(text: str) -> bool:
    """False for text whose characters beyond ``_FIRST_WIDE`` are signs of ours, all one cell wide."""
    return any(c >= _FIRST_WIDE and not "\u2010" <= c <= "\u259f" and c not in "✓✗" for c in text)


def fold(text: str, width: int, lead: int = 0) -> Iterator[str]:
    """Lines of at most ``width`` cells; a longer word (a node name) stays whole, to be copied whole.

    The first line, which may be empty, is ``lead`` cells shorter.
    """
    line, room = "", width - lead
    for word in text.split():
        if (line or room < width) and cells(f"{line} {word}" if line else word) > room:
            yield line
            line, room = word, width
        else:
            line = f"{line} {word}" if line else word
    yield line


def size_text(size: int) -> str:
    """Bytes for people: ``512 B``, ``1.4 KB``, ``97.8 MB`` (1 KB = 1,000 B)."""
    value, unit = float(size), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


def seconds_text(seconds: float) -> str:
    """``0.3 s``, ``12 s``, ``2 min 5 s``; under a tenth ``31 ms``."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def tensor_text(tensor: TensorInfo) -> str:
    """``input float32[1,224,224,3]``; a dtype that is not known is ``?``."""
    dtype = "?" if tensor.dtype is DType.INVALID else tensor.dtype.label
    return f"{tensor.name} {dtype}{dims_text(tensor.shape)}"


def number_text(value: float | None) -> str:
    """Four significant digits, ``-`` for none."""
    return "-" if value is None else f"{value:.4g}"
