"""One JSON document, ASCII, keys in the order of the schema."""

from __future__ import annotations

import json

import msgspec

from graphdoctor.findings import Report
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.record import VERSION, Record, failed_records, model_record, statistics_record


def render(report: Report, options: RenderOptions) -> str:
    """The whole report as ``rules/schema/check-report.schema.json`` describes it."""
    models = [model_record(m) for m in report.models]
    record: Record = {
        "version": VERSION,
        "tool": report.tool,
        "models": models,
        "statistics": statistics_record(report),
    }
    record["failed"] = failed_records(report)
    # json writes ASCII, but indents in Python; msgspec indents ten times faster and leaves texts as they are.
    try:
        return msgspec.json.format(json.dumps(record), indent=2) + "\n"
    except msgspec.DecodeError:  # a name that is half of a surrogate pair, which msgspec does not take
        return json.dumps(record, indent=2) + "\n"
