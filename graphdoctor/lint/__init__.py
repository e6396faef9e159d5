"""Rules over a graph: findings, and a verdict for every target."""

from __future__ import annotations

from graphdoctor.lint.baseline import accepted
from graphdoctor.lint.choose import Answers, Chosen, accepted_targets, choose, counts
from graphdoctor.lint.engine import lint, lint_uff
from graphdoctor.lint.fingerprint import fingerprinted
from graphdoctor.lint.options import LintOptions, LintResult
from graphdoctor.lint.rules import Rule, find_rule, load_rules
from graphdoctor.lint.suppress import Suppression, inline_suppressions
from graphdoctor.lint.uff_subject import UffSubject, subject_of

__all__ = [
    "Answers",
    "Chosen",
    "LintOptions",
    "LintResult",
    "Rule",
    "Suppression",
    "UffSubject",
    "accepted",
    "accepted_targets",
    "choose",
    "counts",
    "find_rule",
    "fingerprinted",
    "inline_suppressions",
    "lint",
    "lint_uff",
    "load_rules",
    "subject_of",
]
