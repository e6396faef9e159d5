"""GitHub-flavoured Markdown, for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphdoctor.findings import ModelReport, Report, Severity, Verdict
from graphdoctor.render.parts.glyphs import UNICODE
from graphdoctor.render.parts.groups import (
    Group,
    Section,
    TargetSummary,
    group_findings,
    is_fixable,
    sections,
    summaries,
)
from graphdoctor.render.parts.headline import (
    accepted_text,
    count_text,
    facts,
    fix_command,
    group_place,
    headline,
    hidden_notes,
    nearest_text,
    place_nodes,
    reason_text,
    repairs,
    severity_label,
    target_text,
    told,
)
from graphdoctor.render.parts.markdown_text import code, escape, table
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.statistics import rule_counts
from graphdoctor.render.parts.words import plural, tensor_text

_SIGNS = {Verdict.COMPATIBLE: "✅", Verdict.INCOMPATIBLE: "❌", Verdict.UNKNOWN: "❔"}
_SENTENCES = 3
"""Up to so many chosen targets get a sentence each, more a table."""


def render(report: Report, options: RenderOptions) -> str:
    """A section for each model: verdicts, findings, what was not checked, how to repair it."""
    blocks = [block for model in report.models for block in _model(model, options)]
    if options.statistics:
        blocks += _statistics(report)
    return "\n\n".join([f"## {escape(report.tool)}", *blocks]) + "\n"


def _model(model: ModelReport, options: RenderOptions) -> Iterator[str]:
    groups = group_findings(model.findings)
    yield f"### {code(model.path)}"
    ends = [", ".join(code(tensor_text(t)) for t in side) or "nothing" for side in (model.inputs, model.outputs)]
    yield f"{escape(model.kind)}, {plural(model.nodes, 'node')}, {' → '.join(ends)}"
    yield from _verdicts(model, summaries(model, groups))
    if groups:
        yield f"**{count_text(groups)}**"
    for severity in sorted(Severity, reverse=True):
        yield from _findings(model, [s for s in sections(groups) if s.head.severity is severity], options)
    for title, kept in (("Not checked", model.not_checked), ("Not shown", hidden_notes(model))):
        if kept:
            yield "\n".join([f"**{title}**", "", *(f"- {escape(note)}" for note in kept)])
    for text, command in repairs(model, groups):
        yield f"**{escape(text)}**: {code(command)}"


def _verdicts(model: ModelReport, found: Sequence[TargetSummary]) -> Iterator[str]:
    notes = []
    if len(found) > _SENTENCES:
        yield table(("", "target", "verdict", "ops that convert", "findings"), [_verdict_row(s) for s in found])
    else:
        notes = [f"- {_SIGNS[s.verdict.verdict]} {escape(headline(s))}" for s in found]
    notes += [f"- {escape(s.verdict.target)}: {escape(reason_text(s))}" for s in found if reason_text(s)]
    if nearest := nearest_text(model, found):
        notes.append(f"- {escape(nearest)}")
    if model.accepted:
        notes.append(f"- {escape(accepted_text(model))}")
    if notes:
        yield "\n".join(notes)
    if len(model.verdicts) > len(found):
        yield f"All targets: {'; '.join(_matrix(model))}"


def _verdict_row(s: TargetSummary) -> list[str]:
    v = s.verdict
    count = f"{v.supported:,} of {v.total:,}"
    return [_SIGNS[v.verdict], escape(v.target), v.verdict.value, count, escape(", ".join(facts(s)))]


def _matrix(model: ModelReport) -> Iterator[str]:
    for verdict in (Verdict.COMPATIBLE, Verdict.UNKNOWN, Verdict.INCOMPATIBLE):
        names = [v.target for v in model.verdicts if v.verdict is verdict]
        if names or verdict is Verdict.COMPATIBLE:
            yield f"{_SIGNS[verdict]} {verdict.value} {escape(', '.join(names) or 'none')}"


def _findings(model: ModelReport, found: Sequence[Section], options: RenderOptions) -> Iterator[str]:
    """The table of one severity; what does not stand in the way is folded away."""
    if not found:
        return
    rows = [_row(g, model, options) for s in found for g in s.groups]
    text = table(("", "rule", "target", "finding", "where", "what to do"), rows)
    if found[0].head.severity is Severity.ERROR:
        yield text
        return
    title = count_text(g for s in found for g in s.groups)
    yield f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _row(group: Group, model: ModelReport, options: RenderOptions) -> list[str]:
    f = group.head
    rule = f"[{f.code}]({options.page_of(f.code)})" if options.help_base else f.code
    fix = f"{code(fix_command(f.fix))} ({f.fix.safety.value})" if f.fix is not None and is_fixable(f.fix) else ""
    return [
        severity_label(f),
        f"{rule} {escape(f.name)}",
        escape(target_text(group.targets, model)),
        escape(told(f, group.message)),
        _where(group, options),
        fix or escape(group.remedy),
    ]


def _where(group: Group, options: RenderOptions) -> str:
    place = escape(group_place(group, UNICODE))
    nodes, left = place_nodes(group, options)
    more = f" and {left:,} more" if left else ""
    return f"{place}<br>{', '.join(code(n) for n in nodes)}{more}" if nodes else place


def _statistics(report: Report) -> list[str]:
    counts = rule_counts((m.path, f) for m in report.models for f in m.findings)
    rows = [[f"{c.nodes:,}", c.code, escape(c.name), c.severity.label, escape(c.fixed_by)] for c in counts]
    return [table(("nodes", "rule", "name", "severity", "fixed by"), rows)] if rows else []
