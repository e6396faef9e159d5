"""What ``cure`` prints: its steps as a checklist, with times and what each left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.render.parts.words import seconds_text, size_text

Status = Literal["done", "failed", "unknown", "skipped"]
_STYLES = {"done": "green", "failed": "red", "unknown": "yellow", "skipped": "dim"}


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a step wrote; ``size`` in bytes."""

    path: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class CureStep:
    """One step: ``summary`` in one line, ``details`` below it. ``unknown``: done, and it proves nothing."""

    name: str
    status: Status
    seconds: float = 0.0
    summary: str = ""
    artefacts: tuple[Artefact, ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CureView:
    """The whole way of one model to one target; ``conclusion`` is its last line."""

    model: str
    target: str
    ok: bool
    steps: tuple[CureStep, ...]
    conclusion: str


def render_cure(view: CureView, options: RenderOptions) -> str:
    """The checklist and the conclusion."""
    page = Page(options)
    page.rule((f"{page.glyphs.rule * 2} cure {view.model} for {view.target}", "bold"))
    width = max((len(s.name) for s in view.steps), default=0)
    for step in view.steps:
        _step(page, step, width)
    page.blank()
    sign: Piece = (page.glyphs.ok, "bold green") if view.ok else (page.glyphs.no, "bold red")
    total = seconds_text(sum(s.seconds for s in view.steps))
    page.para(f"{view.conclusion} ({total})", style="bold", first=[sign, " "], rest=["  "])
    return page.text()


def render_cure_step(step: CureStep, options: RenderOptions, *, width: int = 7) -> str:
    """One line of the checklist alone, for progress while the rest is under way."""
    page = Page(options)
    _step(page, step, width)
    return page.text()


def _step(page: Page, step: CureStep, width: int) -> None:
    style = _STYLES[step.status]
    signs = {"done": page.glyphs.ok, "failed": page.glyphs.no, "unknown": page.glyphs.unknown}
    time = seconds_text(step.seconds) if step.status != "skipped" else ""
    head: list[Piece] = [(signs.get(step.status, page.glyphs.rule), f"bold {style}"), " "]
    head += [(step.name.ljust(width), "bold"), "  ", (f"{time:>8}", "dim"), "  "]
    indent = " " * (width + 14)
    page.para(step.summary or step.status, style=style if step.status != "done" else "", first=head, rest=[indent])
    for detail in step.details:
        page.para(detail, style="dim", first=[indent], rest=[indent])
    for a in step.artefacts:
        size = f"  {size_text(a.size)}" if a.size is not None else ""
        page.line(indent, (f"{page.glyphs.arrow} ", "dim"), (a.path, "cyan"), (size, "dim"))
