"""UFF on the whole way: a graph to a file, the file to ONNX, an engine and TensorFlow's numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import call
from tests.flows.nets import graph, written

pytestmark = [pytest.mark.engine, pytest.mark.tensorflow, pytest.mark.slow, pytest.mark.xdist_group("engine")]
NORMALIZED = """
x = Placeholder {dtype: float32, shape: shape[?,16,16,3]}
w = Const float32[5,5,3,16] normal(1, 0.1)
c = Conv2D(x, w) {strides: [1,1,1,1], padding: "SAME", data_format: "NHWC", T: float32}
r = Relu(c) {T: float32}
n = LRN(r) {depth_radius: 2, bias: 2.0, alpha: 0.001, beta: 0.75, T: float32}
p = MaxPool(n) {ksize: [1,2,2,1], strides: [1,2,2,1], padding: "VALID", data_format: "NHWC", T: float32}
v = Const float32[3,3,16,8] normal(3, 0.1)
d = Conv2D(p, v) {strides: [1,2,2,1], padding: "SAME", data_format: "NHWC", T: float32}
y = LRN(d) {depth_radius: 4, bias: 1.0, alpha: 0.5, beta: 0.6, T: float32}
inputs: x
outputs: y
"""
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


@pytest.mark.parametrize("target", ["trt3", "trt8-uff"])
def test_normalization_as_in_alexnet(target: str, tmp_path: Path) -> None:
    """UFF's own is refused, since nobody says what its fields mean; written out, the numbers are TensorFlow's."""
    model = written(tmp_path, NORMALIZED)
    done = call("cure", model, "--target", target, "--unsafe-fixes", "-o", tmp_path / "c")
    assert done.code == 0, done
    refused = call("convert", model, "--to", "uff", "-o", tmp_path / "n.uff")
    assert refused.code == 2
    assert "fix --rules uff --unsafe-fixes writes it as a convolution" in " ".join(refused.err.split())


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
