"""One JSON document, ASCII, keys in the order of the schema."""

from __future__ import annotations

import json

from graphdoctor.findings import Report
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.record import VERSION, model_record


def render(report: Report, options: RenderOptions) -> str:
    """The whole report as ``rules/schema/check-report.schema.json`` describes it."""
    record = {"version": VERSION, "tool": report.tool, "models": [model_record(m) for m in report.models]}
    return json.dumps(record, indent=2) + "\n"
