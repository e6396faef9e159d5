"""From a UFF file to a plan by TensorRT's own UffParser, in the Python that has it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graphdoctor import jobs
from graphdoctor.engines.build import EngineResult, UffOptions, draft_of, put_in_place
from graphdoctor.engines.uff_log import errors_of, lines_of
from graphdoctor.errors import InputError
from graphdoctor.installed import TENSORRT_PYTHON as VARIABLE
from graphdoctor.installed import uff_parser_may_be_here
from graphdoctor.jobs.spec import EngineError, FailureKind, LogLine, UffAnswer, UffInput, UffRequest

WORKSPACE = 1 << 28
"""Bytes of GPU memory that a layer may work with, unless more are allowed."""
_START_SECONDS = 60.0
_PURPOSE = "Building the engine with TensorRT's UffParser"


@dataclass(frozen=True, slots=True)
class UffParser:
    """TensorRT's UFF parser in ``python``; where it is not to be had, ``reason`` says why."""

    python: str
    version: str = ""
    reason: str = ""

    @property
    def is_here(self) -> bool:
        """True if it can be used."""
        return not self.reason

    def for_releases(self, releases: Sequence[str]) -> UffParser:
        """This parser, if its version begins as one of ``releases`` does; any will do where there are none."""
        if self.reason or not releases or self.version.split(".")[0] in releases:
            return self
        return replace(self, reason=f"TensorRT {self.version} is another release than {' or '.join(releases)}")


@dataclass(frozen=True, slots=True)
class UffHeard:
    """What the parser says of a file: its errors, or why there is no answer and the tail of what it wrote."""

    errors: tuple[EngineError, ...] = ()
    failure: jobs.Failure | None = None
    log: str = ""


def find_uff_parser(python: str = "", releases: Sequence[str] = ()) -> UffParser:
    """The UFF parser of ``python``, which is asked in a process of its own.

    Args:
        python: an interpreter; empty is ``$GRAPHDOCTOR_TENSORRT_PYTHON``, else the one that runs this.
        releases: how the version must begin; empty takes any.

    Raises:
        InputError: there is no such interpreter.
    """
    chosen = _interpreter(python)
    if not python and not uff_parser_may_be_here():
        return UffParser(chosen, reason=f"{chosen} has no TensorRT 5 to 8; --python names another")
    result = jobs.run("uff_engine", UffRequest(), timeout=_START_SECONDS, python=chosen)
    if result.failure is not None:
        missing = result.failure.kind is FailureKind.MISSING
        why = (
            "has no module tensorrt; --python names another"
            if missing
            else f"cannot load tensorrt: {result.failure.message}"
        )
        return UffParser(chosen, reason=f"{chosen} {why}")
    answer = result.data_as(UffAnswer)
    gone = "" if answer.has_parser else f"TensorRT {answer.version} has no UffParser, which ended with 8.6"
    return UffParser(chosen, answer.version, gone).for_releases(releases)


def _interpreter(python: str) -> str:
    import shutil

    asked = python or os.environ.get(VARIABLE, "")
    if not asked:
        return sys.executable
    found = shutil.which(asked)
    if found is None:
        where = "--python" if python else VARIABLE
        raise InputError(
            f"there is no program {asked!r}", where=where, remedy="Name the Python that can import tensorrt"
        )
    return str(Path(found).absolute())


def build_uff_engine(
    uff: str | Path,
    plan_path: str | Path,
    parser: UffParser,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    options: UffOptions | None = None,
    *,
    nodes: Mapping[str, str] | None = None,
    timeout: float = 600.0,
) -> EngineResult:
    """Have TensorRT parse the file at ``uff`` and build a plan, which appears at ``plan_path`` whole or not at all.

    What TensorRT refuses is a result with errors, not an exception.

    Args:
        uff: the file.
        plan_path: where the plan goes.
        parser: from :func:`find_uff_parser`.
        inputs: dimensions to register inputs with: channels first, without the batch.
        outputs: ids of the nodes to register as outputs.
        options: how to build.
        nodes: the ops of the file's nodes by id; what TensorRT says is said of them.
        timeout: in seconds.

    Raises:
        InputError: the plan cannot be put there.
        WorkerError: the process crashed or ran out of time; the error holds what it wrote.
    """
    options = options or UffOptions()
    plan = Path(plan_path)
    draft = draft_of(plan).absolute()  # a worker has a folder of its own
    request = UffRequest(
        uff=str(Path(uff).absolute()),
        plan=str(draft),
        inputs=tuple(UffInput(name, dims) for name, dims in inputs.items()),
        outputs=tuple(outputs),
        libraries=tuple(_library(path) for path in options.libraries),
        batch=options.batch,
        workspace=WORKSPACE,
        half=options.half,
        int8=options.int8,
    )
    try:
        result = jobs.run("uff_engine", request, timeout=timeout, python=parser.python)
        jobs.raise_for_failure(result, where=str(uff), purpose=_PURPOSE)
        answer = result.data_as(UffAnswer)
        if answer.size:
            put_in_place(draft, plan)
    finally:
        draft.unlink(missing_ok=True)
    errors = _errors(answer, lines := lines_of(result.log), nodes or {})
    return _result(answer, result, plan, errors, lines)


def ask_uff_parser(
    uff: str | Path,
    parser: UffParser,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    *,
    nodes: Mapping[str, str],
    timeout: float,
) -> UffHeard:
    """What the parser alone says of the file at ``uff``; a crash or a hang is an answer too.

    Args:
        uff: the file.
        parser: from :func:`find_uff_parser`.
        inputs: dimensions to register inputs with, as for :func:`build_uff_engine`.
        outputs: ids of the nodes to register as outputs.
        nodes: the ops of the file's nodes by id.
        timeout: in seconds.
    """
    registered = tuple(UffInput(name, dims) for name, dims in inputs.items())
    request = UffRequest(str(Path(uff).absolute()), inputs=registered, outputs=tuple(outputs))
    result = jobs.run("uff_engine", request, timeout=timeout, python=parser.python)
    if result.failure is not None:
        return UffHeard(failure=result.failure, log=result.log)
    return UffHeard(_errors(result.data_as(UffAnswer), lines_of(result.log), nodes))


def _library(path: str) -> str:
    """A path is made absolute, as the worker has a folder of its own; a bare name is looked for by the system."""
    return str(Path(path).absolute()) if os.sep in path else path


def _errors(answer: UffAnswer, lines: list[LogLine], nodes: Mapping[str, str]) -> tuple[EngineError, ...]:
    """Why TensorRT refused: what its log says, else what its answer does."""
    if answer.refused is None:
        return ()
    stage, own = answer.refused.stage, (LogLine("error", answer.refused.message),)
    return (errors_of(lines, stage, nodes) if stage != "options" else ()) or errors_of(own, stage, nodes)


def _result(
    answer: UffAnswer, result: jobs.JobResult, plan: Path, errors: tuple[EngineError, ...], lines: list[LogLine]
) -> EngineResult:
    return EngineResult(
        ok=answer.size > 0,
        plan=plan,
        backend="tensorrt",
        version=answer.version,
        compute_capabilities=(),
        asked=False,
        errors=errors,
        tried=(),
        inputs=answer.inputs,
        outputs=answer.outputs,
        size=answer.size,
        plan_sha256=answer.sha256,
        parsed_sha256=answer.read_sha256,
        seconds=answer.seconds | {"total": result.seconds},
        peak_bytes=result.peak_bytes,
        log=tuple(lines),
        log_counts=dict(Counter(line.severity for line in lines)),
        parser="uff",
    )
