"""graphdoctor targets."""

from __future__ import annotations

import click

from graphdoctor.cli.common import out, stdout_options
from graphdoctor.engines import available_backends
from graphdoctor.render.text_targets import TargetRow, render_targets
from graphdoctor.targets import DEFAULT_TARGET, all_target_names, load_target
from graphdoctor.types import Answer


@click.command("targets")
@click.option("--format", "format_", type=click.Choice(["full", "json"]), default="full", show_default=True)
def command(format_: str) -> None:
    """List the targets.

    A target is a parser and a TensorRT release that a model must run on.
    """
    builder = any(b.importable for b in available_backends())
    rows = []
    for name in all_target_names():
        target = load_target(name)
        count = sum(row.support is Answer.YES for row in target.ops.values())
        rows.append(TargetRow(name, target.title, count, builder and target.live, name == DEFAULT_TARGET))
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    out(render_targets(rows, stdout_options()))
