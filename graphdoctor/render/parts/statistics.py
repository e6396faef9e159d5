"""How often each rule spoke."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphdoctor.findings import Finding, Fix, Severity
from graphdoctor.render.parts.groups import is_fixable


@dataclass(frozen=True, slots=True)
class RuleCount:
    """A rule with its number of ``findings`` (one for each target), of ``nodes``, and of findings that can be fixed."""

    code: str
    name: str
    severity: Severity
    findings: int
    nodes: int
    fixable: int
    fix: Fix | None

    @property
    def fixed_by(self) -> str:
        """``tf112 (safe)``, empty where nothing can."""
        return f"{self.fix.pack} ({self.fix.safety.value})" if self.fix else ""


def rule_counts(findings: Iterable[tuple[str, Finding]]) -> tuple[RuleCount, ...]:
    """One entry for each rule, the most frequent first.

    Args:
        findings: each with its model: nodes of different models are different nodes.
    """
    by_code: dict[str, list[tuple[str, Finding]]] = {}
    for path, f in findings:
        by_code.setdefault(f.code, []).append((path, f))
    counts = [_count(members) for members in by_code.values()]
    return tuple(sorted(counts, key=lambda c: (-c.nodes, -c.findings, c.code)))


def _count(members: list[tuple[str, Finding]]) -> RuleCount:
    found = [f for _, f in members]
    fixes = [f.fix for f in found if is_fixable(f.fix)]
    return RuleCount(
        found[0].code,
        found[0].name,
        max(f.severity for f in found),
        len(found),
        len({(path, f.node) for path, f in members}),
        len(fixes),
        fixes[0] if fixes else None,
    )
