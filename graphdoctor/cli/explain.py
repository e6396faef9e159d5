"""graphdoctor explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from graphdoctor.cli.common import given_config, out, places_of_packs, stdout_options
from graphdoctor.config import Given
from graphdoctor.flows.explain import explain, page_record, rules_here
from graphdoctor.render.text_rules import render_rule_page, rule_page_markdown

if TYPE_CHECKING:
    from graphdoctor.render.text_packs import RewritePage

_FORMATS = ("full", "markdown", "json")


@click.command("explain")
@click.argument("words", nargs=-1, required=True, metavar="CODE|NAME|MESSAGE")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="full", show_default=True)
@given_config
def command(words: tuple[str, ...], format_: str, given: Given) -> None:
    """Show a rule's page, by code, name or error message, or what a rewrite does, by its name or its pack's."""
    rewrites = _rewrites(words, given)
    if rewrites:
        _show_rewrites(rewrites, format_)
        return
    pages = explain(" ".join(words), lambda: rules_here(given))
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode([page_record(p) for p in pages]), indent=2).decode())
    elif format_ == "markdown":
        out("\n".join(rule_page_markdown(p) for p in pages))
    else:
        options = stdout_options()
        out("\n\n".join(render_rule_page(p, options) for p in pages))


def _rewrites(words: tuple[str, ...], given: Given) -> list[RewritePage]:
    """Pages of rewrites, where ``words`` is the name of one or of a pack and of no rule."""
    from graphdoctor.flows.explain import is_rule

    if len(words) != 1 or not words[0].islower() or is_rule(words[0]):
        return []
    from graphdoctor.flows.packs import rewrite_pages

    return rewrite_pages(words[0], places_of_packs(given, "-"))


def _show_rewrites(pages: list[RewritePage], format_: str) -> None:
    from graphdoctor.render.text_packs import render_rewrite_page, rewrite_page_markdown

    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode(pages), indent=2).decode())
    elif format_ == "markdown":
        out("\n".join(map(rewrite_page_markdown, pages)))
    else:
        out("\n\n".join(render_rewrite_page(p, stdout_options()) for p in pages))
