"""GitHub Actions workflow commands: findings become annotations of the model file.

GitHub shows ten annotations of a kind for a step: verdicts come first, and a rule has one annotation, the worst first.
Format: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.findings import ModelReport, Report, Severity, Verdict
from graphdoctor.render.parts.glyphs import ASCII, UNICODE
from graphdoctor.render.parts.groups import Section, group_findings, sections, summaries
from graphdoctor.render.parts.headline import (
    failed_text,
    fix_text,
    headline,
    place_text,
    reason_text,
    target_text,
    told,
)
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.words import clean

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_VERDICT_COMMANDS = {Verdict.COMPATIBLE: "notice", Verdict.UNKNOWN: "warning", Verdict.INCOMPATIBLE: "error"}


def render(report: Report, options: RenderOptions) -> str:
    """A command for each chosen target's verdict, for each rule, and for each model that could not be checked."""
    lines = [line for model in report.models for line in _commands(model, options)]
    lines += [_command("error", f.path, "not checked", clean(failed_text(f))) for f in report.failed]
    return "".join(f"{line}\n" for line in lines)


def _commands(model: ModelReport, options: RenderOptions) -> Iterator[str]:
    groups = group_findings(model.findings)
    for s in summaries(model, groups):
        command = "notice" if s.verdict.target in model.accepted else _VERDICT_COMMANDS[s.verdict.verdict]
        text = ": ".join(x for x in (headline(s, named=False), reason_text(s)) if x)
        yield _command(command, model.path, s.verdict.target, clean(text))
    for section in sections(groups):
        f = section.head
        command = _COMMANDS[f.severity] if f.certain else "warning"
        lines = [clean(line) for line in _lines(section, model, options)]
        yield _command(command, model.path, f"{f.code} {f.name}", "\n".join(lines))


def _lines(section: Section, model: ModelReport, options: RenderOptions) -> Iterator[str]:
    """Each reason with its places, then what to do and what does it."""
    glyphs = UNICODE if options.unicode else ASCII
    for groups in section.reasons:
        yield told(groups[0].head, groups[0].message)
        for group in groups:
            targets = target_text(group.targets, model)
            yield place_text(group, options, glyphs) + (f" ({targets})" if targets else "")
    yield from dict.fromkeys(g.remedy for g in section.groups if g.remedy)
    yield from (f"fix: {text}" for text in dict.fromkeys(fix_text(g.head) for g in section.groups) if text)


def _command(name: str, path: str, title: str, message: str) -> str:
    properties = f"file={_property(path)},title={_property(title)}"
    return f"::{name} {properties}::{_data(message)}"


def _data(text: str) -> str:
    """What a message must escape: the sign of an escape and line ends, which would start a new command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """What a property must escape besides: its own separators."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
