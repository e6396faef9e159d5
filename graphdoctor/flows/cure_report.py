"""report.json of cure: what every step found and did, for machines."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from graphdoctor import __version__
from graphdoctor.findings import ModelReport
from graphdoctor.flows.cure import Cure
from graphdoctor.formats.host import Written
from graphdoctor.render.parts.record import model_record

VERSION = 1
"""Version of the schema of report.json."""


def cure_report(run: Cure) -> str:
    """The report of a run as JSON."""
    record = {
        "version": VERSION,
        "tool": f"graphdoctor {__version__}",
        "model": run.model,
        "target": run.options.target.name,
        "exit_code": run.exit_code(),
        "error": str(run.failed) if run.failed else None,
        "steps": [
            {
                "name": s.name,
                "status": s.status,
                "seconds": round(s.seconds, 3),
                "summary": s.summary,
                "artefacts": [a.path for a in s.artefacts],
            }
            for s in run.steps
        ],
        "check": _model(run.before),
        "fix": _fix(run),
        "check_after_fix": _model(run.after),
        "cut": _cut(run),
        "convert": _convert(run),
        "build": _build(run),
        "verify": _verify(run),
    }
    return json.dumps(record, indent=2) + "\n"


def _model(report: ModelReport | None) -> Any:
    return None if report is None else model_record(report)


def _fix(run: Cure) -> Any:
    if run.fixed is None:
        return None
    result = run.fixed.result
    return {
        "rounds": result.rounds,
        "converged": result.converged,
        "applied": [
            {"rewrite": a.rewrite, "safety": a.safety.value, "node": a.node, "note": a.note} for a in result.applied
        ],
        "refused": [{"rewrite": r.rewrite, "node": r.node, "reason": r.reason} for r in result.refused],
        "rolled_back": [{"rewrite": r.rewrite, "reason": r.broken.detail} for r in result.rolled_back],
    }


def _cut(run: Cure) -> Any:
    if run.cut is None:
        return None
    functions = [part for part in run.cut.order if isinstance(part, Written)]
    return {
        "engines": [
            {"model": p.engine.model, "inputs": list(p.engine.takes), "outputs": list(p.engine.gives)}
            for p in run.cut.parts
        ],
        "functions": [
            {
                "name": f.function.name,
                "parameters": {n: v.name for n, v in f.parameters.items()},
                "gives": [v.name for v in f.function.gives],
            }
            for f in functions
        ],
        "proven": run.proof is not None and run.is_host_right(),
    }


def _convert(run: Cure) -> Any:
    if run.onnx is None:
        return None
    return {
        "nodes": [{"name": n.name, "op": n.op_type, "tensorflow": list(n.origins)} for n in run.onnx.nodes],
        "dropped": run.onnx.dropped,
    }


def _build(run: Cure) -> Any:
    if run.built is None:
        return None
    r = run.built.result
    return {
        "ok": r.ok,
        "backend": r.backend,
        "parser": r.parser,
        "by": run.built.by,
        "version": r.version,
        "compute_capabilities": list(r.compute_capabilities),
        "size": r.size,
        "errors": [str(e) for e in run.built.errors],
    }


def _verify(run: Cure) -> Any:
    if run.verified is None:
        return None
    judgement = run.verified.judgement
    return {
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "data": run.verified.data,
        "outputs": [
            {
                "name": o.name,
                "verdict": o.verdict.value,
                "max_abs": o.comparison.max_abs if o.comparison else None,
                "max_rel": o.comparison.max_rel if o.comparison and isfinite(o.comparison.max_rel) else None,
                "mean_abs": o.comparison.mean_abs if o.comparison else None,
                "rtol": o.comparison.tolerance.rtol if o.comparison else None,
                "atol": o.comparison.tolerance.atol if o.comparison else None,
            }
            for o in judgement.outputs
        ],
    }
