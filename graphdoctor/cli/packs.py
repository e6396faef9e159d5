"""graphdoctor packs."""

from __future__ import annotations

import click

from graphdoctor.cli.common import out, stdout_options
from graphdoctor.render.text_targets import PackRow, RewriteRow, render_packs
from graphdoctor.surgery import load_pack, pack_names, pack_rows


@click.command("packs")
@click.option("--format", "format_", type=click.Choice(["full", "json"]), default="full", show_default=True)
def command(format_: str) -> None:
    """List the packs of rewrites that fix --rules takes."""
    packs = [load_pack(name) for name in pack_names()]
    if format_ == "json":
        import msgspec

        out(msgspec.json.format(msgspec.json.encode(packs), indent=2).decode())
        return
    rows = [
        PackRow(p.name, p.summary, tuple(RewriteRow(r.name, r.safety, r.summary) for r in pack_rows(p.name)))
        for p in packs
    ]
    out(render_packs(rows, stdout_options()))
