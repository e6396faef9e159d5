"""What ``targets`` prints of one target's tables, and of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.words import plural

Record = Mapping[str, Any]
_STYLES = {"yes": "green", "no": "red", "unknown": "yellow"}
_CONFIDENCE = {"high": "", "medium": "medium", "low": "low"}


def render_target(target: Record, options: RenderOptions, *, ops: bool) -> str:
    """A target's head and limits, or with ``ops`` its head and op table."""
    page = Page(options)
    _head(page, target)
    page.blank()
    if ops:
        _ops(page, target)
    else:
        _limits(page, target["limit_table"])
        page.blank()
        page.line((f"{plural(target['ops'], 'op')}: graphdoctor targets {target['name']} --ops", "dim"))
    return page.text()


def _head(page: Page, target: Record) -> None:
    page.rule((f"{page.glyphs.rule * 2} {target['name']}", "bold"))
    page.line((target["title"], "bold") if not target["default"] else (f"{target['title']} (default)", "bold"))
    facts: list[list[Piece]] = [[("parser", "dim"), target["parser"] + (", asked live" if target["live"] else "")]]
    if target["opset"] is not None:
        bounds = [
            f"{word} {target['opset'][k]}" for word, k in (("from", "min"), ("up to", "max")) if target["opset"][k]
        ]
        facts.append([("opset", "dim"), " ".join(bounds) or "no bound known"])
    if target["extends"]:
        facts.append([("extends", "dim"), ", ".join(target["extends"])])
    facts.append([("types", "dim"), ", ".join(target["dtypes"])])
    for key in ("refused", "packs", "plugins"):
        if target[key]:
            facts.append([(key, "dim"), ", ".join(target[key])])
    if target["segments"] is not None:
        facts.append([("segments", "dim"), f"of {target['segments']['minimum']} nodes or more"])
    facts.append([("sources", "dim"), str(target["sources"])])
    page.table(facts)


def _ops(page: Page, target: Record) -> None:
    rows = [*target["table"], {**target["other_ops"], "op": "any other"}]
    heads: list[Piece] = [(word, "dim") for word in ("op", "runs", "known", "where, and why not")]
    page.table([heads, *(_op_cells(row) for row in rows)], indent=0)
    page.blank()
    counts = {word: sum(r["runs"] == word for r in target["table"]) for word in _STYLES}
    page.line((f"{counts['yes']} run, {counts['no']} do not, of {counts['unknown']} it is not known", "dim"))


def _op_cells(row: Record) -> list[Piece]:
    """Op, answer, confidence, and everything else in the column that is folded."""
    words = [*row["conditions"], row["why"].replace("{op}", "the op"), row["note"]]
    answer = (row["runs"], _STYLES[row["runs"]])
    return [(row["op"], "bold"), answer, (row["confidence"], "dim"), "; ".join(w for w in words if w)]


def _limits(page: Page, limits: Sequence[Record]) -> None:
    if limits:
        page.line((plural(len(limits), "limit"), "bold"))
    for limit in limits:
        sure = _CONFIDENCE[limit["confidence"]]
        ops = ", ".join("any op" if op == "*" else op for op in limit["ops"])
        about = ops + (f" ({sure} confidence)" if sure else "")
        page.para(about, style="dim", first=["  ", (limit["name"], "bold"), "  "], rest=["    "])
        page.para(limit["what"], first=["    "], rest=["    "])


def render_difference(found: Record, options: RenderOptions) -> str:
    """What changes from one target to another, in 80 columns."""
    page = Page(options)
    page.rule((f"{page.glyphs.rule * 2} {found['from']} {page.glyphs.arrow} {found['to']}", "bold"))
    ops, limits = found["ops"], found["limits"]
    _names(page, "ops that run now", [r["op"] for r in ops["added"]], "+", "green")
    _names(page, "ops that do not run any more", [r["op"] for r in ops["removed"]], "-", "red")
    if ops["changed"]:
        _section(page, "ops of which something else is said")
        for change in ops["changed"]:
            _change(page, change["op"], _said(change["before"]), _said(change["after"]))
    for word, key, sign, style in (
        ("new limits", "added", "+", "red"),
        ("limits that are gone", "removed", "-", "green"),
    ):
        if limits[key]:
            _section(page, word)
            for limit in limits[key]:
                page.para(limit["what"], first=[f"  {sign} ", (limit["name"], style), "  "], rest=["    "])
    if limits["changed"]:
        _section(page, "limits of which something else is said")
        for change in limits["changed"]:
            _change(page, change["name"], _limit_said(change["before"]), _limit_said(change["after"]))
    if not any((*ops.values(), *limits.values())):
        page.blank()
        page.line("nothing changes")
    return page.text()


def _section(page: Page, title: str) -> None:
    page.blank()
    page.line((title, "bold"))


def _names(page: Page, title: str, names: Sequence[str], sign: str, style: str) -> None:
    if names:
        _section(page, f"{title} ({len(names)})")
        page.para(" ".join(names), style=style, first=[f"  {sign} "], rest=["    "])


def _change(page: Page, name: str, before: str, after: str) -> None:
    page.line("  ", (name, "bold"))
    page.para(before, first=["    - "], rest=["      "], style="red")
    page.para(after, first=["    + "], rest=["      "], style="green")


def _said(row: Record) -> str:
    rest = "; ".join(w for w in (*row["conditions"], row["why"], row["note"]) if w)
    return f"{row['runs']}{': ' if rest else ''}{rest} ({row['confidence']} confidence)"


def _limit_said(limit: Record) -> str:
    return f"{limit['what']} ({limit['confidence']} confidence)"
