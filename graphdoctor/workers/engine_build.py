"""Parses an ONNX model with NVIDIA's parser and builds a plan from it. Needs no GPU with TensorRT-RTX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphdoctor.jobs.spec import EngineAnswer, EngineRequest
from graphdoctor.workers._build import Build
from graphdoctor.workers._serve import serve

if TYPE_CHECKING:
    from graphdoctor.types import Array


def run(request: EngineRequest, arrays: dict[str, Array]) -> tuple[EngineAnswer, dict[str, Array]]:
    """Parse the model and, when the request says so, build it; complaints are part of the answer.

    Raises:
        MissingModuleError: no builder is installed.
        RefusedError: the builders that are installed do not work, or the plan cannot be written.
        OSError: the model cannot be read.
    """
    return Build(request).answer(), {}


if __name__ == "__main__":
    serve(run, EngineRequest)
