"""Runs many GraphDefs with TensorFlow on the CPU, each in a session of its own: one start for all of them.

A graph that is asked for again at once keeps its session.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import groupby

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
    requests = zip(request.graphs, request.fetches, unpack_sets(arrays, len(request.graphs)), strict=True)
    for path, group in groupby(requests, key=lambda r: r[0]):
        for answer in _answers(tf, path, [(fetches, feeds) for _, fetches, feeds in group]):
            results.append({} if isinstance(answer, str) else answer)
            errors.append(answer if isinstance(answer, str) else "")
    return EachDone(tuple(errors)), pack_sets(results)


def _answers(
    tf: _TensorFlow, path: str, requests: Sequence[tuple[tuple[str, ...], dict[str, Array]]]
) -> Iterator[dict[str, Array] | str]:
    """The outputs that each request fetches, or why not."""
    try:
        graph = _graph(tf, path)
    except RefusedError as e:
        yield from [str(e)] * len(requests)
        return
    with tf.session(graph=graph, config=_config(tf)) as session:
        for fetches, feeds in requests:
            try:
                yield _run_once(tf, session, fetches, feeds)
            except RefusedError as e:
                yield str(e) or "TensorFlow refuses it"


if __name__ == "__main__":
    serve(run, TensorflowEach)
