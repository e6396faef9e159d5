"""graphdoctor check."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from graphdoctor import __version__
from graphdoctor.cli.batching import BatchOptions, batch_options, check_models, models_of
from graphdoctor.cli.common import signature, signature_options
from graphdoctor.cli.reporting import FORMAT_HELP, LEVELS, exit_code, places, write_report
from graphdoctor.findings import Report
from graphdoctor.render import RenderOptions, load_formats

if TYPE_CHECKING:
    from graphdoctor.flows.check import CheckOptions


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
@batch_options
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
    batch: BatchOptions,
) -> None:
    """Say what stands in the way of a target.

    MODEL is a file, - for standard input, the folder of a SavedModel, or a folder to search for .pb and .pbtxt.

    Findings are about the targets that are named; every other target gets a verdict.
    """
    models = models_of(models)
    wanted = places(formats, output_file, models)
    asked = _Asked(targets, _codes(select), _codes(extend_select), _codes(ignore), inputs, outputs, live)
    reports, failed = check_models(
        models, asdict(asked), lambda: _understood(asked), batch, lambda: load_formats(p.format for p in wanted)
    )
    if reports:
        report = Report(f"graphdoctor {__version__}", tuple(reports))
        write_report(report, wanted, RenderOptions(statistics=statistics, show_nodes=show_nodes))
    sys.exit(2 if failed else exit_code(reports, fail_on))


@dataclass(frozen=True, slots=True)
class _Asked:
    """Everything on the command line that a report depends on; see the options of the same names."""

    targets: tuple[str, ...]
    select: tuple[str, ...]
    extend_select: tuple[str, ...]
    ignore: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    live: bool | None


def _understood(asked: _Asked) -> CheckOptions:
    """The options of the flow; what they need is loaded here, since a report that was kept needs none of it.

    Raises:
        InputError: there is no such target, or an input cannot be read.
    """
    from graphdoctor.flows.check import CheckOptions, chosen_targets
    from graphdoctor.lint import LintOptions
    from graphdoctor.targets import DEFAULT_TARGET, load_target

    names = chosen_targets(asked.targets or (DEFAULT_TARGET,))
    live = asked.live
    if live is None and "all" in asked.targets and not any(load_target(t).live for t in asked.targets if t != "all"):
        live = False  # NVIDIA is asked for a target that was named; asking takes longer than all the tables
    lint = LintOptions(select=asked.select, extend_select=asked.extend_select, ignore=asked.ignore)
    return CheckOptions(names, lint, signature(asked.inputs, asked.outputs), live)


def _codes(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.strip() for value in values for code in value.split(",") if code.strip())
