"""A report as plain dicts with stable key order: schema version 1, ``rules/schema/check-report.schema.json``."""

from __future__ import annotations

from typing import Any

from graphdoctor.findings import Finding, Fix, ModelReport, Report, TargetVerdict, TensorInfo, in_order
from graphdoctor.render.parts.statistics import rule_counts

VERSION = 1
"""Version of the schema: it grows when a field changes its meaning or goes; a new field leaves it."""

Record = dict[str, Any]


def model_record(model: ModelReport) -> Record:
    """One model with its findings."""
    head = model_head(model)
    later = {key: head.pop(key) for key in ("hidden", "accepted")}
    return {**head, "findings": [finding_record(f) for f in sorted_findings(model)], **later}


def failed_records(report: Report) -> list[Record]:
    """The models that could not be checked."""
    return [{"path": f.path, "message": f.message, "remedy": f.remedy} for f in report.failed]


def statistics_record(report: Report) -> list[Record]:
    """How often each rule spoke, the most frequent first."""
    counts = rule_counts((m.path, f) for m in report.models for f in m.findings)
    return [
        {
            "code": c.code,
            "name": c.name,
            "severity": c.severity.label,
            "findings": c.findings,
            "nodes": c.nodes,
            "fixable": c.fixable,
        }
        for c in counts
    ]


def model_head(model: ModelReport) -> Record:
    """One model without its findings."""
    return {
        "path": model.path,
        "sha256": model.sha256,
        "kind": model.kind,
        "producer": model.producer,
        "nodes": model.nodes,
        "inputs": [_tensor(t) for t in model.inputs],
        "outputs": [_tensor(t) for t in model.outputs],
        "chosen": list(model.chosen),
        "verdicts": {v.target: _verdict(v) for v in model.verdicts},
        "not_checked": list(model.not_checked),
        "hidden": [{"reason": reason, "findings": count} for reason, count in model.hidden],
        "accepted": list(model.accepted),
    }


def sorted_findings(model: ModelReport) -> list[Finding]:
    """The findings in the order of every output."""
    return in_order(model.findings)


def finding_record(f: Finding) -> Record:
    """One finding; ``target`` is empty for one that holds whatever the target."""
    return {
        "code": f.code,
        "name": f.name,
        "severity": f.severity.label,
        "certain": f.certain,
        "target": f.target,
        "node": f.node,
        "op": f.op,
        "scope": f.scope,
        "message": f.message,
        "remedy": f.remedy,
        "fix": _fix(f.fix),
        "blocks": f.blocks,
        "covers": list(f.covers),
        "fingerprint": f.fingerprint,
    }


def _fix(fix: Fix | None) -> Record | None:
    return None if fix is None else {"rewrite": fix.rewrite, "safety": fix.safety.value, "pack": fix.pack}


def _tensor(t: TensorInfo) -> Record:
    """``shape`` is null for an unknown rank, and has null for an unknown dimension."""
    return {"name": t.name, "dtype": t.dtype.label, "shape": None if t.shape is None else list(t.shape)}


def _verdict(v: TargetVerdict) -> Record:
    record: Record = {
        "verdict": v.verdict.value,
        "supported": v.supported,
        "total": v.total,
        "reason": v.reason,
        "parser": v.parser,
    }
    return record if v.segments is None else record | {"segments": v.segments}
