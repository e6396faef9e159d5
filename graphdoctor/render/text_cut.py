"""What a cut prints: each part in the order it runs, what goes in and out, and where it was written."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page
from graphdoctor.words import plural

_NAMED = 4
"""More tensors than these are counted."""


@dataclass(frozen=True, slots=True)
class CutPart:
    """One part: ``preprocess``, ``engine``, ``postprocess``; ``place`` is its file, empty where nothing was written."""

    name: str
    nodes: int
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    place: str = ""


@dataclass(frozen=True, slots=True)
class CutView:
    """A cut graph. ``target`` is empty where the user said where to cut."""

    path: str
    target: str
    parts: tuple[CutPart, ...]

    @property
    def is_whole(self) -> bool:
        """True if nothing had to be cut off."""
        return len(self.parts) == 1


def render_cut(view: CutView, options: RenderOptions) -> str:
    """The parts, one a paragraph."""
    page = Page(options)
    goal = f" for {view.target}" if view.target else ""
    if view.is_whole:
        page.line((f"{view.path}: nothing to cut{goal}; the engine takes all of it", "bold"))
    else:
        page.line((f"{view.path}: cut{goal} in {plural(len(view.parts), 'part')}", "bold"))
    for part in view.parts:
        page.line(f"  {part.name:<12}", (plural(part.nodes, "node"), "dim"), f"  {part.place}" if part.place else "")
        page.item("in ", _names(part.takes), indent=4)
        page.item("out", _names(part.gives), indent=4)
    return page.text()


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
