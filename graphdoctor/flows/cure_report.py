"""report.json of cure: what every step found and did, for machines."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from graphdoctor import __version__
from graphdoctor.findings import ModelReport
from graphdoctor.flows.cure import Cure
from graphdoctor.flows.cure_product import Product
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
        "cut": _cut(run),
        **_products(run),
    }
    return json.dumps(record, indent=2) + "\n"


def _products(run: Cure) -> dict[str, Any]:
    """What was done with the one engine; with several, of each by itself."""
    if len(run.products) == 1:
        return _product(run.products[0])
    nothing = dict.fromkeys(("check_after_fix", "convert", "build", "verify"))
    return {**nothing, "engines": [{"model": p.graph_file, **_product(p)} for p in run.products]}


def _product(product: Product) -> dict[str, Any]:
    return {
        "check_after_fix": _model(product.after),
        "convert": _convert(product),
        "build": _build(product),
        "verify": _verify(product),
    }


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


def _convert(product: Product) -> Any:
    if product.onnx is None:
        return None
    return {
        "nodes": [{"name": n.name, "op": n.op_type, "tensorflow": list(n.origins)} for n in product.onnx.nodes],
        "dropped": product.onnx.dropped,
    }


def _build(product: Product) -> Any:
    if product.built is None:
        return None
    r = product.built.result
    return {
        "ok": r.ok,
        "backend": r.backend,
        "parser": r.parser,
        "by": product.built.by,
        "version": r.version,
        "compute_capabilities": list(r.compute_capabilities),
        "size": r.size,
        "errors": [str(e) for e in product.built.errors],
    }


def _verify(product: Product) -> Any:
    if product.verified is None:
        return None
    judgement = product.verified.judgement
    return {
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "data": product.verified.data,
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
