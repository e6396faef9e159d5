"""graphdoctor packs."""

from __future__ import annotations

import sys

import click

from graphdoctor.cli.common import given_config, out, places_of_packs, show_error, stdout_options
from graphdoctor.config import Given
from graphdoctor.flows.packs import all_packs
from graphdoctor.render.text_targets import PackRow, RewriteRow, render_packs
from graphdoctor.surgery.shelf import PackFile


@click.command("packs")
@click.option("--format", "format_", type=click.Choice(["full", "json"]), default="full", show_default=True)
@given_config
def command(format_: str, given: Given) -> None:
    """List the packs of rewrites that fix --rules takes.

    Those of installed packages and of the configuration in the working folder are among them.
    """
    packs, wrong = all_packs(places_of_packs(given, "-"))
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode([pack for _, pack, _ in packs]), indent=2).decode())
    else:
        rows = [
            PackRow(f.name, pack.summary + _from(f), tuple(RewriteRow(r.name, r.safety, r.summary) for r in rewrites))
            for f, pack, rewrites in packs
        ]
        out(render_packs(rows, stdout_options()))
    for error in wrong:
        show_error(error)
    sys.exit(2 if wrong else 0)


def _from(file: PackFile) -> str:
    return "" if file.is_ours else f" (from {file.owner})"
