"""graphdoctor check."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from graphdoctor import __version__
from graphdoctor.cli.accepting import AcceptingWork, accepting_work, keep_baselines, prune_sidecars
from graphdoctor.cli.batching import BatchOptions, batch_options, check_models, models_of
from graphdoctor.cli.choosing import SECTIONS, baseline_options, choosing_options, given_of, settings_options
from graphdoctor.cli.common import out, signature_options
from graphdoctor.cli.reporting import check_place, exit_code, output_options, places, shown_options, write_report
from graphdoctor.cli.sections import Sectioned
from graphdoctor.config import Request, requests_for
from graphdoctor.findings import Failed, ModelReport, Report
from graphdoctor.render import FINGERPRINTED, load_formats

if TYPE_CHECKING:
    from graphdoctor.flows.check import CheckOptions


@click.command("check", cls=Sectioned, sections=SECTIONS)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--target", "-t", "targets", multiple=True, metavar="T[,T]", help="Targets; repeatable; 'all' is every one."
)
@signature_options
@click.option(
    "--live/--no-live",
    default=None,
    help="Ask NVIDIA itself for rtx1.7, and of UFF files for trt5 to trt8-uff (default: if it is installed).",
)
@click.option(
    "--build/--no-build",
    default=None,
    help="Ask NVIDIA's builder after its parser (default: if the model is small and its dimensions are known).",
)
@choosing_options
@baseline_options
@output_options
@settings_options
@batch_options
def command(models: tuple[str, ...], batch: BatchOptions, **words: Any) -> None:
    """Say what stands in the way of a target.

    MODEL is a file, - for standard input, the folder of a SavedModel, or a folder to search for .pb, .pbtxt
    and .uff.

    Findings are about the targets that are named; every other target gets a verdict.
    """
    models = models_of(models)
    given = given_of(words)
    requests = requests_for(models, given)
    if words["live"] or words["build"]:
        from graphdoctor.flows.plan import require_live

        require_live(requests, "--live" if words["live"] else "--build")
    if words["show_settings"]:
        _show_settings(requests)
        return
    work = accepting_work(requests, words)
    kept = {r.settings.baseline for r in requests if r.settings.baseline}
    wanted = places(given.format or requests[0].settings.format, words["output_file"], (*models, *sorted(kept)))
    if work.write:
        check_place(work.write, [place.path for place in wanted if place.path], models)
    shown = shown_options(words)
    formats = {p.format for p in wanted}
    reports, failed = _checked(_marked(requests, work, formats), batch, formats)
    if changed := prune_sidecars(work, requests, reports):
        fresh, _ = _checked(_marked(requests_for(changed, given), work, formats), batch, formats)
        reports = [next((f for f in fresh if f.path == r.path), r) for r in reports]
    if reports:
        whole = Report(f"graphdoctor {__version__}", tuple(reports), tuple(failed))
        write_report(whole, wanted, shown, (r.settings for r in requests))
    keep_baselines(work, requests, reports, bool(failed))
    fails_on = {r.path: r.settings.fail_on for r in requests}
    codes = [0 if work.write else exit_code([report], fails_on[report.path]) for report in reports]
    sys.exit(2 if failed else max(codes, default=0))


def _checked(
    requests: Sequence[Request], batch: BatchOptions, formats: Set[str]
) -> tuple[list[ModelReport], list[Failed]]:
    asked = {r.path: r.key for r in requests if not r.older}
    paths = [r.path for r in requests]
    return check_models(paths, asked, _understood(requests), batch, lambda: load_formats(formats))


def _understood(requests: Sequence[Request]) -> Callable[[str], CheckOptions]:
    """The options of the flow for a model; what they need is loaded late: a report that was kept needs none of it."""
    by_path = {r.path: r for r in requests}
    made: list[Callable[[Request], CheckOptions]] = []

    def options(path: str) -> CheckOptions:
        if not made:
            from graphdoctor.flows.plan import planner

            made.append(planner())
        return made[0](by_path[path])

    return options


def _marked(requests: Sequence[Request], work: AcceptingWork, formats: Set[str]) -> list[Request]:
    """``requests`` with fingerprints where a baseline or an output needs them: they cost a fifth of a large graph."""
    always = bool(work.write or formats & FINGERPRINTED)
    return [replace(r, fingerprints=always or bool(r.settings.baseline)) for r in requests]


def _show_settings(requests: Sequence[Request]) -> None:
    from graphdoctor.flows.plan import validated
    from graphdoctor.render.text_settings import render_settings

    out("\n".join(render_settings(r.path, r.settings, r.sidecar, validated(r).targets) for r in requests))
