"""Runs ``preprocess(dynamic_graph)`` of a configuration script, as the UFF converter did, and writes the graph."""

from __future__ import annotations

import os
from pathlib import Path

from graphdoctor.graphsurgeon import DynamicGraph, GraphDef
from graphdoctor.jobs.spec import Preprocess, Preprocessed
from graphdoctor.types import Array
from graphdoctor.workers._run import print_error, run_path
from graphdoctor.workers._serve import MissingModuleError, RefusedError, serve
from graphdoctor.workers._stand_ins import put_in_place
from graphdoctor.workers._tensorflow_stand_in import NAME as TENSORFLOW

FUNCTION = "preprocess"


def run(request: Preprocess, arrays: dict[str, Array]) -> tuple[Preprocessed, dict[str, Array]]:
    """Read the graph, let the script change it, write it.

    Raises:
        MissingModuleError: the script asks for more of TensorFlow than stands in for it, and none is installed.
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
        if isinstance(e, ModuleNotFoundError) and e.name == TENSORFLOW:
            raise MissingModuleError(TENSORFLOW, str(e)) from e
        print_error(e, request.script)
        raise RefusedError(f"the script raises {_said(e)}") from e
    if not callable(function):
        raise RefusedError(f"the script has no function {FUNCTION}(dynamic_graph)")
    out_path.write_bytes(graph.as_graph_def().SerializeToString())
    return Preprocessed(len(graph)), {}


def _said(error: BaseException) -> str:
    """The type of an exception and what it says; KeyError would quote it."""
    said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


if __name__ == "__main__":
    serve(run, Preprocess)
