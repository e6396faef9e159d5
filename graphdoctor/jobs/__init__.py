"""Worker processes: a request goes in, a result comes out, and a crash is a result like any other."""

from __future__ import annotations

from graphdoctor.jobs.launch import run
from graphdoctor.jobs.spec import Failure, FailureKind, JobResult, raise_for_failure

__all__ = ["Failure", "FailureKind", "JobResult", "raise_for_failure", "run"]
