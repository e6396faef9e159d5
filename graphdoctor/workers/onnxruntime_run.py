"""Runs an ONNX model on the CPU with ONNX Runtime."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from graphdoctor.jobs.spec import OnnxRun, RunDone, pack_sets, unpack_sets
from graphdoctor.types import Array
from graphdoctor.workers._serve import RefusedError, serve

_LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
_SEVERITY_ERROR = 3
_UNSOUND = ["Pad_Fusion"]
"""Optimizations that change results: this one makes zeros in front of a MaxPool minus infinity (seen in 1.31)."""


def run(request: OnnxRun, arrays: dict[str, Array]) -> tuple[RunDone, dict[str, Array]]:
    """Run the model once per input set.

    Raises:
        RefusedError: inputs or outputs that the model does not have, or an output that is no tensor of
        numbers.
    """
    start = time.perf_counter()
    import onnxruntime  # inside serve(), which reports that it is missing

    session = _session(onnxruntime, request)
    loaded = time.perf_counter()
    names = list(request.fetches) or [o.name for o in session.get_outputs()]
    results = [_run_once(session, names, feeds) for feeds in unpack_sets(arrays, request.sets)]
    seconds = {"load": loaded - start, "run": time.perf_counter() - loaded}
    return RunDone(onnxruntime.__version__, seconds), pack_sets(results)


def _session(onnxruntime: Any, request: OnnxRun) -> Any:
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(levels, _LEVELS[request.optimisation])
    options.log_severity_level = _SEVERITY_ERROR
    return onnxruntime.InferenceSession(
        request.model, options, providers=["CPUExecutionProvider"], disabled_optimizers=_UNSOUND
    )


def _run_once(session: Any, names: list[str], feeds: dict[str, Array]) -> dict[str, Array]:
    inputs = [i.name for i in session.get_inputs()]
    _demand("output", names, [o.name for o in session.get_outputs()])
    _demand("input", list(feeds), inputs)
    missing = [name for name in inputs if name not in feeds]
    if missing:
        raise RefusedError(f"no values were given for the input {missing[0]!r}")
    values = session.run(names, feeds)
    return {name: _numbers(name, value) for name, value in zip(names, values, strict=True)}


def _demand(what: str, asked: list[str], has: list[str]) -> None:
    for name in asked:
        if name not in has:
            raise RefusedError(f"the model has no {what} {name!r}; it has {', '.join(has) or 'none'}")


def _numbers(name: str, value: Any) -> Array:
    if not isinstance(value, np.ndarray):
        raise RefusedError(f"the output {name!r} is a {type(value).__name__}, not a tensor")
    if value.dtype.kind not in "biufc":
        raise RefusedError(f"the output {name!r} is of dtype {value.dtype}, which cannot be compared")
    return value


if __name__ == "__main__":
    serve(run, OnnxRun)
