"""GitHub Actions workflow commands: findings become annotations of the model file.

GitHub shows ten annotations of a kind for a step, so equal findings share one.
Format: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.findings import ModelReport, Report, Severity, Verdict
from graphdoctor.render.parts.glyphs import ASCII, UNICODE
from graphdoctor.render.parts.groups import Group, group_findings, summaries
from graphdoctor.render.parts.headline import failed_text, group_lines, headline, target_text
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.words import clean

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_VERDICT_COMMANDS = {Verdict.COMPATIBLE: "notice", Verdict.UNKNOWN: "warning", Verdict.INCOMPATIBLE: "error"}


def render(report: Report, options: RenderOptions) -> str:
    """A command for each group of findings and for each chosen target's verdict."""
    lines = [line for model in report.models for line in _commands(model, options)]
    lines += [_command("error", f.path, "not checked", clean(failed_text(f))) for f in report.failed]
    return "".join(f"{line}\n" for line in lines)


def _commands(model: ModelReport, options: RenderOptions) -> Iterator[str]:
    groups = group_findings(model.findings)
    for group in groups:
        f = group.head
        command = _COMMANDS[f.severity] if f.certain else "warning"
        yield _command(command, model.path, f"{f.code} {f.name}", _message(group, model, options))
    for s in summaries(model, groups):
        command = "notice" if s.verdict.target in model.accepted else _VERDICT_COMMANDS[s.verdict.verdict]
        yield _command(command, model.path, s.verdict.target, headline(s, named=False))


def _message(group: Group, model: ModelReport, options: RenderOptions) -> str:
    lines = group_lines(group, options, UNICODE if options.unicode else ASCII, target_text(group.targets, model))
    return "\n".join(clean(line) for line in lines)


def _command(name: str, path: str, title: str, message: str) -> str:
    properties = f"file={_property(path)},title={_property(title)}"
    return f"::{name} {properties}::{_data(message)}"


def _data(text: str) -> str:
    """What a message must escape: the sign of an escape and line ends, which would start a new command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """What a property must escape besides: its own separators."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
