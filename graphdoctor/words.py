"""Words that depend on a number."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 8
"""Reasons that one message lists."""


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 node``, ``1,204 nodes``; ``many`` where the plural is not made with an s."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def refusal(what: str, reasons: Iterable[tuple[str, str, str]]) -> str:
    """``2 nodes WHAT:`` and a line for each node, up to eight: its name, its op and the reason."""
    lines = [f"  {name} ({op}): {reason}" for name, op, reason in reasons]
    more = [f"  and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return "\n".join([f"{plural(len(lines), 'node')} {what}:", *lines[:_MOST], *more])
