"""The format for people: findings grouped, then what they mean for each target."""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.findings import Finding, ModelReport, Report, Safety, Verdict
from graphdoctor.render.parts.groups import Group, TargetSummary, fix_packs, group_findings, is_fixable, summaries
from graphdoctor.render.parts.headline import (
    SEVERITY_STYLE,
    UNTOLD_STYLE,
    VERDICT_STYLE,
    count_text,
    example_nodes,
    fix_command,
    group_place,
    headline,
    nearest_text,
    packs_command,
    severity_label,
    target_text,
    told,
)
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.render.parts.words import plural, tensor_text

_GROUPS_OF_A_RULE = 5
"""A rule whose message differs from node to node shows this many; the rest is counted."""

_HOW = {
    Safety.SAFE: "without changing a result",
    Safety.UNSAFE: "with --unsafe-fixes (may change inputs, outputs, rounding)",
}


def render(report: Report, options: RenderOptions) -> str:
    """The report for a terminal of ``options.width`` columns."""
    page = Page(options)
    for model in report.models:
        groups = group_findings(model.findings)
        found = summaries(model, groups)
        page.blank()
        _header(page, model)
        _findings(page, model, groups, options)
        _targets(page, model, found)
        _not_checked(page, model)
        _repair(page, model, groups, options.packs)
    if options.statistics:
        _statistics(page, report)
    page.blank()
    _total(page, report)
    return page.text()


def _header(page: Page, model: ModelReport) -> None:
    page.rule((f"{page.glyphs.rule * 2} {model.path}", "bold"))
    facts = [model.kind or "unreadable"]
    if model.nodes:
        facts += [f"producer {model.producer}", plural(model.nodes, "node")]
    if model.sha256:
        facts.append(f"sha256 {model.sha256[:12]}")
    page.para(", ".join(facts), style="dim")
    if model.inputs or model.outputs:
        ends = [", ".join(tensor_text(t) for t in side) or "nothing" for side in (model.inputs, model.outputs)]
        page.para(f" {page.glyphs.arrow} ".join(ends), style="cyan")


def _findings(page: Page, model: ModelReport, groups: Sequence[Group], options: RenderOptions) -> None:
    shown: dict[str, int] = {}
    for group in groups:
        code = group.head.code
        shown[code] = shown.get(code, 0) + 1
        if options.show_nodes or shown[code] <= _GROUPS_OF_A_RULE:
            _group(page, group, target_text(group, model), options)
    for code, count in shown.items():
        if count > _GROUPS_OF_A_RULE and not options.show_nodes:
            page.blank()
            more = plural(count - _GROUPS_OF_A_RULE, f"further kind of {code}", f"further kinds of {code}")
            page.line((f"{page.glyphs.dots} {more} (--show-nodes lists them)", "dim"))


def _group(page: Page, group: Group, targets: str, options: RenderOptions) -> None:
    f = group.head
    color = SEVERITY_STYLE[f.severity.label] if f.certain else UNTOLD_STYLE
    page.blank()
    label = severity_label(f)
    heading: list[Piece] = [(label, f"bold {color}"), " ", (f.code, "bold"), f" {f.name}  "]
    page.para(targets, style="magenta", first=heading, rest=["  "])
    body = _body(page, group, options)
    for i, (label, text, style) in enumerate(body):
        last = i == len(body) - 1
        first: list[Piece] = [
            (page.glyphs.foot if last else page.glyphs.bar, color),
            " ",
            (label, f"bold {style}".strip()),
        ]
        rest: list[Piece] = [(" " if last else page.glyphs.bar, color), " " * (1 + len(label))]
        page.para(text, style=style, first=first, rest=rest)


def _body(page: Page, group: Group, options: RenderOptions) -> list[tuple[str, str, str]]:
    """Label, text and style of each paragraph under a group's heading."""
    f = group.head
    body = [("", told(f, group.message), "")]
    nodes, left = example_nodes(group, options)
    if nodes and options.show_nodes:
        body += [("", f"{group_place(group, page.glyphs)}:", "dim"), *(("  ", node, "dim") for node in nodes)]
    elif nodes:
        more = f" and {left:,} more" if left else ""
        body.append(("", f"{group_place(group, page.glyphs)}: {', '.join(nodes)}{more}", "dim"))
    if group.remedy:
        body.append(("help: ", group.remedy, ""))
    if f.fix is not None and is_fixable(f.fix):
        body.append(("fix: ", f"{fix_command(f.fix)} ({f.fix.safety.value})", "green"))
    return body


def _targets(page: Page, model: ModelReport, found: Sequence[TargetSummary]) -> None:
    page.blank()
    width = max((len(s.verdict.target) for s in found), default=0)
    for s in found:
        style = VERDICT_STYLE[s.verdict.verdict]
        sign = page.glyphs.of(s.verdict.verdict)
        first: list[Piece] = [(sign, f"bold {style}"), " ", (s.verdict.target.ljust(width), "bold"), "  "]
        rest = [" " * (width + 4)]
        page.para(headline(s), style=style, first=first, rest=rest)
        if s.verdict.reason:
            page.para(s.verdict.reason, first=rest, rest=rest)
    for note in dict.fromkeys(nearest_text(model, s) for s in found):
        if note:
            page.line("  ", (note, "bold"))
    if len(model.verdicts) > len(found):
        _matrix(page, model)


def _matrix(page: Page, model: ModelReport) -> None:
    """Every target's verdict: one line for each kind of verdict; that no target passes is said as well."""
    page.blank()
    page.line(("all targets", "bold"))
    for verdict in (Verdict.COMPATIBLE, Verdict.UNKNOWN, Verdict.INCOMPATIBLE):
        names = [v.target for v in model.verdicts if v.verdict is verdict]
        label = f"  {page.glyphs.of(verdict)} {verdict.value:<12}  "
        if names or verdict is Verdict.COMPATIBLE:
            page.para(" ".join(names) or "none", first=[(label, VERDICT_STYLE[verdict])], rest=[" " * len(label)])


def _not_checked(page: Page, model: ModelReport) -> None:
    if not model.not_checked:
        return
    page.blank()
    page.line(("not checked", "bold yellow"))
    for note in model.not_checked:
        page.item(page.glyphs.bullet, note)


def _repair(page: Page, model: ModelReport, groups: Sequence[Group], packs: Sequence[str]) -> None:
    """The command that removes what can be removed safely, and the one that goes further."""
    target = model.chosen[0] if len(model.chosen) == 1 else ""
    safe, unsafe = (fix_packs(groups, safety, packs) for safety in (Safety.SAFE, Safety.UNSAFE))
    every = tuple(dict.fromkeys(safe + unsafe))
    for safety, packs in ((Safety.SAFE, safe), (Safety.UNSAFE, every)):
        count = sum(g.count for g in groups if g.head.fix and g.head.fix.safety is safety)
        if not count:
            continue
        page.blank()
        more = "more " if safety is Safety.UNSAFE and safe else ""
        page.para(f"{plural(count, f'{more}finding', f'{more}findings')} can be fixed {_HOW[safety]}", style="bold")
        command = packs_command(packs, unsafe=safety is Safety.UNSAFE, path=model.path, target=target)
        page.line("  ", (command, "green"))


def _statistics(page: Page, report: Report) -> None:
    counts: dict[str, list[Finding]] = {}
    for f in sorted((f for m in report.models for f in m.findings), key=lambda f: f.sort_key):
        counts.setdefault(f.code, []).append(f)
    page.blank()
    rows: list[list[Piece]] = [[(h, "bold") for h in ("count", "code", "name", "severity", "fixed by")]]
    for code, members in sorted(counts.items(), key=lambda kv: (-len(kv[1]), kv[0])):
        f = members[0]
        fix = f"{f.fix.pack} ({f.fix.safety.value})" if f.fix else "-"
        color = SEVERITY_STYLE[f.severity.label]
        rows.append([f"{len(members):,}", (code, "bold"), f.name, (f.severity.label, color), fix])
    page.table(rows, right=(0,))


def _total(page: Page, report: Report) -> None:
    """The last line: how much was found, and in how many models."""
    findings = [f for m in report.models for f in m.findings]
    where = f" in {plural(len(report.models), 'model')}" if len(report.models) != 1 else ""
    page.para(f"{count_text(findings)}{where}", style="bold")
