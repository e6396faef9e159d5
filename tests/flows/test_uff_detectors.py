"""Detectors from TensorFlow to UFF and on to ONNX: the same boxes, whole or cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphdoctor.flows.check import CheckOptions
from graphdoctor.flows.check_uff import check_uff
from graphdoctor.formats.onnx import onnx_from_graph
from graphdoctor.formats.tensorflow import graph_from_bytes, graphdef_bytes
from graphdoctor.formats.uff import graph_from_uff, load_uff, uff_from_graph
from graphdoctor.ir import Graph
from graphdoctor.passes.signature import set_signature
from graphdoctor.types import Array
from graphdoctor.wire.uff import uff_bytes
from tests.cli.program import call, refused
from tests.formats.host.loaded import loaded
from tests.ops import harness
from tests.surgery.detection import detected, give_weights, unlike
from tests.surgery.test_ssd import IS_HERE, SMALL, fix, fixed, head_of, opened

pytest.importorskip("onnxruntime")
FAST = "v2_tofloat_nms3"
SLOW = ("v1_buoy", "v1_checkpoint", "v1_coco_2018", "v2_tf115_cast_nms5")
CASES = [
    "small",
    pytest.param(FAST, marks=IS_HERE),
    *(pytest.param(name, marks=(IS_HERE, pytest.mark.slow)) for name in SLOW),
]


def uff_of(graph: Graph) -> bytes:
    """The detector with plugins, as a UFF file."""
    plugins = graph_from_bytes(graphdef_bytes(graph))
    set_signature(plugins)
    fix(plugins, "trt7-uff")
    return uff_bytes(uff_from_graph(plugins))


def picture(height: int, width: int) -> tuple[Array, Array]:
    """Pixels, and what the network is fed with."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3)).astype(np.uint8)
    return pixels, pixels.astype(np.float32) * np.float32(2 / 255) - np.float32(1)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", CASES)
def test_the_boxes_of_the_twin_are_tensorflows(name: str) -> None:
    pytest.importorskip("tensorflow")
    graph = opened(name)
    head = head_of(graph)
    if name != "small":
        give_weights(graph, head, seed=7)
    model = onnx_from_graph(graph_from_uff(load_uff("net.uff", uff_of(graph)).model))
    pixels, fed = picture(head.preprocessing.height, head.preprocessing.width)
    rows, count = harness.run_onnx(model, {model.inputs[0][0]: fed})
    found = rows[0, 0, : int(count.reshape(())), 1:]
    expected = detected(graph, head, pixels)
    assert len(expected) >= 5
    assert unlike(expected, found, 1e-3) == []


@pytest.fixture(scope="module")
def small_uff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small detector as a UFF file."""
    path = tmp_path_factory.mktemp("uff") / "ssd.uff"
    path.write_bytes(uff_bytes(uff_from_graph(fixed("small", "trt7-uff"))))
    return path


def test_check_judges_plugins_where_they_are_and_ops_where_they_are_not(small_uff: Path) -> None:
    targets = ("trt7-uff", "trt10.0", "rtx1.7")
    report = check_uff(str(small_uff), small_uff.read_bytes(), CheckOptions(targets, live=False))
    verdicts = {v.target: v.verdict.value for v in report.verdicts}
    assert [verdicts[t] for t in targets] == ["unknown", "compatible", "incompatible"]
    codes = {(f.target, f.code) for f in report.findings}
    assert ("rtx1.7", "GDO006") in codes
    assert not any(target == "trt10.0" for target, _ in codes)
    assert ("trt7-uff", "GDP010") in codes


def test_a_file_is_cut_in_front_of_what_the_target_has_not(small_uff: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "engine.onnx", tmp_path / "whole.onnx"
    call("convert", str(small_uff), "--to", "onnx", "--cut", "--target", "rtx1.7", "-o", str(out))
    call("convert", str(small_uff), "--to", "onnx", "-o", str(whole))
    fed = {"image_tensor": picture(32, 32)[1]}
    module = loaded((tmp_path / "engine.host.py").read_text())
    made = module.run(lambda _number, inputs: run_file(out, inputs), fed)
    expected = run_file(whole, fed)
    assert made.keys() == expected.keys() == {"NMS", "NMS_1"}
    assert "NonMaxSuppression" not in out.read_bytes().decode("latin-1")
    for name, array in expected.items():
        assert made[name].dtype == array.dtype
        np.testing.assert_allclose(made[name], array, rtol=1e-5, atol=1e-6)


@pytest.mark.engine
@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.xdist_group("engine")
def test_a_file_is_cured_up_to_what_the_target_has_not(small_uff: Path, tmp_path: Path) -> None:
    done = call("cure", small_uff, "--target", "rtx1.7", "--cut", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert "the host part gives TensorFlow's numbers" in " ".join((done.out + done.err).split())
    assert (tmp_path / "out" / "model.plan").stat().st_size > 0


@pytest.mark.engine
@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.xdist_group("engine")
def test_a_builder_without_suppression_builds_the_twin_in_front_of_it(tmp_path: Path) -> None:
    words = ("--rules", "ssd-trt", "--unsafe-fixes", "--backend", "tensorrt_rtx", "-o", tmp_path / "out")
    done = call("cure", SMALL, "--target", "trt7-uff", *words)
    assert done.code == 1
    said = " ".join((done.out + done.err).split())
    assert "this builder cannot suppress boxes as NMS does" in said
    assert "model.uff is what its parser takes" in said
    assert (tmp_path / "out" / "model.uff").stat().st_size > 0


def run_file(path: Path, inputs: dict[str, Array]) -> dict[str, Array]:
    """What ONNX Runtime makes of a file."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def test_what_has_no_onnx_form_says_why_and_what_stands_before_it_converts(tmp_path: Path) -> None:
    from graphdoctor.wire.uff.notation_read import parse_uff

    path, out = tmp_path / "net.uff", tmp_path / "net.onnx"
    text = 'x = Input {shape: [-1,6], dtype: float32}\nr = Activation(x) {func: "relu"}\n'
    path.write_bytes(uff_bytes(parse_uff(f"{text}y = _Region_TRT(r) {{num_u_int: 5}}\nMarkOutput_0 = MarkOutput(y)")))
    said = refused(call("convert", path, "--to", "onnx", "-o", out))
    assert "one of its fields is a pointer" in " ".join(said.split())
    call("convert", str(path), "--to", "onnx", "--output", "r", "-o", str(out))
    assert run_file(out, {"x": np.asarray([[-1, 2, 3, 4, 5, 6]], np.float32)})["r"][0, 0] == 0
