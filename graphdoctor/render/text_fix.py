"""What ``fix`` prints: the node-level diff, and what was applied and refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from graphdoctor.findings import Safety, TargetVerdict
from graphdoctor.render.parts.headline import VERDICT_STYLE
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.words import plural


@dataclass(frozen=True, slots=True)
class NodeDiff:
    """One edit in the compact text form of a graph: ``before`` is empty for a new node, ``after`` for a removed one."""

    before: str
    after: str
    rewrite: str


@dataclass(frozen=True, slots=True)
class AppliedRewrite:
    """A rewrite that was applied ``count`` times; ``note`` is what to know of it before the model is used."""

    rewrite: str
    pack: str
    safety: Safety
    count: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRewrite:
    """A place where a rewrite does not apply, and why; ``held_back``: it would, with ``--unsafe-fixes``."""

    rewrite: str
    node: str
    reason: str
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class RolledBackRewrite:
    """A rewrite that broke an invariant of the graph and was undone."""

    rewrite: str
    reason: str


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A target before and after."""

    before: TargetVerdict
    after: TargetVerdict


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """A script that changed the graph before any rewrite: nodes added, removed and changed."""

    script: str
    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class FixSummary:
    """One fixed model; ``output`` is empty when nothing was written. Applied rewrites are in the order of first use."""

    path: str
    output: str
    nodes_before: int
    nodes_after: int
    applied: tuple[AppliedRewrite, ...] = ()
    refused: tuple[RefusedRewrite, ...] = ()
    rolled_back: tuple[RolledBackRewrite, ...] = ()
    rounds: int = 0
    converged: bool = True
    verdicts: tuple[VerdictChange, ...] = ()
    script: ScriptRun | None = None


def render_diff(diffs: Sequence[NodeDiff], options: RenderOptions, *, before: str = "", after: str = "") -> str:
    """The edits, each rewrite's together, in the manner of a unified diff; empty when there is none.

    Args:
        diffs: the edits in the order they were made.
        options: colour and characters.
        before: path of the model as it is.
        after: path of the model as it would be.
    """
    page = Page(options)
    if diffs and (before or after):
        page.line((f"--- {before}", "bold"))
        page.line((f"+++ {after or before}", "bold"))
    for rewrite, edits in groupby(diffs, key=lambda d: d.rewrite):
        members = list(edits)
        page.line((f"@@ {rewrite}: {plural(len(members), 'edit')} @@", "cyan"))
        for d in members:
            _lines(page, "-", d.before, "red")
            _lines(page, "+", d.after, "green")
    return page.text()


def _lines(page: Page, sign: str, text: str, style: str) -> None:
    for line in text.splitlines():
        page.line((f"{sign} {line}", style))


def render_fix_summary(view: FixSummary, options: RenderOptions) -> str:
    """What was applied, refused and undone, and what it did to the verdicts."""
    page = Page(options)
    page.rule((f"{page.glyphs.rule * 2} {view.path}", "bold"))
    _applied(page, view)
    _refused(page, [r for r in view.refused if not r.held_back], "refused", options)
    _refused(page, [r for r in view.refused if r.held_back], "held back: --unsafe-fixes would apply these", options)
    for r in view.rolled_back:
        page.blank()
        page.para(f"{r.rewrite} was undone: {r.reason}. Please report this", style="red")
    _verdicts(page, view.verdicts)
    page.blank()
    _outcome(page, view)
    return page.text()


def _applied(page: Page, view: FixSummary) -> None:
    if view.script is not None:
        run = view.script
        page.para(f"{run.script}: {plural(run.added, 'node')} added, {run.removed:,} removed, {run.changed:,} changed")
    if not view.applied:
        if view.script is None:
            page.line("no rewrite applies")
        return
    total = sum(a.count for a in view.applied)
    page.line((f"{plural(total, 'rewrite')} applied in {plural(view.rounds, 'round')}", "bold"))
    rows: list[list[Piece]] = [
        [(page.glyphs.ok, "green"), f"{a.count:,}", a.rewrite, (a.pack, "magenta"), _safety(a.safety)]
        for a in view.applied
    ]
    page.table(rows, right=(1,))
    for a in view.applied:
        if a.note:
            page.blank()
            page.item(page.glyphs.bullet, f"{a.rewrite}: {a.note}", style="yellow")
    if not view.converged:
        page.para("stopped before it came to rest: the rewrites keep undoing each other", style="yellow")


def _safety(safety: Safety) -> Piece:
    return (safety.value, "dim" if safety is Safety.SAFE else "yellow")


def _refused(page: Page, refused: Sequence[RefusedRewrite], title: str, options: RenderOptions) -> None:
    if not refused:
        return
    page.blank()
    page.line((title, "bold yellow"))
    for (rewrite, reason), nodes in _by_reason(refused).items():
        shown = nodes if options.show_nodes or len(nodes) <= options.examples + 1 else nodes[: options.examples]
        more = f" and {len(nodes) - len(shown):,} more" if len(nodes) > len(shown) else ""
        page.item(page.glyphs.bullet, f"{rewrite}: {reason}")
        page.item(" ", f"{', '.join(shown)}{more}", style="dim")


def _by_reason(refused: Iterable[RefusedRewrite]) -> dict[tuple[str, str], list[str]]:
    grouped: dict[tuple[str, str], list[str]] = {}
    for r in refused:
        grouped.setdefault((r.rewrite, r.reason), []).append(r.node)
    return grouped


def _verdicts(page: Page, changes: Sequence[VerdictChange]) -> None:
    if not changes:
        return
    page.blank()
    width = max(len(c.after.target) for c in changes)
    for c in changes:
        was, now = c.before, c.after
        page.line(
            (page.glyphs.of(now.verdict), VERDICT_STYLE[now.verdict]),
            " ",
            (now.target.ljust(width), "bold"),
            f"  {was.verdict.value} ({was.supported:,} of {was.total:,} ops) {page.glyphs.arrow} ",
            (now.verdict.value, VERDICT_STYLE[now.verdict]),
            f" ({now.supported:,} of {now.total:,})",
        )


def _outcome(page: Page, view: FixSummary) -> None:
    nodes = f"{plural(view.nodes_before, 'node')} {page.glyphs.arrow} {view.nodes_after:,}"
    if view.output:
        page.line(("wrote ", "bold"), (view.output, "bold green"), f", {nodes}")
    else:
        page.line(("nothing was written", "bold"), f", {nodes}" if view.applied else "")
