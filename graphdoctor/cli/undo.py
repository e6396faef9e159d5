"""graphdoctor undo."""

from __future__ import annotations

import sys

import click

from graphdoctor.cli.fixing import Wish, check_places, patched, place_for


@click.command("undo")
@click.argument("model", metavar="MODEL")
@click.option("--from", "patch", required=True, metavar="P.json", help="The edits, as fix --patch-out wrote them.")
@click.option("--diff", is_flag=True, help="Show what would change, node by node; write nothing; exit 1 if anything.")
@click.option("-o", "--output-path", "out_path", metavar="OUT", help="Where to write (default: MODEL.undone.pb).")
@click.option("--in-place", is_flag=True, help="Overwrite MODEL, in one step.")
def command(model: str, patch: str, diff: bool, out_path: str | None, in_place: bool) -> None:
    """Take back what fix has done.

    MODEL is the fixed graph, P.json what fix --patch-out wrote beside it. What comes out is the graph that was fixed,
    node for node and byte for byte.
    """
    check_places((model,), out_path, in_place)
    place = None if diff else place_for(model, out_path, in_place, "undone")
    sys.exit(patched(model, patch, place, Wish(diff=diff), back=True))
