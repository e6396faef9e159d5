"""Run a model on several input sets at the price of one start of its runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graphdoctor import jobs
from graphdoctor.errors import InputError
from graphdoctor.jobs.spec import OnnxRun, TensorflowEach, TensorflowRun, pack_sets, unpack_sets
from graphdoctor.types import Array

Model = str | Path | bytes
InputSets = Sequence[Mapping[str, Array]]


def run_tensorflow(
    graph: Model, input_sets: InputSets, fetches: Sequence[str], *, timeout: float = 600.0, name: str = ""
) -> list[dict[str, Array]]:
    """Run a frozen GraphDef with TensorFlow on the CPU, without its graph rewrites and without oneDNN.

    Args:
        graph: the file, or its bytes.
        input_sets: arrays by tensor name (``input`` or ``input:0``); the graph runs once for each set.
        fetches: tensor names; an output in bfloat16 comes back as float32.
        timeout: seconds for all sets and the start together.
        name: what messages call the model; the path when empty.

    Returns:
        For each set the outputs by the names in ``fetches``.

    Raises:
        InputError: the file does not exist.
        MissingExtraError: TensorFlow is not installed.
        WorkerError: TensorFlow cannot run the graph, crashed, or ran out of time; the message is
        TensorFlow's own.
    """
    path, files = _model(graph, "graph.pb")
    request = TensorflowRun(path, tuple(fetches), len(input_sets))
    where = name or _shown(graph, "the graph")
    return _run("tensorflow_run", request, input_sets, files, timeout, where)


def run_each_tensorflow(
    graphs: Sequence[bytes], feeds: InputSets, fetches: Sequence[Sequence[str]], *, timeout: float = 600.0
) -> list[dict[str, Array] | str]:
    """Run GraphDefs with TensorFlow on the CPU, all in one process; of each its outputs, or why it cannot run.

    Args:
        graphs: serialized; where the same object follows itself, it is loaded once.
        feeds: arrays by tensor name, for each graph.
        fetches: tensor names, for each graph.
        timeout: seconds for all of them.

    Raises:
        MissingExtraError: TensorFlow is not installed.
        WorkerError: it crashed, or ran out of time.
    """
    names = {id(graph): f"{i}.pb" for i, graph in enumerate(graphs)}
    files = {names[id(graph)]: graph for graph in graphs}
    request = TensorflowEach(tuple(names[id(graph)] for graph in graphs), tuple(map(tuple, fetches)))
    result = jobs.run("tensorflow_each", request, pack_sets(feeds), timeout=timeout, files=files)
    jobs.raise_for_failure(result, where="the graphs", purpose=_PURPOSES["tensorflow_run"])
    outputs = unpack_sets(result.arrays, len(graphs))
    return [error or found for error, found in zip(result.data["errors"], outputs, strict=True)]


def run_onnx(
    model: Model,
    input_sets: InputSets,
    fetches: Sequence[str] = (),
    *,
    optimisation: str = "basic",
    timeout: float = 600.0,
    name: str = "",
) -> list[dict[str, Array]]:
    """Run an ONNX model with ONNX Runtime on the CPU; like `run_tensorflow`, with these differences.

    Args:
        fetches: output names; none means every output of the model.
        optimisation: ONNX Runtime's graph optimisation level: ``none``, ``basic``, ``extended`` or ``all``.
    """
    path, files = _model(model, "model.onnx")
    request = OnnxRun(path, tuple(fetches), len(input_sets), optimisation)
    where = name or _shown(model, "the ONNX model")
    return _run("onnxruntime_run", request, input_sets, files, timeout, where)


_PURPOSES = {
    "tensorflow_run": "Running the model with TensorFlow",
    "onnxruntime_run": "Running the model with ONNX Runtime",
}


def _run(
    worker: str, request: Any, sets: InputSets, files: dict[str, bytes], timeout: float, where: str
) -> list[dict[str, Array]]:
    result = jobs.run(worker, request, pack_sets(sets), timeout=timeout, files=files)
    jobs.raise_for_failure(result, where=where, purpose=_PURPOSES[worker])
    return unpack_sets(result.arrays, len(sets))


def _model(model: Model, file: str) -> tuple[str, dict[str, bytes]]:
    """The path a worker opens, and the files it must be given for that."""
    if isinstance(model, bytes):
        return file, {file: model}
    path = Path(model)
    if not path.is_file():
        raise InputError("there is no such file", where=str(path), remedy="Give the path of an existing model")
    return str(path.absolute()), {}


def _shown(model: Model, otherwise: str) -> str:
    return otherwise if isinstance(model, bytes) else str(model)
