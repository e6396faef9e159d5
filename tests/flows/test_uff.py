"""UFF on the whole way: a graph to a file, the file to ONNX, an engine and TensorFlow's numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import call
from tests.flows.nets import graph

pytestmark = [pytest.mark.engine, pytest.mark.tensorflow, pytest.mark.slow, pytest.mark.xdist_group("engine")]
UFF = Path(__file__).parents[3] / "shared" / "corpus" / "uff"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("cnn_tf1_nhwc", "trt8-uff"),
        ("cnn_tf1_nhwc", "trt3"),
        ("cnn_tf1_nchw", "trt8-uff"),
        ("depthwise", "trt5"),
        ("keras_bn_unfused", "trt3"),
        ("mlp", "trt8-uff"),
        ("lstm_unrolled", "trt8-uff"),
    ],
)
def test_cure_for_a_uff_target(name: str, target: str, tmp_path: Path) -> None:
    """The plan and the numbers are those of the file's twin: what TensorRT's parser finds in it."""
    done = call("cure", graph(name), "--target", target, "-o", tmp_path)
    assert "TensorFlow's numbers" in done.out, done.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert [s["status"] for s in report["steps"] if s["name"] in ("convert", "build", "verify")] == ["done"] * 3
    assert (tmp_path / "model.uff").stat().st_size > 100
    assert "parser.register_input(" in done.out
    assert call("verify", graph(name), tmp_path / "model.uff").code == 0


@pytest.mark.skipif(not UFF.exists(), reason="the corpus of real models is not here")
@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("lenet_model", []),
        ("ppo_model", []),
        ("mnist_test", ["--input", "input_image[1,28,28]"]),
        ("jetson_tensorflow_graph", ["--input", "input_1[1,30,40]", "--input", "input_2[1,30,40]"]),
    ],
)
def test_real_files_become_engines(name: str, inputs: list[str], tmp_path: Path) -> None:
    done = call("cure", UFF / f"{name}.uff", "--target", "rtx1.7", "-o", tmp_path, *inputs)
    assert done.code == 0, done.out
    assert (tmp_path / "model.plan").exists()
