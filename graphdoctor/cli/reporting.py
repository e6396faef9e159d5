"""How a report leaves ``check``: in which formats, where to, and with which exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from graphdoctor.cli.common import note, out, stdout_options
from graphdoctor.config import Settings
from graphdoctor.errors import InputError
from graphdoctor.findings import ModelReport, Report, Severity, Verdict
from graphdoctor.render import FORMATS, RenderOptions, RuleInfo, format_name, render

F = TypeVar("F", bound=Callable[..., Any])

LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.INFO}
"""The words of ``--fail-on`` that name a severity."""
DEFAULT_FORMAT = "full"
FORMAT_HELP = ", ".join(f"{name} (default)" if name == DEFAULT_FORMAT else name for name in FORMATS)
"""The formats, for ``--help``."""
_WITH_RULE_TEXT = ("sarif",)
"""Formats that carry what a rule says of itself."""


def output_options(function: F) -> F:
    """``--format`` and what goes with it."""
    options = (
        click.option(
            "--format",
            "formats",
            multiple=True,
            metavar="F[:PATH]",
            help=f"{FORMAT_HELP}; with :PATH into that file. Repeatable.",
        ),
        click.option("--output-file", metavar="PATH", help="Write the one report here instead of standard output."),
        click.option("--statistics", is_flag=True, help="Add counts by rule."),
        click.option("--show-nodes", is_flag=True, help="List every node of a finding."),
        click.option(
            "--rule-url",
            metavar="URL",
            help="Where you publish docs/rules, as https://example.org/{code}.md: sarif and markdown link to it.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def shown_options(words: Mapping[str, Any]) -> RenderOptions:
    """What the options of :func:`output_options` say of how to render.

    Raises:
        InputError: ``--rule-url`` is no address of pages.
    """
    url = words["rule_url"] or ""
    if url and not (url.startswith(("http://", "https://")) and "{code}" in url and url.isprintable()):
        raise InputError(
            f"{url!r} is no address of rule pages",
            where="--rule-url",
            remedy="Write it with {code} where the rule's code goes: https://example.org/rules/{code}.md",
        )
    return RenderOptions(statistics=words["statistics"], show_nodes=words["show_nodes"], help_base=url)


@dataclass(frozen=True, slots=True)
class Place:
    """One output of a run: its format, and the file it goes to; standard output where ``path`` is empty."""

    format: str
    path: str = ""


def places(formats: Sequence[str], output_file: str | None, models: Sequence[str]) -> tuple[Place, ...]:
    """Where the report goes: ``--format FORMAT[:PATH]``, repeated, and ``--output-file`` for a single one.

    Raises:
        InputError: no such format; two for standard output or for one file; a file that is a model, or whose folder
            is not there. So the work does not begin that could not be written down.
    """
    found = tuple(_place(text) for text in formats or (DEFAULT_FORMAT,))
    if output_file is not None:
        found = (_placed(found, output_file),)
    printed = [place.format for place in found if not place.path]
    if len(printed) > 1:
        raise InputError(
            f"{' and '.join(printed)} would both go to standard output",
            where="--format",
            remedy=f"Give all but one a file: --format {printed[-1]}:PATH",
        )
    files = [place.path for place in found if place.path]
    for i, path in enumerate(files):
        check_place(path, files[:i], models)
    return found


def _place(text: str) -> Place:
    name, colon, path = text.partition(":")
    if colon and not path:
        raise InputError(f"{text!r} names no file", where="--format", remedy=f"Write {name}:PATH, or {name} alone")
    return Place(format_name(name), "" if path == "-" else path)


def _placed(found: Sequence[Place], path: str) -> Place:
    if len(found) > 1 or found[0].path:
        raise InputError(
            "is for a single format without a file of its own",
            where="--output-file",
            remedy=f"Write the file behind its format instead: --format {found[0].format}:{path}",
        )
    return replace(found[0], path="" if path == "-" else path)


def check_place(path: str, others: Sequence[str], models: Sequence[str]) -> None:
    """Refuse a file that cannot be written, is one of ``models``, or is written already as one of ``others``.

    Raises:
        InputError: it is one of these.
    """
    from graphdoctor.flows.opening import keep_input

    if "\0" in path:
        raise InputError("a file name cannot hold a NUL character", where=repr(path), remedy="Give a file name")
    for model in models:
        keep_input(model, path)
    if any(_same_place(path, other) for other in others):
        raise InputError("would be written twice", where=path, remedy="Give each output a file of its own")
    if Path(path).is_dir():
        raise InputError("is a folder", where=path, remedy="Give the name of a file to write")
    if not Path(path).parent.is_dir():
        remedy = f"Make the folder {Path(path).parent} first"
        raise InputError("cannot be written: there is no such folder", where=path, remedy=remedy)


def _same_place(a: str, b: str) -> bool:
    return a == b or Path(a).resolve() == Path(b).resolve()


def exit_code(reports: list[ModelReport], fail_on: str) -> int:
    """1 if a finding that is shown reaches ``fail_on``, or a chosen target is not compatible; else 0.

    A target does not count where the user accepted every finding behind its verdict.
    """
    if fail_on == "never":
        return 0
    level = LEVELS[fail_on]
    for report in reports:
        if any(f.severity >= level for f in report.findings):
            return 1
        open_targets = set(report.chosen) - set(report.accepted)
        if any(v.target in open_targets and v.verdict is not Verdict.COMPATIBLE for v in report.verdicts):
            return 1
    return 0


def _rules(settings: Iterable[Settings]) -> dict[str, RuleInfo]:
    """The text behind each code, for the formats that show it; of two configurations the first goes before."""
    from graphdoctor.flows.explain import rule_infos
    from graphdoctor.flows.plan import rules_in

    different = {repr(s.own_rules): s for s in settings if s.own_rules}
    return rule_infos([rule for s in reversed(different.values()) for rule in rules_in(s)])


def write_report(
    report: Report, outputs: Sequence[Place], options: RenderOptions, settings: Iterable[Settings] = ()
) -> None:
    """Every output of a run: the files first, each whole or not at all, then what goes to standard output.

    Args:
        report: what was found.
        outputs: from :func:`places`.
        options: what the user chose; what the stream can show is found out here.
        settings: those of the models, whose rules may be in the report.

    Raises:
        InputError: a file cannot be written.
    """
    rules = _rules(settings) if any(o.format in _WITH_RULE_TEXT for o in outputs) else {}
    options = replace(options, rules=rules)
    for output in outputs:
        if output.path:
            _write(output.path, render(output.format, report, options))
    for output in outputs:
        if not output.path:
            stream = stdout_options()
            shown = replace(options, width=stream.width, color=stream.color, unicode=stream.unicode)
            out(render(output.format, report, shown))


def _write(path: str, text: str) -> None:
    from graphdoctor.formats.readfile import atomic_write

    atomic_write(path, text.encode())
    note(f"wrote {path}")
