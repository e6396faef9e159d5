"""Run a model on given inputs, in a worker process."""

from __future__ import annotations

from graphdoctor.runners.run import run_onnx, run_tensorflow

__all__ = ["run_onnx", "run_tensorflow"]
