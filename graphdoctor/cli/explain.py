"""graphdoctor explain."""

from __future__ import annotations

import click

from graphdoctor.cli.common import given_config, out, stdout_options
from graphdoctor.config import Given
from graphdoctor.flows.explain import explain, page_record, rules_here
from graphdoctor.render.text_rules import render_rule_page, rule_page_markdown

_FORMATS = ("full", "markdown", "json")


@click.command("explain")
@click.argument("words", nargs=-1, required=True, metavar="CODE|NAME|MESSAGE")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="full", show_default=True)
@given_config
def command(words: tuple[str, ...], format_: str, given: Given) -> None:
    """Show a rule's page, by code, name or error message."""
    pages = explain(" ".join(words), lambda: rules_here(given))
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode([page_record(p) for p in pages]), indent=2).decode())
    elif format_ == "markdown":
        out("\n".join(rule_page_markdown(p) for p in pages))
    else:
        options = stdout_options()
        out("\n\n".join(render_rule_page(p, options) for p in pages))
