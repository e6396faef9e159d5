"""Words that depend on a number."""

from __future__ import annotations


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 node``, ``1,204 nodes``; ``many`` where the plural is not made with an s."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
