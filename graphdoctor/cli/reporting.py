"""How a report leaves ``check``: in which format, where to, and with which exit code."""

from __future__ import annotations

from graphdoctor.cli.common import note, out, stdout_options
from graphdoctor.findings import ModelReport, Report, Severity, Verdict
from graphdoctor.render import RenderOptions, RuleInfo, render

LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.INFO}
"""The words of ``--fail-on`` that name a severity."""


def exit_code(reports: list[ModelReport], fail_on: str) -> int:
    """1 if a finding reaches ``fail_on``, or a chosen target's verdict is unknown; else 0."""
    if fail_on == "never":
        return 0
    level = LEVELS[fail_on]
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
    return tuple(dict.fromkeys(pack for model in report.models for pack in model.packs))


def write_report(report: Report, format_: str, path: str | None, *, statistics: bool, show_nodes: bool) -> None:
    """To standard output, or whole to the file ``path``."""
    rules = _rules() if statistics or format_ in ("sarif", "markdown") else {}
    if path is None:
        shown = stdout_options(statistics=statistics, show_nodes=show_nodes, rules=rules, packs=_pack_order(report))
        out(render(format_, report, shown))
        return
    from graphdoctor.formats.readfile import atomic_write

    options = RenderOptions(statistics=statistics, show_nodes=show_nodes, rules=rules)
    atomic_write(path, render(format_, report, options).encode())
    note(f"wrote {path}")
