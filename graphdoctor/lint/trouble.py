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
    """What the rules say stands in the way of one target: the nodes, and of all reasons the first.

    ``errors`` are certain, ``doubts`` are not.
    """

    errors: set[Node] = field(default_factory=set)
    doubts: set[Node] = field(default_factory=set)
    first: dict[bool, Reason] = field(default_factory=dict)

    def add(self, nodes: Iterable[Node], reason: Reason, certain: bool) -> None:
        """Note ``reason`` at ``nodes``."""
        self.first.setdefault(certain, reason)
        (self.errors if certain else self.doubts).update(nodes)

    def reason(self, certain: bool) -> str:
        """The first reason of the errors, or of the doubts, in words; there is one."""
        reason = self.first[certain]
        return reason if isinstance(reason, str) else message_of(reason)
