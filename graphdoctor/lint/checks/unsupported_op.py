"""Nodes that a target does not run, or of which its tables cannot tell."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.support import OnnxKind
from graphdoctor.types import Answer


def check(ctx: CheckContext, *, lowering: bool = False) -> Iterator[Hit]:
    """One hit for each node and target; the case is the op.

    With ``lowering``, the nodes that graphdoctor itself cannot lower, else those that the target's table speaks of.
    """
    for target in ctx.targets:
        for kind, nodes in ctx.kinds(target).items():
            support = ctx.judge.support_of(kind, target)
            not_lowered = isinstance(kind, OnnxKind) and isinstance(kind.emissions, str)
            if support.ok is not Answer.YES and not_lowered is lowering:
                for node in nodes:
                    yield Hit(node, support.reason, support.ok is Answer.NO, target, case=node.op)
