"""graphdoctor check."""

from __future__ import annotations

import sys

import click

from graphdoctor import __version__
from graphdoctor.batch import check_all
from graphdoctor.cli.common import show_error, signature, signature_options
from graphdoctor.cli.reporting import FORMAT_HELP, LEVELS, exit_code, places, write_report
from graphdoctor.findings import ModelReport, Report
from graphdoctor.flows.check import CheckOptions, chosen_targets
from graphdoctor.lint import LintOptions
from graphdoctor.render import RenderOptions
from graphdoctor.targets import DEFAULT_TARGET, load_target


@click.command("check")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--target", "-t", "targets", multiple=True, metavar="T", help="Target; repeatable; 'all' is every one.")
@click.option("--select", multiple=True, metavar="CODE", help="Only rules whose code starts so. Repeat or use commas.")
@click.option("--extend-select", multiple=True, metavar="CODE", help="These rules as well.")
@click.option("--ignore", multiple=True, metavar="CODE", help="Not these rules.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="F[:PATH]",
    help=f"{FORMAT_HELP}; with :PATH into that file. Repeatable.",
)
@click.option("--output-file", metavar="PATH", help="Write the one report here instead of standard output.")
@click.option(
    "--fail-on",
    type=click.Choice([*LEVELS, "never"]),
    default="error",
    show_default=True,
    help="Exit with 1 from this severity on; an unknown verdict counts as an error.",
)
@signature_options
@click.option(
    "--live/--no-live",
    default=None,
    help="Ask NVIDIA itself for rtx1.7 (default: if it is named and NVIDIA's packages are installed).",
)
@click.option("--statistics", is_flag=True, help="Add counts by rule.")
@click.option("--show-nodes", is_flag=True, help="List every node of a finding.")
def command(
    models: tuple[str, ...],
    targets: tuple[str, ...],
    select: tuple[str, ...],
    extend_select: tuple[str, ...],
    ignore: tuple[str, ...],
    formats: tuple[str, ...],
    output_file: str | None,
    fail_on: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    live: bool | None,
    statistics: bool,
    show_nodes: bool,
) -> None:
    """Say what stands in the way of a target.

    Findings are about the targets that are named; every other target gets a verdict.
    """
    wanted = places(formats, output_file, models)
    lint_options = LintOptions(select=_codes(select), extend_select=_codes(extend_select), ignore=_codes(ignore))
    names = chosen_targets(targets or (DEFAULT_TARGET,))
    if live is None and "all" in targets and not any(load_target(t).live for t in targets if t != "all"):
        live = False  # NVIDIA is asked for a target that was named; asking takes longer than all the tables
    options = CheckOptions(names, lint_options, signature(inputs, outputs), live)
    reports, failed = _check_all(models, options)
    if reports:
        report = Report(f"graphdoctor {__version__}", tuple(reports))
        write_report(report, wanted, RenderOptions(statistics=statistics, show_nodes=show_nodes))
    sys.exit(2 if failed else exit_code(reports, fail_on))


def _codes(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.strip() for value in values for code in value.split(",") if code.strip())


def _check_all(models: tuple[str, ...], options: CheckOptions) -> tuple[list[ModelReport], bool]:
    """Every model's report, and whether one could not be read; alone, that is the command's own error."""
    reports, failed = [], False
    for outcome in check_all(models, options):
        if outcome.report is not None:
            reports.append(outcome.report)
        if outcome.error is not None:
            if len(models) == 1:
                raise outcome.error
            show_error(outcome.error)
            failed = True
    return reports, failed
