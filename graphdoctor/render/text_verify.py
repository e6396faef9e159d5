"""What ``verify`` prints: whether two models give the same numbers, and how far they are apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from graphdoctor.findings import TensorInfo
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.render.parts.words import cells, number_text, tensor_text

Outcome = Literal["same", "different", "inconclusive"]
_SHOWN = 3
"""Tensors of a part that are named."""
_STYLES = {"same": "green", "different": "red", "inconclusive": "yellow"}


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """One output compared; a number is ``None`` where it could not be taken.

    ``needed_rtol`` is the smallest ``rtol`` that would pass at this ``atol``, ``needed_atol`` the other way round;
    ``moves`` is how far the reference moves between two inputs, in tolerances.
    """

    name: str
    outcome: Outcome
    reason: str = ""
    rtol: float = 0.0
    atol: float = 0.0
    size: int = 0
    mismatched: int = 0
    max_abs: float | None = None
    mean_abs: float | None = None
    max_rel: float | None = None
    worst_index: tuple[int, ...] | None = None
    worst_reference: float | complex | None = None
    worst_candidate: float | complex | None = None
    needed_rtol: float | None = None
    needed_atol: float | None = None
    moves: float | None = None


@dataclass(frozen=True, slots=True)
class PartCheck:
    """The tensors of one level of a proof in parts, by name, and the largest differences there."""

    tensors: tuple[str, ...]
    max_abs: float
    max_rel: float


@dataclass(frozen=True, slots=True)
class VerifyView:
    """A reference and a candidate on the same inputs.

    ``reference_runner`` and ``candidate_runner`` say what ran them, ``data`` where the inputs came from. ``method`` is
    said where it is not the plain comparison of outputs; ``parts`` and ``notes`` are what it found besides.
    """

    reference: str
    candidate: str
    outcome: Outcome
    reason: str = ""
    outputs: tuple[OutputCheck, ...] = ()
    inputs: tuple[TensorInfo, ...] = ()
    data: str = ""
    reference_runner: str = ""
    candidate_runner: str = ""
    method: str = ""
    parts: tuple[PartCheck, ...] = ()
    notes: tuple[str, ...] = ()


def render_verify(view: VerifyView, options: RenderOptions) -> str:
    """The verdict, then a line of numbers and what they mean for each output."""
    page = Page(options)
    page.rule((f"{page.glyphs.rule * 2} {_title(view, page.width)}", "bold"))
    page.table(_facts(view), indent=0)
    for check in view.outputs:
        page.blank()
        _output(page, check)
    _parts(page, view)
    page.blank()
    page.para(
        _conclusion(view), style=f"bold {_STYLES[view.outcome]}", first=[_sign(page, view.outcome), " "], rest=["  "]
    )
    return page.text()


def _title(view: VerifyView, width: int) -> str:
    """The models by path where that fits on a line, else by name: the paths stand below."""
    full = f"{view.candidate} against {view.reference}"
    if cells(full) <= width - 7:
        return full
    return f"{PurePath(view.candidate).name} against {PurePath(view.reference).name}"


def _sign(page: Page, outcome: Outcome) -> Piece:
    sign = {"same": page.glyphs.ok, "different": page.glyphs.no}.get(outcome, page.glyphs.unknown)
    return (sign, f"bold {_STYLES[outcome]}")


def _facts(view: VerifyView) -> list[list[Piece]]:
    sides = [(view.reference, view.reference_runner), (view.candidate, view.candidate_runner)]
    named = [f"{path} ({runner})" if runner else path for path, runner in sides]
    rows = [("reference", named[0]), ("candidate", named[1])]
    rows.append(("inputs", ", ".join(tensor_text(t) for t in view.inputs)))
    rows += [("data", view.data), ("method", view.method)]
    return [[(label, "dim"), text] for label, text in rows if text]


def _output(page: Page, c: OutputCheck) -> None:
    page.line(_sign(page, c.outcome), " ", (c.name, "bold"), "  ", (c.outcome, _STYLES[c.outcome]))
    if c.reason:
        page.para(c.reason, first=["  "], rest=["  "])
    rows: list[list[Piece]] = [[(label, "dim"), text] for label, text in _numbers(c)]
    if rows:
        page.table(rows)


def _parts(page: Page, view: VerifyView) -> None:
    """Level by level what was compared within the graph, and what is to be known besides."""
    if view.parts:
        page.blank()
    for part in view.parts:
        names = ", ".join(part.tensors[:_SHOWN])
        more = f" and {len(part.tensors) - _SHOWN} more" if len(part.tensors) > _SHOWN else ""
        text = f"{names}{more}: max {number_text(part.max_abs)}, relative {number_text(part.max_rel)}"
        page.para(text, first=[("part  ", "dim")], rest=["      "])
    for note in view.notes:
        page.para(note, first=[("note  ", "dim")], rest=["      "])


def _numbers(c: OutputCheck) -> list[tuple[str, str]]:
    if c.max_abs is None:
        return []
    rows = [
        ("error", f"max {number_text(c.max_abs)}, mean {number_text(c.mean_abs)}, relative {number_text(c.max_rel)}")
    ]
    rows.append(("allowed", f"{number_text(c.atol)} + {number_text(c.rtol)} * |reference|"))
    if c.mismatched:
        rows.append(("outside", f"{c.mismatched:,} of {c.size:,} elements"))
    if c.worst_index is not None:
        at = ",".join(map(str, c.worst_index))
        rows.append(("worst at", f"[{at}]: {_value(c.worst_candidate)}, reference {_value(c.worst_reference)}"))
    rows.append(("would pass", _needed(c)))
    if c.moves is not None:
        moves = f"{c.moves:,.0f}" if 10 <= c.moves < 1e6 else number_text(c.moves)
        rows.append(("moves", f"by {moves} tolerances between two inputs"))
    return rows


def _value(value: float | complex | None) -> str:
    return "-" if value is None else f"{value:.7g}"


def _needed(c: OutputCheck) -> str:
    """The smallest tolerance that would pass, either way round."""
    ways = []
    if c.needed_rtol is not None:
        ways.append(f"rtol {number_text(c.needed_rtol)} (with atol {number_text(c.atol)})")
    if c.needed_atol is not None:
        ways.append(f"atol {number_text(c.needed_atol)} (with rtol {number_text(c.rtol)})")
    return "from " + " or ".join(ways) if ways else "at no tolerance"


def _conclusion(view: VerifyView) -> str:
    known = {
        "same": "same: every output agrees within tolerance",
        "different": "different: at least one output is outside tolerance",
        "inconclusive": "inconclusive: the outputs agree, but such a comparison could hardly have failed",
    }
    if view.outcome == "same" and view.method:
        return f"same: {view.method}; every part agrees, and each was given the same values in both graphs"
    return f"{view.outcome}: {view.reason}" if view.reason else known[view.outcome]
