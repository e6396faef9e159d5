"""TensorRT engines through NVIDIA's own parser and builder, each in a worker process."""

from __future__ import annotations

from graphdoctor.engines.ask import NoAnswer, NodeSupport, ParserAnswer, Question, ask_many, ask_parser
from graphdoctor.engines.backends import Backend, available_backends
from graphdoctor.engines.build import BuildOptions, EngineResult, UffOptions, build_engine
from graphdoctor.engines.messages import MappedError, map_errors
from graphdoctor.engines.sidecar import sidecar_path, write_sidecar
from graphdoctor.engines.uff import (
    UffParser,
    ask_uff_parser,
    build_uff_engine,
    find_uff_parser,
)
from graphdoctor.jobs.spec import EngineError, EngineTensor, ShapeRange

__all__ = [
    "Backend",
    "BuildOptions",
    "EngineError",
    "EngineResult",
    "EngineTensor",
    "MappedError",
    "NoAnswer",
    "NodeSupport",
    "ParserAnswer",
    "Question",
    "ShapeRange",
    "UffOptions",
    "UffParser",
    "ask_many",
    "ask_parser",
    "ask_uff_parser",
    "available_backends",
    "build_engine",
    "build_uff_engine",
    "find_uff_parser",
    "map_errors",
    "sidecar_path",
    "write_sidecar",
]
