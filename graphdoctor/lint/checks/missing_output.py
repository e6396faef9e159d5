"""References to an output that a node does not have."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.ops import find_op
from graphdoctor.words import plural


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each node that reads an output beyond the last one that inference knows, a dead one too."""
    wrong = {c.node for c in ctx.specs.conflicts}
    for node in ctx.graph:
        for value in node.inputs:
            if value.index and value.node not in wrong and find_op(value.node.op) is not None:
                count = len(ctx.specs.table.get(value.node, ()))
                if 0 < count <= value.index:
                    yield Hit(node, f"it reads {value.name}, and {value.node.op} has {plural(count, 'output')}")
