"""Graphs whose constants come near the size at which protobuf ends."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.checks.constant_claim import claimed_bytes
from graphdoctor.lint.context import CheckContext, Hit

NEAR_LIMIT = 3 << 29
"""Bytes of all constants from which on a graph is told of: 1.5 GiB, as freezing and conversion add to it."""
_GIB = 1 << 30


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit, at the largest constant."""
    total = count = most = 0
    largest: Node | None = None
    for node in ctx.live_nodes("Const"):
        size = claimed_bytes(node)
        total, count = total + size, count + 1
        if size > most:
            largest, most = node, size
    if largest is not None and total > NEAR_LIMIT:
        yield Hit(largest, f"{total / _GIB:.1f} GiB in {count}, the largest is {most / _GIB:.1f} GiB")
