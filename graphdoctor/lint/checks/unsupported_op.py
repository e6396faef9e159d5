"""Nodes that a target does not run, or of which its tables cannot tell."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.kinds import Kind, OnnxKind
from graphdoctor.types import Answer


def check(ctx: CheckContext, *, because: str = "table") -> Iterator[Hit]:
    """One hit for each node and target; the case is the op.

    ``because`` is ``table`` (the target's table says so), ``lowering`` (graphdoctor itself cannot lower the op) or
    ``nobody`` (no release of TensorFlow has the op).
    """
    for target in ctx.targets:
        for kind, nodes in ctx.kinds(target).items():
            support = ctx.judge.support_of(kind, target)
            if support.ok is not Answer.YES and _cause(kind) == because:
                for node in nodes:
                    yield Hit(node, support.reason, support.ok is Answer.NO, target, case=node.op)


def _cause(kind: Kind) -> str:
    if not isinstance(kind, OnnxKind):
        return "table"
    if kind.unheard:
        return "nobody"
    return "lowering" if isinstance(kind.emissions, str) else "table"
