"""graphdoctor test-rules."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from graphdoctor.cli.common import given_config, out
from graphdoctor.config import Given
from graphdoctor.words import plural


@click.command("test-rules")
@click.argument("folder", metavar="DIR")
@given_config
def command(folder: str, given: Given) -> None:
    """Try the rules of a package, or of a configuration, on the graphs that their author wrote for them.

    DIR holds CODE.toml files, and for each fixtures/CODE/bad.gdt, good.gdt and near.gdt; or a configuration with
    [[rule]], and for each of its rules the first two. See docs/writing-rules.md.
    """
    from graphdoctor.flows.rule_trials import try_rules

    sys.path.insert(0, str(Path(folder).resolve().parent))  # the checks of the package are imported from there
    trials = try_rules(Path(folder), given)
    width = max(len(t.code) for t in trials)
    for t in trials:
        out(f"{'FAIL' if t.problem else 'ok  '}  {t.code:<{width}}  {t.kind:<4}  {t.problem}".rstrip())
    failed = sum(bool(t.problem) for t in trials)
    out(f"{plural(len(trials), 'trial')}, {failed} failed")
    sys.exit(1 if failed else 0)
