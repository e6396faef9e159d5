"""What ``explain`` prints of a rewrite or a pack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphdoctor.findings import Safety
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page

_SAFETY = {
    Safety.SAFE: "Safe: results stay as they are.",
    Safety.UNSAFE: "Unsafe: it may change results or the I/O contract; it needs --unsafe-fixes.",
    Safety.MANUAL: "To be done by hand.",
}


@dataclass(frozen=True, slots=True)
class RewritePage:
    """One rewrite.

    Attributes:
        name: of the rewrite.
        pack: that states it.
        owner: who the pack is from: graphdoctor, a package, or a folder of the configuration.
        file: where it is written.
        safety: what it may change.
        summary: what it does.
        note: what to know.
        fixes: codes of rules.
        pattern: lines of the pattern and of what takes its place, where it is declared.
        also: other packs that have it.
    """

    name: str
    pack: str
    owner: str
    file: str
    safety: Safety
    summary: str
    note: str
    fixes: tuple[str, ...]
    pattern: tuple[str, ...]
    also: tuple[str, ...]


def render_rewrite_page(page: RewritePage, options: RenderOptions) -> str:
    """The page for a terminal."""
    made = Page(options)
    made.line((page.name, "bold"), "  ", (page.safety.value, {Safety.SAFE: "green"}.get(page.safety, "yellow")))
    made.para(page.summary)
    for title, lines in _sections(page):
        made.blank()
        made.line((title, "bold"))
        for line in lines:
            made.para(line, first=["  "], rest=["  "])
    return made.text()


def rewrite_page_markdown(page: RewritePage) -> str:
    """The same page as Markdown."""
    blocks = [f"# {page.name}", page.summary]
    for title, lines in _sections(page):
        blocks += [f"## {title}", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join(blocks) + "\n"


def _sections(page: RewritePage) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "Safety", tuple(t for t in (_SAFETY[page.safety], page.note) if t)
    if page.pattern:
        yield "Pattern", page.pattern
    if page.fixes:
        yield "Repairs", (", ".join(page.fixes),)
    packs = ", ".join((page.pack, *page.also))
    yield "Where it is", (f"graphdoctor fix MODEL --rules {page.pack}", f"Packs: {packs}", f"{page.owner}: {page.file}")
