"""What the rules say stands in the way of a target, node by node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from graphdoctor.ir import Node
from graphdoctor.lint.wording import Words, message_of

Reason = Words | str
"""A reason in words, or what words are made of when they are wanted."""


@dataclass(slots=True)
class Trouble:
    """What the rules say stands in the way of one target: nodes with the first reason, certain or not."""

    errors: dict[Node, Reason] = field(default_factory=dict)
    doubts: dict[Node, Reason] = field(default_factory=dict)

    def add(self, nodes: Iterable[Node], reason: Reason, certain: bool) -> None:
        """Note ``reason`` at ``nodes``; the first reason of a node stays."""
        kept = self.errors if certain else self.doubts
        for node in nodes:
            kept.setdefault(node, reason)


def first_reason(reasons: dict[Node, Reason]) -> str:
    """The first of them, in words."""
    reason = next(iter(reasons.values()))
    return reason if isinstance(reason, str) else message_of(reason)
