"""graphdoctor targets."""

from __future__ import annotations

from typing import Any

import click

from graphdoctor.cli.common import out, stdout_options
from graphdoctor.engines import available_backends
from graphdoctor.flows.targets import all_target_records, difference_record, target_page
from graphdoctor.render.text_target_tables import render_difference, render_target
from graphdoctor.render.text_targets import TargetRow, render_targets
from graphdoctor.targets import load_target
from graphdoctor.targets.compare import compare_targets


@click.command("targets")
@click.argument("name", required=False, metavar="[TARGET]")
@click.option("--ops", is_flag=True, help="With a target: its op table instead of its limits.")
@click.option("--diff", nargs=2, metavar="A B", help="What changes from target A to target B.")
@click.option("--format", "format_", type=click.Choice(["full", "json"]), default="full", show_default=True)
def command(name: str | None, ops: bool, diff: tuple[str, str] | None, format_: str) -> None:
    """List the targets, or show one of them.

    A target is a parser and a TensorRT release that a model must run on.
    """
    if diff is not None and (name is not None or ops):
        raise click.UsageError("--diff takes two targets, and nothing else goes with it")
    if ops and name is None:
        raise click.UsageError("--ops wants a target: graphdoctor targets trt5 --ops")
    if diff is not None:
        found = difference_record(compare_targets(*map(load_target, diff)))
        out(_json(found) if format_ == "json" else render_difference(found, stdout_options()))
        return
    live = any(b.importable for b in available_backends())
    if name is not None:
        page = target_page(load_target(name), live)
        out(_json(page) if format_ == "json" else render_target(page, stdout_options(), ops=ops))
        return
    records = all_target_records(live)
    rows = [TargetRow(**{k: v for k, v in r.items() if k != "title"}) for r in records]
    out(_json(records) if format_ == "json" else render_targets(rows, stdout_options()))


def _json(value: Any) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
