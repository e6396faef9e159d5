"""Suppressions: findings at named places that the user has answered for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphdoctor.findings import Finding
from graphdoctor.globs import holds, matches
from graphdoctor.ir import Graph
from graphdoctor.lint.rules import Rule
from graphdoctor.lint.selection import is_exact, named

IGNORE_ATTRIBUTE = "_graphdoctor_ignore"
"""Attribute of a node: codes or names, with commas, and perhaps ``-- reason``. TensorFlow skips it, as every one that
begins with an underscore."""
SECURITY = "X"
"""The family that a graph cannot silence by itself: whoever wrote the graph may be the danger."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """One answer for findings of ``rules`` at a place; an empty glob or target is any.

    Attributes:
        rules: codes, prefixes or names.
        source: where it is written, for people: the entry of a file, or the node.
        file: the file's name; empty for one that stands in the graph.
        number: of the entry in the file, from 1.
        node: glob over node names.
        scope: glob over scopes.
        target: only for this target.
        reason: why it is in order.
        until: the day it ends, as written; empty if it does not.
        is_over: True from the day after ``until`` on.
    """

    rules: tuple[str, ...]
    source: str
    node: str = ""
    scope: str = ""
    target: str = ""
    reason: str = ""
    until: str = ""
    is_over: bool = False
    file: str = ""
    number: int = 0

    @property
    def inline(self) -> bool:
        """True for one that stands in the graph itself."""
        return not self.file

    def covers(self, finding: Finding, rule: Rule) -> bool:
        """True if it answers for ``finding``, which is one of ``rule``."""
        if not named(rule, self.rules) or (self.inline and rule.family == SECURITY):
            return False
        if self.target and finding.target and self.target != finding.target:
            return False
        if self.inline:
            return finding.node == self.node
        return (not self.node or matches(self.node, finding.node)) and (
            not self.scope or (bool(finding.node) and holds(self.scope, finding.node))
        )

    def names(self, rule: Rule) -> bool:
        """True if it says exactly which rule it answers for: a prefix hides, and accepts nothing."""
        return any(is_exact(rule, word) for word in self.rules)


def inline_suppressions(graph: Graph) -> tuple[Suppression, ...]:
    """Those that stand in the graph, in the order of its nodes."""
    return tuple(_inline(n.name, n.attr(IGNORE_ATTRIBUTE)) for n in graph if IGNORE_ATTRIBUTE in n.attrs)


def _inline(node: str, value: object) -> Suppression:
    texts = value if isinstance(value, tuple) else (value,)
    words, _, reason = ",".join(t for t in texts if isinstance(t, str)).partition("--")
    rules = tuple(w.strip() for w in words.split(",") if w.strip())
    return Suppression(rules, f"the attribute {IGNORE_ATTRIBUTE} of {node}", node=node, reason=reason.strip())


def is_judged(suppression: Suppression, rules: Sequence[Rule], ran: frozenset[str]) -> bool:
    """True if every rule that it names was looked for, so that finding nothing means something."""
    return all(r.code in ran for r in rules if named(r, suppression.rules))
