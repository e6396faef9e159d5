"""verify: TensorFlow against ONNX Runtime, and that the comparison can fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphdoctor.compare import Verdict3
from graphdoctor.errors import InputError, WorkerError
from graphdoctor.flows.fix import FixOptions, fix_model, write_fixed
from graphdoctor.flows.opening import SignatureOptions, open_model
from graphdoctor.flows.verify import Verified, VerifyOptions, verify, verify_fixed
from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.ir.text import parse_graph
from tests.cli.program import call, helped
from tests.flows.nets import FOUND, STATIC, as_onnx, graph, written

onnx = pytest.importorskip("onnx")
pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

CONVERTIBLE = ["cnn_tf1_nhwc", "cnn_tf1_nchw", "keras_bn_unfused", "depthwise", "mlp", "lstm_unrolled", "demo"]


def verified(reference: str, candidate: str, **options: object) -> Verified:
    return verify(reference, candidate, VerifyOptions(**options))  # type: ignore[arg-type]


def worst(found: Verified) -> float:
    return max(o.comparison.max_abs for o in found.judgement.outputs if o.comparison is not None)


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_converted_graphs_give_tensorflows_numbers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1" if name.endswith("nchw") else "0")  # NCHW on a CPU needs oneDNN
    found = verified(graph(name), as_onnx(graph(name), tmp_path))
    assert found.judgement.verdict is Verdict3.SAME, found.judgement.reason
    assert worst(found) < 1e-5
    for output in found.judgement.outputs:
        assert output.sensitivity is not None
        assert output.sensitivity.tolerances >= 10


@pytest.fixture
def converted(tmp_path: Path) -> tuple[str, str]:
    """A graph and its ONNX file, which agree."""
    model = written(tmp_path, STATIC)
    return model, as_onnx(model, tmp_path)


def test_one_wrong_weight_is_seen(converted: tuple[str, str]) -> None:
    reference, candidate = converted
    model = onnx.load(candidate)
    weights = next(t for t in model.graph.initializer if len(t.dims) == 4)
    values = onnx.numpy_helper.to_array(weights).copy()
    values[1, 2, 0, 0] += 0.01
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    onnx.save(model, candidate)
    found = verified(reference, candidate)
    assert found.judgement.verdict is Verdict3.DIFFERENT
    (comparison,) = [o.comparison for o in found.judgement.outputs]
    assert comparison is not None
    assert 0.001 < comparison.max_abs < 0.02
    assert 0 < comparison.n_mismatched < comparison.size
    done = call("verify", reference, candidate, "--seed", "7")
    assert done.code == 1
    assert "different" in done.out


def test_an_output_that_hears_no_input_proves_nothing(tmp_path: Path) -> None:
    text = """
    x = Placeholder {dtype: int32, shape: shape[1,4]}
    zero = Const int32[] 0
    n = Mul(x, zero) {T: int32}
    one = Const int32[4] 1
    y = Add(n, one) {T: int32}
    """
    model = written(tmp_path, text)
    done = call("verify", model, as_onnx(model, tmp_path))
    assert done.code == 1
    assert "inconclusive" in done.out
    assert "same: every output" not in done.out


def test_a_tolerance_so_wide_that_all_passes_proves_nothing(converted: tuple[str, str]) -> None:
    assert verified(*converted, rtol=1e6, atol=1e6, ranges={"x": (-1, 1)}).judgement.verdict is Verdict3.INCONCLUSIVE


def test_a_saturated_net_is_asked_with_larger_values(tmp_path: Path) -> None:
    """Its outputs do not move for inputs below 1, and the data that was used is said."""
    text = """
    x = Placeholder {dtype: float32, shape: shape[1,4]}
    low = Const float32[] 2
    y = Maximum(x, low) {T: float32}
    """
    model = written(tmp_path, text)
    found = verified(model, as_onnx(model, tmp_path))
    assert found.judgement.verdict is Verdict3.SAME
    assert "[-4, 4)" in found.data


def test_given_data_and_ranges(converted: tuple[str, str], tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, x=np.linspace(0, 1, 192, dtype=np.float32).reshape(1, 8, 8, 3))
    found = verified(*converted, data=str(data))
    assert found.judgement.verdict is Verdict3.SAME
    assert found.data == str(data)
    np.savez(data, x=np.zeros((1, 8, 8, 4), np.float32))
    with pytest.raises(InputError, match="x"):
        verified(*converted, data=str(data))


def test_models_that_do_not_belong_together(converted: tuple[str, str], tmp_path: Path) -> None:
    other = as_onnx(graph("mlp"), tmp_path)
    said = helped(call("verify", converted[0], other))
    assert "mlp.onnx" in said


def test_an_input_in_the_middle(tmp_path: Path) -> None:
    """The reference is the whole file, fed there; the candidate begins there."""
    opened = open_model(graph("mlp"))
    shape = opened.specs.output(opened.graph.node("fc1/Relu")).shape
    assert shape is not None
    cut = (f"fc1/Relu:float32[2,{shape[-1]}]",)
    signature = SignatureOptions.parse(cut, ())
    found = verified(graph("mlp"), as_onnx(graph("mlp"), tmp_path, cut), signature=signature)
    assert found.judgement.verdict is Verdict3.SAME
    assert [i.name for i in found.inputs] == ["fc1/Relu"]


def test_out_of_time(converted: tuple[str, str]) -> None:
    with pytest.raises(WorkerError, match=r"did not finish in 0\.2 s"):
        verified(*converted, timeout=0.2)
    said = helped(call("verify", *converted, "--timeout", "0.2"))
    assert "--timeout" in said


@pytest.mark.parametrize("name", ["dropout_learning_phase", "demo"])
def test_a_fixed_graph_gives_the_originals_numbers(name: str) -> None:
    """Also where an unsafe rewrite took inputs away."""
    fixed = fix_model(graph(name), FixOptions(("tf112", "clean", "fold"), None, True, FOUND, True))
    assert fixed.changed
    found = verify_fixed(fixed)
    assert found.judgement.verdict is Verdict3.SAME, found.judgement.reason


def test_a_cured_dropout_is_the_same_in_onnx(tmp_path: Path) -> None:
    fixed = fix_model(graph("dropout_learning_phase"), FixOptions(("clean", "fold"), None, True, FOUND))
    write_fixed(fixed, str(tmp_path / "fixed.pb"))
    found = verified(str(tmp_path / "fixed.pb"), as_onnx(str(tmp_path / "fixed.pb"), tmp_path))
    assert found.judgement.verdict is Verdict3.SAME


def test_fix_verify_writes_what_is_the_same(tmp_path: Path) -> None:
    out = tmp_path / "o.pb"
    done = call("fix", graph("mlp"), "--rules", "clean", "--verify", "-o", out)
    assert done.code == 0
    assert out.exists()
    assert "same" in done.out


def test_fix_verify_that_fails_writes_nothing(tmp_path: Path) -> None:
    """A graph whose output hears no input: whatever is changed, equality shows nothing."""
    text = """
    x = Placeholder {dtype: int32, shape: shape[1,4]}
    zero = Const int32[] 0
    n = Mul(x, zero) {T: int32}
    y = Identity(n) {T: int32}
    z = Add(y, y) {T: int32}
    """
    model = written(tmp_path, text)
    before = Path(model).read_bytes()
    done = call("fix", model, "--rules", "clean", "--verify", "--in-place")
    assert done.code == 1
    assert "not written" in done.err
    assert "inconclusive" in done.out
    assert Path(model).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


@pytest.mark.parametrize("pack", ["float32", "float32-inside"])
def test_a_graph_that_was_made_single_is_compared_with_the_double_one(tmp_path: Path, pack: str) -> None:
    path = tmp_path / "double.pb"
    graph = parse_graph(
        "x = Placeholder {dtype: float64, shape: shape[2,3]}\ny = Exp(x) {T: float64}\ninputs: x\noutputs: y"
    )
    path.write_bytes(graphdef_bytes(graph))
    fixed = fix_model(str(path), FixOptions((pack,), None, True, FOUND, True))
    outputs = verify_fixed(fixed).judgement.outputs
    assert [(o.name, o.verdict) for o in outputs] == [("y", Verdict3.SAME)]
    assert outputs[0].comparison is not None
    assert 0 < outputs[0].comparison.max_rel < 1e-6


def test_a_graph_that_is_fed_in_another_layout_is_compared_on_the_same_images(tmp_path: Path) -> None:
    path = tmp_path / "image.pb"
    text = """
    x = Placeholder {dtype: float32, shape: shape[1,4,6,2]}
    w = Const float32[3,3,2,3] normal(1)
    c = Conv2D(x, w) {T: float32, strides: [1,1,1,1], padding: "SAME"}
    axes = Const int32[2] [1, 2]
    y = Mean(c, axes) {T: float32, Tidx: int32, keep_dims: false}
    inputs: x
    outputs: y
    """
    path.write_bytes(graphdef_bytes(parse_graph(text)))
    fixed = fix_model(str(path), FixOptions(("nchw",), None, True, FOUND, True))
    assert "feed-channels-first" in {a.rewrite for a in fixed.result.applied}
    assert verify_fixed(fixed).judgement.verdict is Verdict3.SAME


@pytest.mark.parametrize(("batch", "packs"), [(6, ()), (0, ("batch",))])
def test_another_batch_is_compared_with_the_originals_part_by_part(
    tmp_path: Path, batch: int, packs: tuple[str, ...]
) -> None:
    path = tmp_path / "two.pb"
    text = "x = Placeholder {dtype: float32, shape: shape[2,3]}\ny = Softmax(x) {T: float32}\ninputs: x\noutputs: y"
    path.write_bytes(graphdef_bytes(parse_graph(text)))
    fixed = fix_model(str(path), FixOptions(packs, None, True, FOUND, True, batch=batch))
    assert fixed.changed
    found = verify_fixed(fixed)
    assert found.judgement.verdict is Verdict3.SAME
    assert [i.shape for i in found.inputs] == [(batch or 2, 3)]
    if batch:
        odd = fix_model(str(path), FixOptions(packs, None, True, FOUND, True, batch=5))
        with pytest.raises(InputError, match="5 items cannot be compared with parts of 2"):
            verify_fixed(odd)
