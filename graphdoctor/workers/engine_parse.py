"""Asks NVIDIA's live parser which nodes of ONNX models it takes, and optionally the builder as well.

Each model is asked about in a child of its own, so that one that crashes NVIDIA's code costs its own answer alone.
"""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from typing import TYPE_CHECKING

from graphdoctor.jobs.spec import EngineAnswer, EngineAnswers, EngineAsked, EngineQuestions, EngineRequest
from graphdoctor.workers._build import Build, mapped
from graphdoctor.workers._children import run_in_children
from graphdoctor.workers._serve import serve
from graphdoctor.workers._trt import Log, load_backends, open_builder, parser_errors

if TYPE_CHECKING:
    from graphdoctor.types import Array


def run(request: EngineQuestions, arrays: dict[str, Array]) -> tuple[EngineAnswers, dict[str, Array]]:
    """The parser's answer to each model; where it takes a whole model that is to be built, the builder's too.

    Raises:
        MissingModuleError: no builder is installed.
    """
    load_backends(request.models[0].backends if request.models else ())
    pieces = [partial(answer_to, model) for model in request.models]
    outcomes = run_in_children(pieces, seconds=request.seconds, at_once=request.at_once)
    return EngineAnswers(tuple(EngineAsked(*outcome) for outcome in outcomes)), {}


def answer_to(request: EngineRequest) -> EngineAnswer:
    """The answer to one model, with the errors of the log alone: the rest says nothing of the nodes.

    Raises:
        RefusedError: the builders that are installed do not work.
        OSError: the model cannot be read.
    """
    answer = ask(request)
    if answer.parsed and request.build:
        answer = dataclasses.replace(Build(request).answer(), subgraphs=answer.subgraphs)
    kept = tuple(line for line in answer.log if line.severity.endswith("error"))
    return dataclasses.replace(answer, log=kept)


def ask(request: EngineRequest) -> EngineAnswer:
    """Whether the parser supports the model, its errors, and the nodes it found nothing against."""
    log = Log()
    start = time.perf_counter()
    backend = open_builder(request.backends, log)
    opened = time.perf_counter()
    network = backend.builder.create_network(0)
    parser = backend.trt.OnnxParser(network, backend.logger)
    log.stage = "parse"
    with mapped(request.onnx) as data:
        supported = parser.supports_model_v2(data, request.onnx)
    subgraphs = tuple(tuple(parser.get_subgraph_nodes(i)) for i in range(parser.num_subgraphs))
    return EngineAnswer(
        backend=backend.name,
        version=backend.version,
        parsed=bool(supported),
        built=False,
        errors=parser_errors(parser),
        tried=backend.tried,
        subgraphs=subgraphs,
        seconds={"import": opened - start, "parse": time.perf_counter() - opened},
        log=tuple(line for _, line in log.lines),
        log_counts=dict(log.counts),
    )


if __name__ == "__main__":
    serve(run, EngineQuestions)
