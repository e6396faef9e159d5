"""graphdoctor rules."""

from __future__ import annotations

import click

from graphdoctor.cli.common import out, stdout_options, target_option
from graphdoctor.flows.explain import row_record, rule_row, rules_of
from graphdoctor.render.text_rules import render_rules


@click.command("rules")
@target_option()
@click.option("--format", "format_", type=click.Choice(["full", "json"]), default="full", show_default=True)
def command(target: str | None, format_: str) -> None:
    """List the rules.

    With --target, those that can speak of it.
    """
    rules = rules_of(target)
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode([row_record(r) for r in rules]), indent=2).decode())
        return
    out(render_rules([rule_row(r) for r in rules], stdout_options()))
