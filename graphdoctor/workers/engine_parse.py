"""Asks NVIDIA's live parser which nodes of an ONNX model it takes, and optionally the builder as well."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from graphdoctor.jobs.spec import EngineAnswer, EngineRequest
from graphdoctor.workers._build import Build, mapped
from graphdoctor.workers._serve import serve
from graphdoctor.workers._trt import Log, open_builder, parser_errors

if TYPE_CHECKING:
    from graphdoctor.types import Array


def run(request: EngineRequest, arrays: dict[str, Array]) -> tuple[EngineAnswer, dict[str, Array]]:
    """The parser's answer; where it takes the whole model and the request says ``build``, the builder's too.

    Raises:
        MissingModuleError: no builder is installed.
        RefusedError: the builders that are installed do not work.
        OSError: the model cannot be read.
    """
    answer = ask(request)
    if not (answer.parsed and request.build):
        return answer, {}
    built = Build(request).answer()
    return dataclasses.replace(built, subgraphs=answer.subgraphs), {}


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
    serve(run, EngineRequest)
