"""SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

A graph has no lines: a result lies in the model file (``artifactLocation``, no region) at a node
(``logicalLocations``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from graphdoctor.findings import Finding, Hidden, ModelReport, Report, Severity
from graphdoctor.render.parts.headline import failed_text, finding_text
from graphdoctor.render.parts.identity import identified, mark_of
from graphdoctor.render.parts.options import RenderOptions, RuleInfo
from graphdoctor.render.parts.record import finding_record, model_head
from graphdoctor.render.parts.words import clean

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: Report, options: RenderOptions) -> str:
    """One run; what was not checked is a notification of its invocation."""
    name, _, version = report.tool.partition(" ")
    codes = _rule_codes(report)
    driver: dict[str, Any] = {"name": name, "rules": [_rule(c, f, options) for c, f in codes.items()]}
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(report)],
        "artifacts": [_artifact(m) for m in report.models],
        "results": list(_results(report, {code: i for i, code in enumerate(codes)})),
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule_codes(report: Report) -> dict[str, Finding]:
    """Each code that was found, with a finding of it, in alphabetical order."""
    found = {h.finding.code: h.finding for m in report.models for h in m.concealed if h.accepted}
    found |= {f.code: f for m in report.models for f in m.findings}
    return dict(sorted(found.items()))


def _rule(code: str, finding: Finding, options: RenderOptions) -> dict[str, Any]:
    info = options.rules.get(code) or RuleInfo(finding.name, finding.name, severity=finding.severity)
    sections = [info.summary, info.why, info.remedy]
    rule: dict[str, Any] = {
        "id": code,
        "name": info.name,
        "shortDescription": {"text": info.summary},
        "fullDescription": {"text": info.why or info.summary},
        "defaultConfiguration": {"level": _LEVELS[info.severity]},
        "help": {"text": "\n\n".join(s for s in sections if s), "markdown": _help_markdown(code, info)},
    }
    if options.help_base:
        rule["helpUri"] = options.page_of(code)
    return rule


def _help_markdown(code: str, info: RuleInfo) -> str:
    parts = [f"**{info.summary}** (`{code}`)", info.why, f"**What to do:** {info.remedy}" if info.remedy else ""]
    return "\n\n".join(p for p in parts if p)


def _artifact(model: ModelReport) -> dict[str, Any]:
    artifact: dict[str, Any] = {"location": {"uri": _uri(model.path)}, "roles": ["analysisTarget"]}
    if model.sha256:
        artifact["hashes"] = {"sha-256": model.sha256}
    head = model_head(model)
    artifact["properties"] = {k: head[k] for k in ("kind", "nodes", "chosen", "verdicts")}
    return artifact


def _results(report: Report, codes: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for index, model in enumerate(report.models):
        artifact = {"uri": _uri(model.path), "index": index}
        for finding, mark in identified(model):
            yield _result(finding, mark, artifact, codes[finding.code])
        for hidden in sorted(model.concealed, key=lambda h: h.finding.sort_key):
            if hidden.accepted:
                yield _suppressed(hidden, artifact, codes[hidden.finding.code])


def _suppressed(hidden: Hidden, artifact: dict[str, Any], rule: int) -> dict[str, Any]:
    """A finding that the user accepted: it stands in the log, and nobody is asked to look at it."""
    suppression = {"kind": "external", "justification": clean(f"hidden {hidden.reason}")}
    return {**_result(hidden.finding, f"{mark_of(hidden.finding)}:0", artifact, rule), "suppressions": [suppression]}


def _result(f: Finding, mark: str, artifact: dict[str, Any], rule: int) -> dict[str, Any]:
    """A result; GitHub keeps an alert by ``primaryLocationLineHash``, which it cannot compute for a binary file."""
    record = finding_record(f)
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact}}
    if f.node:
        name = f.node.rpartition("/")[2]
        place["logicalLocations"] = [{"name": name, "fullyQualifiedName": f.node, "kind": "member"}]
    return {
        "ruleId": f.code,
        "ruleIndex": rule,
        "level": _LEVELS[f.severity] if f.certain else _LEVELS[min(f.severity, Severity.WARNING)],
        "message": {"text": _text(f)},
        "locations": [place],
        "partialFingerprints": {"graphdoctor/v1": mark, "primaryLocationLineHash": mark},
        "properties": {k: record[k] for k in ("target", "op", "scope", "certain", "fix")},
    }


def _text(f: Finding) -> str:
    """One plain line that holds no ``[text](link)``, which SARIF would take for one."""
    return clean(finding_text(f)).replace("](", "] (")


def _invocation(report: Report) -> dict[str, Any]:
    failures = [
        {
            "level": "error",
            "message": {"text": clean(failed_text(f)).replace("](", "] (")},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(f.path)}}}],
        }
        for f in report.failed
    ]
    notifications = _notifications(report) + failures
    return {"executionSuccessful": not report.failed, "toolExecutionNotifications": notifications}


def _notifications(report: Report) -> list[dict[str, Any]]:
    return [
        {
            "level": "note",
            "message": {"text": f"not checked: {note}"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(m.path), "index": i}}}],
        }
        for i, m in enumerate(report.models)
        for note in m.not_checked
    ]


def _uri(path: str) -> str:
    """A relative path as a relative URI reference, an absolute one as ``file://``."""
    from urllib.parse import quote

    return PurePosixPath(path).as_uri() if path.startswith("/") else quote(path, safe="/", errors="surrogatepass")
