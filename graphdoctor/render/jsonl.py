"""JSON lines, for streams and ``jq``: a line for each model (``type: model``), then one for each of its findings.

A model that could not be checked is a line (``type: failed``); with ``--statistics`` a line for each rule stands at the
end (``type: rule``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from graphdoctor.findings import Report
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.record import (
    VERSION,
    Record,
    failed_records,
    finding_record,
    model_head,
    sorted_findings,
    statistics_record,
)


def render(report: Report, options: RenderOptions) -> str:
    """The fields of the ``json`` format, one object a line; a finding names its model in ``path``."""
    return "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in _records(report, options))


def _records(report: Report, options: RenderOptions) -> Iterator[Record]:
    for model in report.models:
        yield {"type": "model", "version": VERSION, "tool": report.tool, **model_head(model)}
        for f in sorted_findings(model):
            yield {"type": "finding", "path": model.path, **finding_record(f)}
    yield from ({"type": "failed", **record} for record in failed_records(report))
    if options.statistics:
        yield from ({"type": "rule", **record} for record in statistics_record(report))
