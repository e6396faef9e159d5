"""What the findings mean for each target: chosen ones with their numbers, all of them at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.findings import ModelReport, Verdict
from graphdoctor.render.parts.groups import TargetSummary
from graphdoctor.render.parts.headline import (
    VERDICT_STYLE,
    accepted_text,
    fact_text,
    headline,
    nearest_text,
    reason_text,
)
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.words import plural

_SENTENCES = 3
"""Up to so many chosen targets get a sentence each, more a table."""


def verdict_lines(page: Page, model: ModelReport, found: Sequence[TargetSummary]) -> None:
    """Each chosen target's verdict, the nearest that passes, and every other target's."""
    page.blank()
    if len(found) > _SENTENCES:
        _table(page, found)
    else:
        for summary in found:
            _sentence(page, summary)
    near = nearest_text(model, found)
    if near:
        page.para(near, style="bold", first=["  "], rest=["  "])
    if model.accepted:
        page.para(accepted_text(model), first=["  "], rest=["  "])
    if len(model.verdicts) > len(found):
        _matrix(page, model)


def _sentence(page: Page, summary: TargetSummary) -> None:
    verdict = summary.verdict.verdict
    style = VERDICT_STYLE[verdict]
    page.para(headline(summary), style=style, first=[(page.glyphs.of(verdict), f"bold {style}"), " "], rest=["  "])
    if reason_text(summary):
        page.para(reason_text(summary), first=["  "], rest=["  "])


def _table(page: Page, found: Sequence[TargetSummary]) -> None:
    rows: list[list[Piece]] = [[(title, "bold") for title in ("", "target", "verdict", "ops converted", "findings")]]
    rows += [_row(page, summary) for summary in found]
    page.table(rows, indent=0, right=(3,))
    for summary in found:
        if reason_text(summary):
            page.item(f"{summary.verdict.target}:", reason_text(summary))


def _row(page: Page, summary: TargetSummary) -> list[Piece]:
    v = summary.verdict
    style = VERDICT_STYLE[v.verdict]
    sign, word = (page.glyphs.of(v.verdict), f"bold {style}"), (v.verdict.value, style)
    return [sign, (v.target, "bold"), word, f"{v.supported:,} of {v.total:,}", fact_text(summary)]


def model_lines(page: Page, found: Sequence[tuple[ModelReport, Sequence[TargetSummary]]]) -> None:
    """One line for each of several models: its verdict, or how many of its chosen targets pass."""
    page.blank()
    page.table([_model_row(page, model, summaries) for model, summaries in found], indent=0)


def _model_row(page: Page, model: ModelReport, found: Sequence[TargetSummary]) -> list[Piece]:
    verdicts = [s.verdict.verdict for s in found]
    worst = next((v for v in (Verdict.INCOMPATIBLE, Verdict.UNKNOWN) if v in verdicts), Verdict.COMPATIBLE)
    style = VERDICT_STYLE[worst]
    text = f"{verdicts.count(Verdict.COMPATIBLE)} of {plural(len(found), 'target')} pass"
    if len(found) == 1:
        text = fact_text(found[0])
    return [(page.glyphs.of(worst), f"bold {style}"), (worst.value, style), text, (model.path, "bold")]


def _matrix(page: Page, model: ModelReport) -> None:
    """Every target's verdict: one line for each kind of verdict; that no target passes is said as well."""
    page.blank()
    page.line(("all targets", "bold"))
    for verdict in (Verdict.COMPATIBLE, Verdict.UNKNOWN, Verdict.INCOMPATIBLE):
        names = [v.target for v in model.verdicts if v.verdict is verdict]
        label = f"  {page.glyphs.of(verdict)} {verdict.value:<12}  "
        if names or verdict is Verdict.COMPATIBLE:
            page.para(" ".join(names) or "none", first=[(label, VERDICT_STYLE[verdict])], rest=[" " * len(label)])
