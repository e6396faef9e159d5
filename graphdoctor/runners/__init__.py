"""Run a model on given inputs, or a script over a graph, in a worker process."""

from __future__ import annotations

from graphdoctor.runners.run import run_each_tensorflow, run_onnx, run_tensorflow
from graphdoctor.runners.script import preprocess, run_script

__all__ = ["preprocess", "run_each_tensorflow", "run_onnx", "run_script", "run_tensorflow"]
