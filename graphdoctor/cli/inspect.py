"""graphdoctor inspect."""

from __future__ import annotations

import click

from graphdoctor.cli.common import out, stdout_options
from graphdoctor.flows.inspect import inspect_model
from graphdoctor.render.text_inspect import render_inspect


@click.command("inspect")
@click.argument("model", metavar="MODEL")
@click.option("--format", "format_", type=click.Choice(["full", "json"]), default="full", show_default=True)
@click.option("--all-ops", is_flag=True, help="List every op, not the most frequent.")
def command(model: str, format_: str, all_ops: bool) -> None:
    """Say what a file is.

    Kind, producer, inputs, likely outputs, ops, sizes, and where to cut it.
    """
    view = inspect_model(model)
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode(view), indent=2).decode())
        return
    out(render_inspect(view, stdout_options(show_nodes=all_ops)))
