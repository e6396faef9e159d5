"""What ``inspect`` prints: what a file is, its ends, its ops, its weights."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.findings import TensorInfo
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.render.parts.words import size_text, tensor_text
from graphdoctor.types import dims_text
from graphdoctor.words import plural

_OPS, _BAR = 12, 24


@dataclass(frozen=True, slots=True)
class RankedOutput:
    """A likely output and why it looks like one."""

    tensor: TensorInfo
    why: str = ""


@dataclass(frozen=True, slots=True)
class Weight:
    """A constant and its size in bytes."""

    tensor: TensorInfo
    size: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to do next, and the command for it."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class InspectView:
    """One file. Sizes in bytes; outputs best first, ops most frequent first, weights largest first."""

    path: str
    kind: str
    size: int
    sha256: str = ""
    producer: int = 0
    uff: str = ""
    """Versions and descriptors of a UFF file."""
    nodes: int = 0
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[RankedOutput, ...] = ()
    ops: tuple[tuple[str, int], ...] = ()
    weight_count: int = 0
    weight_size: int = 0
    weights: tuple[Weight, ...] = ()
    functions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


def render_inspect(view: InspectView, options: RenderOptions) -> str:
    """The page; all ops with ``options.show_nodes``, else the most frequent."""
    page = Page(options)
    page.rule((f"{page.glyphs.rule * 2} {view.path}", "bold"))
    page.table(_facts(view), indent=0)
    _ends(page, view)
    _ops(page, view, options)
    _weights(page, view)
    for note in view.notes:
        page.blank()
        page.para(note, style="yellow")
    for s in view.suggestions:
        page.blank()
        page.para(s.text, style="bold")
        if s.command:
            page.line("  ", (s.command, "green"))
    return page.text()


def _facts(view: InspectView) -> list[list[Piece]]:
    rows = [("kind", view.kind), ("size", size_text(view.size)), ("sha256", view.sha256)]
    if view.nodes:
        rows.append(("nodes", f"{view.nodes:,}"))
    if view.nodes and not view.uff:
        rows.append(("producer", str(view.producer) if view.producer else "not said"))
    rows.append(("format", view.uff))
    if view.functions:
        shown = ", ".join(view.functions[:3]) + (", ..." if len(view.functions) > 3 else "")
        rows.append(("functions", f"{len(view.functions):,}: {shown}"))
    return [[(label, "dim"), text] for label, text in rows if text]


def _ends(page: Page, view: InspectView) -> None:
    if not view.nodes:
        return
    page.blank()
    page.line(("inputs", "bold"))
    for t in view.inputs:
        page.line("  ", (tensor_text(t), "cyan"))
    if not view.inputs:
        page.line("  none found")
    page.line(("likely outputs" if len(view.outputs) > 1 else "outputs", "bold"))
    if view.outputs:
        page.table([[(tensor_text(o.tensor), "cyan"), (o.why, "dim")] for o in view.outputs])
    else:
        page.line("  none found")


def _ops(page: Page, view: InspectView, options: RenderOptions) -> None:
    if not view.ops:
        return
    page.blank()
    page.line((f"{plural(len(view.ops), 'op')}", "bold"))
    shown = view.ops if options.show_nodes or len(view.ops) <= _OPS + 1 else view.ops[:_OPS]
    most = max(count for _, count in view.ops)
    page.table([[op, f"{n:,}", (page.glyphs.block * max(1, n * _BAR // most), "blue")] for op, n in shown], right=(1,))
    if rest := view.ops[len(shown) :]:
        page.line(
            (f"  {page.glyphs.dots} {plural(len(rest), 'more op')}, {plural(sum(n for _, n in rest), 'node')}", "dim")
        )


def _weights(page: Page, view: InspectView) -> None:
    if not view.weights:
        return
    page.blank()
    page.line((f"{plural(view.weight_count, 'constant')}, {size_text(view.weight_size)}; the largest", "bold"))
    rows: list[list[Piece]] = [
        [w.tensor.name, (f"{w.tensor.dtype.label}{dims_text(w.tensor.shape)}", "cyan"), size_text(w.size)]
        for w in view.weights
    ]
    page.table(rows, right=(2,))
