"""graphdoctor test-rewrites."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from graphdoctor.cli.common import out, progress


@click.command("test-rewrites")
@click.argument("folder", metavar="DIR")
@click.option("--mutants", default=100, show_default=True, type=click.IntRange(0), help="Graphs near the cases.")
def command(folder: str, mutants: int) -> None:
    """Try the rewrites of a folder or package on the graphs that their author wrote for them.

    DIR holds packs (PACK.toml), and for each rewrite fixtures/REWRITE.toml with graphs before and after. TensorFlow
    runs both, and graphs near them. See docs/writing-rewrites.md.
    """
    from graphdoctor.flows.rewrite_trials import try_rewrites

    sys.path.insert(0, str(Path(folder).resolve().parent))  # the finders of the package are imported from there
    with progress("running the graphs in TensorFlow"):
        trials = try_rewrites(Path(folder), mutants)
    widths = max(len(t.rewrite) for t in trials), max(len(t.case) for t in trials)
    for t in trials:
        mark = "FAIL" if t.problem else "ok  "
        out(f"{mark}  {t.rewrite:<{widths[0]}}  {t.case:<{widths[1]}}  {t.problem}".rstrip())
    failed = sum(bool(t.problem) for t in trials)
    out(f"{len(trials)} trials, {failed} failed")
    sys.exit(1 if failed else 0)
