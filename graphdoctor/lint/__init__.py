"""Rules over a graph: findings, and a verdict for every target."""

from __future__ import annotations

from graphdoctor.lint.baseline import accepted
from graphdoctor.lint.choose import Answers, Chosen, accepted_targets, choose, counts
from graphdoctor.lint.engine import lint
from graphdoctor.lint.fingerprint import fingerprinted
from graphdoctor.lint.options import LintOptions, LintResult
from graphdoctor.lint.rules import Rule, find_rule, load_rules
from graphdoctor.lint.suppress import Suppression, inline_suppressions

__all__ = [
    "Answers",
    "Chosen",
    "LintOptions",
    "LintResult",
    "Rule",
    "Suppression",
    "accepted",
    "accepted_targets",
    "choose",
    "counts",
    "find_rule",
    "fingerprinted",
    "inline_suppressions",
    "lint",
    "load_rules",
]
