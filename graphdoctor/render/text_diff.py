"""What ``diff`` prints: two models side by side."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page
from graphdoctor.render.text_fix import NodeDiff, render_diff
from graphdoctor.words import plural

_SHOWN_NAMES = 10


@dataclass(frozen=True, slots=True)
class DiffView:
    """What differs between two models; ``nodes`` are the numbers of their nodes."""

    before: str
    after: str
    nodes: tuple[int, int]
    ends: tuple[str, ...]
    edits: tuple[NodeDiff, ...]
    renamed: tuple[tuple[str, str], ...]
    hints: int


def render_diff_view(view: DiffView, options: RenderOptions) -> str:
    """The differences in the manner of a unified diff, then how many of which kind."""
    page = Page(options)
    if view.ends:
        for line in view.ends:
            page.item(page.glyphs.bullet, line, style="yellow")
    _renamed(page, view, options)
    summary = Page(options)
    summary.line((_outcome(view), "bold"))
    if view.hints:
        summary.line(
            f"{plural(view.hints, 'node')} {'differ' if view.hints > 1 else 'differs'} in private attributes alone"
        )
    edits = render_diff(view.edits, options, before=view.before, after=view.after)
    return "\n".join(text for text in (edits, page.text(), summary.text()) if text)


def _renamed(page: Page, view: DiffView, options: RenderOptions) -> None:
    if not view.renamed:
        return
    page.line((f"@@ renamed: {plural(len(view.renamed), 'node')} @@", "cyan"))
    shown = view.renamed if options.show_nodes else view.renamed[:_SHOWN_NAMES]
    for old, new in shown:
        page.line(f"  {old} {page.glyphs.arrow} {new}")
    if len(shown) < len(view.renamed):
        page.line(f"  and {len(view.renamed) - len(shown):,} more (--show-nodes lists them)")


def _outcome(view: DiffView) -> str:
    kinds = [("changed", "changed"), ("removed", "removed"), ("added", "added")]
    parts = [f"{n:,} {word}" for kind, word in kinds if (n := sum(e.rewrite == kind for e in view.edits))]
    if view.renamed:
        parts.append(f"{len(view.renamed):,} renamed")
    if not parts:
        return "inputs or outputs differ, no node does" if view.ends else "no difference"
    return f"{', '.join(parts)}; {view.nodes[0]:,} nodes before, {view.nodes[1]:,} after"
