"""GitLab Code Quality: what a merge request adds and resolves, of the fields that GitLab reads.

A finding is an entry, and so is each chosen target that is not compatible, so that a doubt about the whole graph is not
lost. A graph has no lines: the line is 1, the node stands in the description.
Format: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from posixpath import normpath

from graphdoctor.findings import Finding, ModelReport, Report, Severity, Verdict
from graphdoctor.render.parts.groups import group_findings, summaries
from graphdoctor.render.parts.headline import failed_text, finding_text, headline
from graphdoctor.render.parts.identity import digest, identified
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.record import Record
from graphdoctor.render.parts.words import clean

_SEVERITIES = {Severity.ERROR: "blocker", Severity.WARNING: "minor", Severity.INFO: "info"}
_UNTOLD = "major"
_VERDICTS = {Verdict.INCOMPATIBLE: "blocker", Verdict.UNKNOWN: _UNTOLD}


def render(report: Report, options: RenderOptions) -> str:
    """An array of entries; ASCII."""
    entries = [entry for model in report.models for entry in _entries(model)]
    entries += [_entry(f.path, "not-checked", failed_text(f), "blocker", digest("failed")) for f in report.failed]
    return json.dumps(entries, indent=2) + "\n"


def _entries(model: ModelReport) -> Iterator[Record]:
    for summary in summaries(model, group_findings(model.findings)):
        verdict = summary.verdict
        if verdict.verdict in _VERDICTS and verdict.target not in model.accepted:
            reason = f" ({verdict.reason})" if verdict.reason else ""
            text = f"{headline(summary)}{reason}"
            mark = digest(verdict.target, verdict.verdict.value)
            yield _entry(model.path, "target-verdict", text, _VERDICTS[verdict.verdict], mark)
    for finding, mark in identified(model):
        yield _entry(model.path, finding.code, finding_text(finding), _severity(finding), mark)


def _severity(finding: Finding) -> str:
    return _SEVERITIES[finding.severity] if finding.certain else _UNTOLD


def _entry(path: str, check: str, description: str, severity: str, mark: str) -> Record:
    """``path`` counts in the fingerprint here, since GitLab keeps the findings of all files in one list."""
    return {
        "description": clean(description),
        "check_name": check,
        "fingerprint": digest(path, mark),
        "severity": severity,
        "location": {"path": normpath(path), "lines": {"begin": 1}},
    }
