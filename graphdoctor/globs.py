"""Globs over names whose parts ``/`` separates: nodes, scopes, paths.

``*`` and ``?`` stay within a part, ``**`` crosses parts, ``[ab]`` is one of the characters, ``[!ab]`` none of them.
"""

from __future__ import annotations

import re
from functools import cache

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def matches(glob: str, name: str) -> bool:
    """True if ``glob`` is the whole of ``name``."""
    return _compiled(glob).fullmatch(name) is not None


def holds(glob: str, name: str) -> bool:
    """True if ``glob`` is the whole of ``name``, or of a scope that ``name`` lies in."""
    return _compiled(glob, below=True).fullmatch(name) is not None


@cache
def _compiled(glob: str, below: bool = False) -> re.Pattern[str]:
    text = "".join(_part(token) for token in _TOKEN.findall(glob.rstrip("/") if below else glob))
    return re.compile(text + ("(?:/.*)?" if below else ""), re.DOTALL)


def _part(token: str) -> str:
    if token == "**/":
        return "(?:.*/)?"
    if token in ("**", "*", "?"):
        return {"**": ".*", "*": "[^/]*", "?": "[^/]"}[token]
    if len(token) > 2 and token[0] == "[":
        inside = token[1:-1]
        negated = inside.startswith("!")
        body = inside[negated:].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^").replace("]", "\\]")
        return f"[{'^' * negated}{body}]" if body and not _bad_range(body) else re.escape(token)
    return re.escape(token)


def _bad_range(body: str) -> bool:
    try:
        re.compile(f"[{body}]")
    except re.error:
        return True
    return False
