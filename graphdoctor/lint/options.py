"""What a lint run is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphdoctor.findings import Finding, Hidden, TargetVerdict

if TYPE_CHECKING:
    from graphdoctor.lint.rules import Rule

RuleOption = tuple[str, str, int | float]
"""A rule's code or name, its option, and the value."""


@dataclass(frozen=True, slots=True)
class LintOptions:
    """Which findings are wanted. A code, a prefix of codes, a rule's name or ``ALL`` selects.

    Selection hides findings; it never changes a verdict.

    Attributes:
        select: only these; empty is every rule that is on by default.
        extend_select: these too.
        ignore: not these; wins over the others.
        report: names of the targets whose findings are wanted; ``None`` is every target that was given. All get a
            verdict.
        mandatory: these whatever the others say, and never below their own severity.
        severity: words, each with ``error``, ``warning``, ``info`` or ``off``; the most exact word wins.
        scope_ignores: globs of scopes, each with words that are ignored there.
        rule_options: numbers of rules.
        own_rules: rules of the configuration, besides all that are installed.
        places: words, each with where it was written, for error messages.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    report: tuple[str, ...] | None = None
    mandatory: tuple[str, ...] = ()
    severity: tuple[tuple[str, str], ...] = ()
    scope_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rule_options: tuple[RuleOption, ...] = ()
    own_rules: tuple[Rule, ...] = field(default=(), hash=False)
    places: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LintResult:
    """Findings in their order of output, a verdict for each target in the order given, and what was not looked at.

    Attributes:
        findings: those that are wanted.
        verdicts: of every target.
        not_checked: what was not looked at, and why.
        concealed: the others that were made, each with the reason why it is not wanted.
        behind: for each target whose findings were asked for, the names of the nodes that the verdict rests on where
            it is not *compatible*; the empty name stands for the graph as a whole.
    """

    findings: tuple[Finding, ...]
    verdicts: tuple[TargetVerdict, ...]
    not_checked: tuple[str, ...]
    concealed: tuple[Hidden, ...] = ()
    behind: Mapping[str, frozenset[str]] = field(default_factory=dict)
