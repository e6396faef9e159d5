"""graphdoctor check."""

from __future__ import annotations

import sys

import click

from graphdoctor import __version__
from graphdoctor.cli.common import note, out, show_error, signature, signature_options, stdout_options
from graphdoctor.errors import GraphdoctorError
from graphdoctor.findings import ModelReport, Report, Severity, Verdict
from graphdoctor.flows.check import CheckOptions, check_model, chosen_targets
from graphdoctor.flows.opening import keep_input
from graphdoctor.lint import LintOptions
from graphdoctor.render import RenderOptions, RuleInfo, format_name, render
from graphdoctor.targets import DEFAULT_TARGET, load_target

_LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.INFO}


@click.command("check")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--target", "-t", "targets", multiple=True, metavar="T", help="Target; repeatable; 'all' is every one.")
@click.option("--select", multiple=True, metavar="CODE", help="Only rules whose code starts so. Repeat or use commas.")
@click.option("--extend-select", multiple=True, metavar="CODE", help="These rules as well.")
@click.option("--ignore", multiple=True, metavar="CODE", help="Not these rules.")
@click.option(
    "--format", "format_", default=None, metavar="F", help="full (default), concise, json, sarif, github, ..."
)
@click.option("--output-file", metavar="PATH", help="Write the report here instead of standard output.")
@click.option(
    "--fail-on",
    type=click.Choice([*_LEVELS, "never"]),
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
    format_: str | None,
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
    chosen = format_name(format_ or "full")
    lint_options = LintOptions(select=_codes(select), extend_select=_codes(extend_select), ignore=_codes(ignore))
    for path in models if output_file else ():
        keep_input(path, output_file or "")
    names = chosen_targets(targets or (DEFAULT_TARGET,))
    if live is None and "all" in targets and not any(load_target(t).live for t in targets if t != "all"):
        live = False  # NVIDIA is asked for a target that was named; asking takes longer than all the tables
    options = CheckOptions(names, lint_options, signature(inputs, outputs), live)
    reports, failed = _check_all(models, options)
    if reports:
        report = Report(f"graphdoctor {__version__}", tuple(reports))
        _write(report, chosen, output_file, statistics=statistics, show_nodes=show_nodes)
    sys.exit(2 if failed else exit_code(reports, fail_on))


def _codes(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.strip() for value in values for code in value.split(",") if code.strip())


def _check_all(models: tuple[str, ...], options: CheckOptions) -> tuple[list[ModelReport], bool]:
    """Every model's report; one that cannot be read is said and does not stop the others."""
    reports, failed = [], False
    for path in models:
        try:
            reports.append(check_model(path, options))
        except GraphdoctorError as e:
            if len(models) == 1:
                raise
            show_error(e)
            failed = True
    return reports, failed


def exit_code(reports: list[ModelReport], fail_on: str) -> int:
    """1 if a finding reaches ``fail_on``, or a chosen target's verdict is unknown; else 0."""
    if fail_on == "never":
        return 0
    level = _LEVELS[fail_on]
    for report in reports:
        if any(f.severity >= level for f in report.findings):
            return 1
        if any(v.target in report.chosen and v.verdict is not Verdict.COMPATIBLE for v in report.verdicts):
            return 1
    return 0


def _rules() -> dict[str, RuleInfo]:
    """The text behind each code, for the formats that show it."""
    from graphdoctor.flows.explain import rule_info
    from graphdoctor.lint import load_rules

    return {rule.code: rule_info(rule) for rule in load_rules()}


def _pack_order(report: Report) -> tuple[str, ...]:
    """As the chosen targets give it."""
    chosen = dict.fromkeys(name for model in report.models for name in model.chosen)
    return tuple(dict.fromkeys(pack for name in chosen for pack in load_target(name).packs))


def _write(report: Report, format_: str, path: str | None, *, statistics: bool, show_nodes: bool) -> None:
    rules = _rules() if statistics or format_ in ("sarif", "markdown") else {}
    if path is None:
        shown = stdout_options(statistics=statistics, show_nodes=show_nodes, rules=rules, packs=_pack_order(report))
        out(render(format_, report, shown))
        return
    from graphdoctor.formats.readfile import atomic_write

    options = RenderOptions(statistics=statistics, show_nodes=show_nodes, rules=rules)
    atomic_write(path, render(format_, report, options).encode())
    note(f"wrote {path}")
