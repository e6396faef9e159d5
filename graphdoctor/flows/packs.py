"""packs and explain: every pack that there is, whoever brings it, and the page of one rewrite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphdoctor.errors import InputError
from graphdoctor.render.text_packs import RewritePage
from graphdoctor.surgery import load_pack, pack_rows
from graphdoctor.surgery.packs import PackRow, RewriteRow
from graphdoctor.surgery.shelf import PackFile, Places, shelf


def all_packs(places: Places) -> tuple[list[tuple[PackFile, PackRow, tuple[RewriteRow, ...]]], list[InputError]]:
    """Each pack with its rewrites, those it includes first; and what is wrong with packs that cannot be had."""
    found, wrong = [], list(shelf(places).broken.values())
    for name, file in shelf(places).packs.items():
        try:
            found.append((file, load_pack(name, places), pack_rows(name, places)))
        except InputError as e:
            wrong.append(e)
    return found, wrong


def rewrite_pages(word: str, places: Places) -> list[RewritePage]:
    """The page of the rewrite ``word``, or of each that the pack ``word`` states; none if nothing is called so.

    Raises:
        InputError: a pack of that name cannot be read.
    """
    word = word.strip().lower()
    if word in shelf(places).packs:
        return [_page(shelf(places).packs[word], row, ()) for row in load_pack(word, places).rewrite]
    packs, _ = all_packs(places)
    at = [(file, row) for file, pack, _ in packs for row in pack.rewrite if row.name == word]
    users = [file.name for file, pack, rows in packs for row in rows if row.name == word and row not in pack.rewrite]
    return [_page(file, row, users) for file, row in at[:1]]


def _page(file: PackFile, row: RewriteRow, users: Sequence[str]) -> RewritePage:
    return RewritePage(
        name=row.name,
        pack=file.name,
        owner=file.owner,
        file=file.path.name if file.is_ours else str(file.path),
        safety=row.safety,
        summary=row.summary,
        note=row.note,
        fixes=row.fixes,
        pattern=tuple(_pattern(row)),
        also=tuple(users),
    )


def _pattern(row: RewriteRow) -> Iterator[str]:
    """A declared rewrite, an entry a line."""
    for name, node in row.pattern.items():
        what = f"{' or '.join(node.ops)}({', '.join(node.inputs or ['...'])})" if node.ops else "a value"
        yield f"{name}: {what}{_conditions(node.attrs)}"
    for name, new in row.replacement.items():
        what = f"{new.op}({', '.join(new.inputs)})" if new.op else f"Const {new.constant}"
        yield f"becomes {name}: {what}{_conditions(new.attrs)}"
    if row.result:
        yield f"what read it reads {row.result}"


def _conditions(attrs: Mapping[str, Any]) -> str:
    return "".join(f", {key} = {value}" for key, value in attrs.items())
