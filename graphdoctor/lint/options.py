"""What a lint run is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.findings import Finding, TargetVerdict


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
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    report: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class LintResult:
    """Findings in their order of output, a verdict for each target in the order given, and what was not looked at."""

    findings: tuple[Finding, ...]
    verdicts: tuple[TargetVerdict, ...]
    not_checked: tuple[str, ...]
