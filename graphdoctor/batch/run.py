"""``check`` over many models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphdoctor.errors import GraphdoctorError
from graphdoctor.findings import ModelReport
from graphdoctor.flows.check import CheckOptions, check_model


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one model: its report, or the error for which there is none."""

    path: str
    report: ModelReport | None = None
    error: GraphdoctorError | None = None


def check_all(paths: Sequence[str], options: CheckOptions) -> Iterator[Outcome]:
    """The outcome of each model, in the order of ``paths``."""
    for path in paths:
        try:
            yield Outcome(path, report=check_model(path, options))
        except GraphdoctorError as e:
            yield Outcome(path, error=e)
