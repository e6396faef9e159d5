"""Rules over a graph: findings, and a verdict for every target."""

from __future__ import annotations

from graphdoctor.lint.engine import lint
from graphdoctor.lint.options import LintOptions, LintResult
from graphdoctor.lint.rules import Rule, find_rule, load_rules

__all__ = ["LintOptions", "LintResult", "Rule", "find_rule", "lint", "load_rules"]
