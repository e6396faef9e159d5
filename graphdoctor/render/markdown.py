"""GitHub-flavoured Markdown, for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphdoctor.findings import ModelReport, Report, Verdict
from graphdoctor.render.parts.glyphs import UNICODE
from graphdoctor.render.parts.groups import Group, group_findings, is_fixable, summaries
from graphdoctor.render.parts.headline import (
    count_text,
    example_nodes,
    fix_command,
    group_place,
    headline,
    nearest_text,
    severity_label,
    target_text,
)
from graphdoctor.render.parts.markdown_text import code, escape, table
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.words import plural, tensor_text

_SIGNS = {Verdict.COMPATIBLE: "✅", Verdict.INCOMPATIBLE: "❌", Verdict.UNKNOWN: "❔"}


def render(report: Report, options: RenderOptions) -> str:
    """A section for each model: verdicts, findings, what was not checked."""
    blocks = [block for model in report.models for block in _model(model, options)]
    return "\n\n".join([f"## {escape(report.tool)}", *blocks]) + "\n"


def _model(model: ModelReport, options: RenderOptions) -> Iterator[str]:
    groups = group_findings(model.findings)
    yield f"### {code(model.path)}"
    ends = [", ".join(code(tensor_text(t)) for t in side) or "nothing" for side in (model.inputs, model.outputs)]
    yield f"{escape(model.kind)}, {plural(model.nodes, 'node')}, {' → '.join(ends)}"
    yield "\n".join(_verdicts(model, groups))
    if groups:
        yield f"**{count_text(model.findings)}**"
        yield table(("", "rule", "target", "finding", "where", "fix"), [_row(g, model, options) for g in groups])
    if model.not_checked:
        yield "\n".join(["**Not checked**", "", *(f"- {escape(note)}" for note in model.not_checked)])


def _verdicts(model: ModelReport, groups: Sequence[Group]) -> Iterator[str]:
    found = summaries(model, groups)
    for s in found:
        yield f"- {_SIGNS[s.verdict.verdict]} **{escape(s.verdict.target)}** {escape(headline(s))}"
    for note in dict.fromkeys(nearest_text(model, s) for s in found):
        if note:
            yield f"- {escape(note)}"
    if len(model.verdicts) > len(found):
        every = (f"{_SIGNS[v.verdict]} {escape(v.target)}" for v in model.verdicts)
        yield f"- all targets: {', '.join(every)}"


def _row(group: Group, model: ModelReport, options: RenderOptions) -> list[str]:
    f = group.head
    rule = f"[{f.code}]({options.help_base}{f.code})" if options.help_base else f.code
    nodes, left = example_nodes(group, options)
    where = (
        f"{escape(group_place(group, UNICODE))}<br>{', '.join(code(n) for n in nodes)}" if nodes else "the whole model"
    )
    fix = f"{code(fix_command(f.fix))} ({f.fix.safety.value})" if f.fix is not None and is_fixable(f.fix) else ""
    return [
        severity_label(f),
        f"{rule} {escape(f.name)}",
        escape(target_text(group, model)),
        escape(group.message),
        where + (f" and {left:,} more" if left else ""),
        fix or escape(group.remedy),
    ]
