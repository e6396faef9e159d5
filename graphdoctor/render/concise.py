"""One line a finding, for grep: ``path: node: CODE[*] name (targets) message``; then one line a chosen target.

``[*]`` marks what a rewrite can fix, ``[?]`` what could not be told.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.findings import Finding, ModelReport, Report
from graphdoctor.render.parts.groups import by_place, chosen_verdicts, group_findings, is_fixable, summaries
from graphdoctor.render.parts.headline import (
    SEVERITY_STYLE,
    VERDICT_STYLE,
    accepted_text,
    failed_text,
    headline,
    hidden_notes,
)
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.render.parts.record import sorted_findings
from graphdoctor.render.parts.statistics import rule_counts


def render(report: Report, options: RenderOptions) -> str:
    """The findings in order, never folded."""
    page = Page(options)
    for model in report.models:
        order = [v.target for v in chosen_verdicts(model)]
        for targets, f in by_place(sorted_findings(model)):
            page.line(*_finding(model.path, f, ", ".join(t for t in order if t in targets) or f.target))
        for line in _verdicts(model):
            page.line(*line)
    for failed in report.failed:
        page.line((failed.path, "bold"), ": ", (failed_text(failed), "red"))
    for count in rule_counts((m.path, f) for m in report.models for f in m.findings) if options.statistics else ():
        mark = "[*]" if count.fix else ""
        page.line(f"{count.nodes:,} ", (count.code, "bold"), (mark, "green"), f" {count.name}")
    return page.text()


def _finding(path: str, f: Finding, targets: str) -> Iterator[Piece]:
    yield (path, "bold")
    yield f": {f.node}: " if f.node else ": "
    yield (f.code, SEVERITY_STYLE[f.severity.label])
    yield ("[*]", "green") if is_fixable(f.fix) else ""
    yield ("[?]", "yellow") if not f.certain else ""
    yield f" {f.name} "
    yield (f"({targets}) ", "magenta") if targets else ""
    yield f.message.removeprefix(f"{f.node}: ") if f.node else f.message


def _verdicts(model: ModelReport) -> Iterator[tuple[Piece, ...]]:
    for s in summaries(model, group_findings(model.findings)):
        verdict = (headline(s, named=False), VERDICT_STYLE[s.verdict.verdict])
        yield ((model.path, "bold"), ": ", (f"({s.verdict.target}) ", "magenta"), verdict)
    for note in model.not_checked:
        yield ((model.path, "bold"), f": not checked: {note}")
    for note in (*hidden_notes(model), accepted_text(model)):
        if note:
            yield ((model.path, "bold"), f": {note}")
