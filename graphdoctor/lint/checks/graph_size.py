"""Graphs whose constants come near the size at which protobuf ends."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.checks.constant_claim import claimed_bytes
from graphdoctor.lint.context import CheckContext, Hit

_GIB = 1 << 30


def check(ctx: CheckContext, *, limit: int = 0) -> Iterator[Hit]:
    """One hit, at the largest constant, where all of them come to more than ``limit`` bytes."""
    total = count = most = 0
    largest: Node | None = None
    for node in ctx.live_nodes("Const"):
        size = claimed_bytes(node)
        total, count = total + size, count + 1
        if size > most:
            largest, most = node, size
    if largest is not None and total > limit:
        yield Hit(largest, f"{total / _GIB:.1f} GiB in {count}, the largest is {most / _GIB:.1f} GiB")
