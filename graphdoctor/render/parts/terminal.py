"""What a stream can show: width, colour, characters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from graphdoctor.render.parts.glyphs import UNICODE
from graphdoctor.render.parts.options import RenderOptions

NARROWEST, DEFAULT_WIDTH = 40, 80


def options_for(stream: TextIO, environ: Mapping[str, str] | None = None) -> RenderOptions:
    """Options that suit ``stream``: its width, colour only on a terminal, ASCII where it encodes no more.

    ``NO_COLOR`` and ``FORCE_COLOR`` (any value that is not empty, https://no-color.org) and ``COLUMNS`` are heeded.
    """
    env = os.environ if environ is None else environ
    return RenderOptions(width=_width(stream, env), color=_color(stream, env), unicode=_encodes(stream))


def _color(stream: TextIO, env: Mapping[str, str]) -> bool:
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return True
    return stream.isatty() and env.get("TERM") != "dumb"


def _width(stream: TextIO, env: Mapping[str, str]) -> int:
    columns = env.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return max(NARROWEST, int(columns))
    if not stream.isatty():
        return DEFAULT_WIDTH
    try:
        return max(NARROWEST, os.get_terminal_size(stream.fileno()).columns)
    except OSError:  # a terminal that does not know its size
        return DEFAULT_WIDTH


def _encodes(stream: TextIO) -> bool:
    try:
        UNICODE.sample.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
