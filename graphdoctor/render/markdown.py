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
    fact_text,
    failed_text,
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
from graphdoctor.render.parts.words import tensor_text
from graphdoctor.words import plural

_SIGNS = {Verdict.COMPATIBLE: "✅", Verdict.INCOMPATIBLE: "❌", Verdict.UNKNOWN: "❔"}
_ROOM = 160
"""How many characters of examples stand for a group."""
_SENTENCES = 3
"""Up to so many chosen targets get a sentence each, more a table."""


def render(report: Report, options: RenderOptions) -> str:
    """A section for each model: verdicts, findings, what was not checked, how to repair it."""
    blocks = [block for model in report.models for block in _model(model, options)]
    blocks += [f"### {code(f.path, cell=False)}\n\n{escape(failed_text(f))}" for f in report.failed]
    if options.statistics:
        blocks += _statistics(report)
    return "\n\n".join([f"## {escape(report.tool)}", *blocks]) + "\n"


def _model(model: ModelReport, options: RenderOptions) -> Iterator[str]:
    groups = group_findings(model.findings)
    yield f"### {code(model.path, cell=False)}"
    ends = [
        ", ".join(code(tensor_text(t), cell=False) for t in side) or "nothing" for side in (model.inputs, model.outputs)
    ]
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
        yield f"**{escape(text)}**: {code(command, cell=False)}"


def _verdicts(model: ModelReport, found: Sequence[TargetSummary]) -> Iterator[str]:
    notes = []
    if len(found) > _SENTENCES:
        yield table(("", "target", "verdict", "ops converted", "findings"), [_verdict_row(s) for s in found])
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
    return [_SIGNS[v.verdict], escape(v.target), v.verdict.value, count, escape(fact_text(s))]


def _matrix(model: ModelReport) -> Iterator[str]:
    for verdict in (Verdict.COMPATIBLE, Verdict.UNKNOWN, Verdict.INCOMPATIBLE):
        names = [v.target for v in model.verdicts if v.verdict is verdict]
        if names or verdict is Verdict.COMPATIBLE:
            yield f"{_SIGNS[verdict]} {verdict.value} {escape(', '.join(names) or 'none')}"


def _findings(model: ModelReport, found: Sequence[Section], options: RenderOptions) -> Iterator[str]:
    """The rules of one severity, as a list: node names are too long for a table. Errors alone are not folded away."""
    if not found:
        return
    text = "\n".join(line for section in found for line in _section(section, model, options))
    if found[0].head.severity is Severity.ERROR:
        yield text
        return
    title = count_text(g for s in found for g in s.groups)
    yield f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _section(section: Section, model: ModelReport, options: RenderOptions) -> Iterator[str]:
    f = section.head
    page = options.page_of(f.code)
    rule = f"[{f.code}]({page})" if page else f.code
    targets = target_text(section.targets, model)
    on = f" ({escape(targets)})" if targets else ""
    yield f"- **{severity_label(f)} {rule}** {escape(f.name)}{on}"
    for groups in section.reasons:
        yield f"  - {escape(told(groups[0].head, groups[0].message))}"
        yield from (f"    - {_where(g, section, model, options)}" for g in groups if g.nodes)
    for remedy in dict.fromkeys(g.remedy for g in section.groups if g.remedy):
        yield f"  - help: {escape(remedy)}"
    for fix in dict.fromkeys(g.head.fix for g in section.groups):
        if fix is not None and is_fixable(fix):
            yield f"  - fix: {code(fix_command(fix), cell=False)} ({fix.safety.value})"


def _where(group: Group, section: Section, model: ModelReport, options: RenderOptions) -> str:
    targets = "" if group.targets == section.targets else f"{escape(target_text(group.targets, model))}: "
    nodes, left = place_nodes(group, options, _ROOM)
    more = f" and {left:,} more" if left else ""
    return f"{targets}{escape(group_place(group, UNICODE))}: {', '.join(code(n, cell=False) for n in nodes)}{more}"


def _statistics(report: Report) -> list[str]:
    counts = rule_counts((m.path, f) for m in report.models for f in m.findings)
    rows = [[f"{c.nodes:,}", c.code, escape(c.name), c.severity.label, escape(c.fixed_by)] for c in counts]
    return [table(("nodes", "rule", "name", "severity", "fixed by"), rows)] if rows else []
