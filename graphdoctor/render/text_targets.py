"""What ``targets`` and ``packs`` print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphdoctor.findings import Safety
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.words import plural


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A target in short.

    Attributes:
        name: what ``--target`` takes.
        release: what it is called.
        parser: what reads the model.
        ops: how many ops it runs.
        limits: how many limits are known.
        sources: from how many places that is known.
        live: NVIDIA's own parser on this machine can be asked.
        default: it is checked where none is named.
    """

    name: str
    release: str
    parser: str
    ops: int
    limits: int
    sources: int
    live: bool = False
    default: bool = False


@dataclass(frozen=True, slots=True)
class RewriteRow:
    """One rewrite of a pack."""

    name: str
    safety: Safety
    summary: str


@dataclass(frozen=True, slots=True)
class PackRow:
    """A named set of rewrites."""

    name: str
    summary: str
    rewrites: tuple[RewriteRow, ...]


def render_targets(rows: Sequence[TargetRow], options: RenderOptions) -> str:
    """One line a target, in the order given."""
    page = Page(options)
    table: list[list[Piece]] = [
        [
            (r.name, "bold"),
            r.parser,
            plural(r.ops, "op"),
            plural(r.limits, "limit"),
            plural(r.sources, "source"),
            r.release + (", asked live" if r.live else "") + (" (default)" if r.default else ""),
        ]
        for r in rows
    ]
    if table:
        page.table(table, indent=0, right=(2, 3, 4))
        page.blank()
    page.line((plural(len(rows), "target"), "dim"))
    return page.text()


def render_packs(packs: Sequence[PackRow], options: RenderOptions) -> str:
    """Each pack with its rewrites, in the order they are applied."""
    page = Page(options)
    for pack in packs:
        page.blank()
        page.para(pack.summary, first=[(pack.name, "bold magenta"), "  "], rest=["  "])
        if pack.rewrites:
            page.table([[r.name, _safety(r.safety), (r.summary, "dim")] for r in pack.rewrites])
    page.blank()
    page.line((plural(len(packs), "pack"), "dim"))
    return page.text()


def _safety(safety: Safety) -> Piece:
    return (safety.value, {Safety.SAFE: "green", Safety.UNSAFE: "yellow"}.get(safety, "dim"))
