"""What ``check`` writes about accepted findings: baselines and suppression files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from graphdoctor.cli.common import note
from graphdoctor.config import Request
from graphdoctor.findings import ModelReport
from graphdoctor.words import plural


@dataclass(frozen=True, slots=True)
class AcceptingWork:
    """Where to write a new baseline, empty for nowhere; what to remove that is not needed: entries of the old baseline,
    entries of suppression files.
    """

    write: str = ""
    prune: bool = False
    prune_sidecars: bool = False


def accepting_work(requests: Sequence[Request], words: dict[str, Any]) -> AcceptingWork:
    """What the options say, once it is sure that it can be done.

    Raises:
        UsageError: they contradict each other, or have nothing to work on.
    """
    work = AcceptingWork(words["write_baseline"] or "", words["prune_baseline"], words["prune_suppressions"])
    if work.write and (words["baseline"] or work.prune):
        raise click.UsageError("--write-baseline makes a new baseline; give it without --baseline and --prune-baseline")
    if work.prune and any(r.older or not r.settings.baseline for r in requests):
        raise click.UsageError("--prune-baseline needs a baseline that --write-baseline made: give it with --baseline")
    if work.prune_sidecars and words["isolated"]:
        raise click.UsageError("--isolated heeds no suppression; leave it or --prune-suppressions out")
    return work


def keep_baselines(
    work: AcceptingWork, requests: Sequence[Request], reports: Sequence[ModelReport], failed: bool
) -> None:
    """Write, prune, or say that there is something to prune."""
    if work.write and failed:
        note(f"{work.write}: not written, since not every model could be checked")
    elif work.write:
        from graphdoctor.flows.baseline import write_baseline

        count = write_baseline(work.write, reports)
        note(f"wrote {work.write}: {plural(count, 'finding is', 'findings are')} accepted")
    unheard = [r.path for r in requests if r.is_unheard]
    if unheard:
        more = f" and {len(unheard) - 1} more" if len(unheard) > 1 else ""
        note(f"the baseline says nothing of {unheard[0]}{more}: --write-baseline accepts what is found there")
    by_path = {r.path: r.settings.baseline for r in requests if not r.older}
    for path in dict.fromkeys(by_path[r.path] for r in reports if r.stale and r.path in by_path):
        mine = [r for r in reports if by_path.get(r.path) == path]
        if work.prune:
            from graphdoctor.flows.baseline import prune_baseline

            note(f"{path}: removed {plural(prune_baseline(path, mine), 'entry', 'entries')} that nothing needs")
        else:
            count = sum(len(r.stale) for r in mine)
            note(f"{path}: nothing needs {count} of its entries any more; --prune-baseline removes them")


def prune_sidecars(work: AcceptingWork, requests: Sequence[Request], reports: Sequence[ModelReport]) -> list[str]:
    """Remove what no model needs from suppression files, if that is wanted; the models whose file has changed."""
    by_path = {r.path: r for r in reports}
    changed: list[str] = []
    for sidecar in dict.fromkeys(r.sidecar for r in requests if r.sidecar and work.prune_sidecars):
        mine = [r for r in requests if r.sidecar == sidecar]
        if all(r.path in by_path for r in mine) and _prune(sidecar, mine, [by_path[r.path] for r in mine]):
            changed += [r.path for r in mine]
    return changed


def _prune(sidecar: str, requests: Sequence[Request], reports: Sequence[ModelReport]) -> int:
    from graphdoctor.flows.suppressions import prune_suppressions, unchecked_beside

    others = unchecked_beside(sidecar, (r.path for r in requests))
    if others and any(r.spent for r in reports):
        note(f"{sidecar}: left as it is, since it is about {others[0]} too; check both at once")
        return 0
    count = prune_suppressions(sidecar, requests[0].suppressions, reports)
    if count:
        note(f"{sidecar}: removed {plural(count, 'entry', 'entries')} that nothing needs")
    return count
