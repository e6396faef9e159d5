"""The format for people: findings grouped, then what they mean for each target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphdoctor.findings import ModelReport, Report
from graphdoctor.render.parts.groups import (
    Group,
    Section,
    TargetSummary,
    group_findings,
    sections,
    summaries,
)
from graphdoctor.render.parts.headline import (
    SEVERITY_STYLE,
    UNTOLD_STYLE,
    count_text,
    failed_text,
    fix_text,
    group_place,
    hidden_notes,
    place_text,
    repairs,
    severity_label,
    target_text,
    told,
)
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.render.parts.statistics import RuleCount, rule_counts
from graphdoctor.render.parts.verdict_lines import model_lines, verdict_lines
from graphdoctor.render.parts.words import tensor_text
from graphdoctor.words import plural

_Line = tuple[int, str, str, str]
"""Indent, label, text and style of a paragraph under a heading."""
_REASONS = 5
"""A rule with more reasons shows this many; the rest is counted."""


def render(report: Report, options: RenderOptions) -> str:
    """The report for a terminal of ``options.width`` columns."""
    page = Page(options)
    every: list[Group] = []
    found: list[tuple[ModelReport, Sequence[TargetSummary]]] = []
    for model in report.models:
        groups = group_findings(model.findings)
        every += groups
        page.blank()
        _header(page, model)
        _findings(page, model, groups, options)
        found.append((model, summaries(model, groups)))
        verdict_lines(page, *found[-1])
        _not_checked(page, model)
        _repair(page, model, groups)
    if options.statistics:
        _statistics(page, report)
    if len(found) > 1:
        model_lines(page, found)
    page.blank()
    for failed in report.failed:
        page.para(failed_text(failed), first=[(f"{failed.path} ", "bold")], rest=["  "], style="red")
    _total(page, every, len(report.models))
    return page.text()


def _header(page: Page, model: ModelReport) -> None:
    page.rule((f"{page.glyphs.rule * 2} {model.path}", "bold"))
    facts = [model.kind or "unreadable"]
    if model.nodes:
        facts += [f"producer {model.producer}"] * (model.kind != "uff") + [plural(model.nodes, "node")]
    if model.sha256:
        facts.append(f"sha256 {model.sha256[:12]}")
    page.para(", ".join(facts), style="dim")
    if model.inputs or model.outputs:
        ends = [", ".join(tensor_text(t) for t in side) or "nothing" for side in (model.inputs, model.outputs)]
        page.para(f" {page.glyphs.arrow} ".join(ends), style="cyan")


def _findings(page: Page, model: ModelReport, groups: Sequence[Group], options: RenderOptions) -> None:
    for section in sections(groups):
        f = section.head
        color = SEVERITY_STYLE[f.severity.label] if f.certain else UNTOLD_STYLE
        page.blank()
        heading: list[Piece] = [(severity_label(f), f"bold {color}"), " ", (f.code, "bold"), f" {f.name}  "]
        page.para(target_text(section.targets, model), style="magenta", first=heading, rest=["  "])
        _barred(page, list(_section(page, section, model, options)), color)


def _barred(page: Page, body: Sequence[_Line], color: str) -> None:
    """Paragraphs under a heading, tied to it by a bar."""
    for i, (indent, label, text, style) in enumerate(body):
        last = i == len(body) - 1
        first: list[Piece] = [(page.glyphs.foot if last else page.glyphs.bar, color), " " * (1 + indent)]
        rest: list[Piece] = [(" " if last else page.glyphs.bar, color), " " * (1 + indent + len(label))]
        page.para(text, style=style, first=[*first, (label, f"bold {style}".strip())], rest=rest)


def _section(page: Page, section: Section, model: ModelReport, options: RenderOptions) -> Iterator[_Line]:
    """Each reason with its places; help and fix once, where they are the same for all."""
    remedy, fix = section.common(lambda g: g.remedy), section.common(lambda g: fix_text(g.head))
    shown = section.reasons if options.show_nodes else section.reasons[:_REASONS]
    for groups in shown:
        head = groups[0].head
        yield 0, "", told(head, groups[0].message), ""
        for group in groups:
            label = "" if group.targets == section.targets else target_text(group.targets, model)
            yield from _places(page, group, f"{label}: " if label else "", options)
        yield from _advice("" if remedy is not None else groups[0].remedy, "" if fix is not None else fix_text(head))
    if len(shown) < len(section.reasons):
        more = plural(len(section.reasons) - len(shown), "further reason")
        yield 0, "", f"{page.glyphs.dots} {more} (--show-nodes lists them)", "dim"
    yield from _advice(remedy or "", fix or "")


def _places(page: Page, group: Group, label: str, options: RenderOptions) -> Iterator[_Line]:
    if not options.show_nodes:
        yield 2, "", label + place_text(group, options, page.glyphs, 2 * page.width), "dim"
        return
    yield 2, "", f"{label}{group_place(group, page.glyphs)}", "dim"
    for f in group.findings if group.nodes else ():
        yield 4, "", f"{f.op} {f.node}" if len(group.ops) > 1 else f.node, "dim"
        if group.alike:
            yield 6, "", f.message, "dim"
        for other in sorted(set(f.covers) - {f.node}):
            yield 6, "", f"with {other}", "dim"


def _advice(remedy: str, fix: str) -> Iterator[_Line]:
    if remedy:
        yield 0, "help: ", remedy, ""
    if fix:
        yield 0, "fix: ", fix, "green"


def _not_checked(page: Page, model: ModelReport) -> None:
    for title, notes in (("not checked", model.not_checked), ("not shown", hidden_notes(model))):
        if notes:
            page.blank()
            page.line((title, "bold yellow"))
        for note in notes:
            page.item(page.glyphs.bullet, note)


def _repair(page: Page, model: ModelReport, groups: Sequence[Group]) -> None:
    for text, command in repairs(model, groups):
        page.blank()
        page.para(text, style="bold")
        page.line("  ", (command, "green"))


def _statistics(page: Page, report: Report) -> None:
    counts = rule_counts((m.path, f) for m in report.models for f in m.findings)
    if not counts:
        return
    page.blank()
    titles = ("nodes", "", "code", "name", "severity", "fixed by")
    rows: list[list[Piece]] = [[(title, "bold") for title in titles]]
    rows += [_count_row(c) for c in counts]
    page.table(rows, right=(0,))
    page.line(("  [*] graphdoctor fix removes them", "dim"))


def _count_row(c: RuleCount) -> list[Piece]:
    mark = ("[*]", "green") if c.fix else ""
    severity = (c.severity.label, SEVERITY_STYLE[c.severity.label])
    return [f"{c.nodes:,}", mark, (c.code, "bold"), c.name, severity, c.fixed_by or "-"]


def _total(page: Page, groups: Sequence[Group], models: int) -> None:
    """The last line: how much was found, and in how many models."""
    where = f" in {plural(models, 'model')}" if models != 1 else ""
    page.para(f"{count_text(groups)}{where}", style="bold")
