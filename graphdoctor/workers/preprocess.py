"""Runs ``preprocess(dynamic_graph)`` of a configuration script, as the UFF converter did, and writes the graph."""

from __future__ import annotations

import os
from pathlib import Path

from graphdoctor.graphsurgeon import DynamicGraph, GraphDef
from graphdoctor.jobs.spec import Preprocess, Preprocessed
from graphdoctor.types import Array
from graphdoctor.workers._run import print_error, run_path
from graphdoctor.workers._serve import RefusedError, serve
from graphdoctor.workers._stand_ins import put_in_place

FUNCTION = "preprocess"


def run(request: Preprocess, arrays: dict[str, Array]) -> tuple[Preprocessed, dict[str, Array]]:
    """Read the graph, let the script change it, write it.

    Raises:
        RefusedError: the script raises, or has no function ``preprocess``.
    """
    put_in_place()
    graph_path, out_path = Path(request.graph).absolute(), Path(request.out).absolute()
    graph = DynamicGraph(GraphDef.FromString(graph_path.read_bytes()))
    os.chdir(request.folder)
    try:
        function = run_path(request.script, name=Path(request.script).stem).get(FUNCTION)
        if callable(function):
            function(graph)
    except BaseException as e:  # whatever a script raises, SystemExit included, is its own error
        print_error(e, request.script)
        raise RefusedError(f"the script raises {type(e).__name__}: {e}") from e
    if not callable(function):
        raise RefusedError(f"the script has no function {FUNCTION}(dynamic_graph)")
    out_path.write_bytes(graph.as_graph_def().SerializeToString())
    return Preprocessed(len(graph)), {}


if __name__ == "__main__":
    serve(run, Preprocess)
