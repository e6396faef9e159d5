"""graphdoctor diff."""

from __future__ import annotations

import sys

import click

from graphdoctor.cli.common import given_signature, out, signature, stdout_options
from graphdoctor.config import Given
from graphdoctor.flows.diff import diff_models, diff_record, diff_view
from graphdoctor.render.text_diff import render_diff_view


@click.command("diff")
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option("--format", "format_", type=click.Choice(["full", "json"]), default="full", show_default=True)
@click.option("--show-nodes", is_flag=True, help="List every node that only has another name.")
@given_signature
def command(before: str, after: str, format_: str, show_nodes: bool, given: Given) -> None:
    """Say what differs between two graphs, node by node.

    The order of nodes, storage of constants, defaults that are written out and private attributes are no difference,
    and a node that only has another name is said to be renamed. Exit code 1 if anything differs.
    """
    diff = diff_models(before, after, signature(given, before))
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode(diff_record(diff)), indent=2).decode())
    else:
        out(render_diff_view(diff_view(diff), stdout_options(show_nodes=show_nodes)))
    sys.exit(0 if diff.is_empty else 1)
