"""graphdoctor rules."""

from __future__ import annotations

import click

from graphdoctor.cli.common import given_config, out, stdout_options, target_option
from graphdoctor.config import Given
from graphdoctor.flows.explain import row_record, rule_row, rules_here, rules_of
from graphdoctor.render.text_rules import render_rules


@click.command("rules")
@target_option()
@click.option("--select", multiple=True, metavar="CODE", help="Those whose code starts so. Repeat or use commas.")
@click.option("--family", metavar="LETTER", help="Those of a family: the third letter of a code.")
@click.option("--format", "format_", type=click.Choice(["full", "json"]), default="full", show_default=True)
@given_config
def command(target: str | None, select: tuple[str, ...], family: str | None, format_: str, given: Given) -> None:
    """List the rules.

    With --target, those that can speak of it.
    """
    words = [word.strip() for text in select for word in text.split(",") if word.strip()]
    rules = rules_of(target, words, family, rules_here(given))
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode([row_record(r) for r in rules]), indent=2).decode())
        return
    out(render_rules([rule_row(r) for r in rules], stdout_options()))
