"""Runs many small GraphDefs with TensorFlow on the CPU, each in a session of its own: one start for all of them."""

from __future__ import annotations

import os
from pathlib import Path

from graphdoctor.jobs.spec import EachDone, TensorflowEach, pack_sets, unpack_sets
from graphdoctor.types import Array
from graphdoctor.workers._serve import RefusedError, serve
from graphdoctor.workers.tensorflow_run import _ENVIRONMENT, _config, _graph, _one_dnn, _run_once, _TensorFlow


def run(request: TensorflowEach, arrays: dict[str, Array]) -> tuple[EachDone, dict[str, Array]]:
    """The outputs of each graph that TensorFlow runs, and of the others why not."""
    one_dnn = max((_one_dnn(path) for path in request.graphs), default="0")
    os.environ.update(_ENVIRONMENT, TF_ENABLE_ONEDNN_OPTS=one_dnn)
    tf = _TensorFlow()
    results: list[dict[str, Array]] = []
    errors: list[str] = []
    for path, fetches, feeds in zip(
        request.graphs, request.fetches, unpack_sets(arrays, len(request.graphs)), strict=True
    ):
        try:
            results.append(_outputs(tf, path, fetches, feeds))
            errors.append("")
        except RefusedError as e:
            results.append({})
            errors.append(str(e) or "TensorFlow refuses it")
        Path(path).unlink()
    return EachDone(tuple(errors)), pack_sets(results)


def _outputs(tf: _TensorFlow, path: str, fetches: tuple[str, ...], feeds: dict[str, Array]) -> dict[str, Array]:
    with tf.session(graph=_graph(tf, path), config=_config(tf)) as session:
        return _run_once(tf, session, fetches, feeds)


if __name__ == "__main__":
    serve(run, TensorflowEach)
