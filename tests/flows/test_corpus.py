"""Real graphs from public repositories, the whole way: checked, described, converted, verified, built."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from graphdoctor.compare import Verdict3
from graphdoctor.engines import BuildOptions
from graphdoctor.flows.build import build_model
from graphdoctor.flows.fix import FixOptions, fix_opened
from graphdoctor.flows.inspect import inspect_model
from graphdoctor.flows.opening import SignatureOptions, open_model
from graphdoctor.flows.verify import VerifyOptions, verify, verify_fixed
from graphdoctor.match.constants import source_of
from graphdoctor.surgery import load_rewrites
from graphdoctor.surgery.packs import LoadedRewrite
from graphdoctor.wire.tensors import Tensor
from tests.cli.program import call
from tests.flows.detectors import with_sane_weights
from tests.flows.nets import CORPUS, as_onnx, real
from tests.flows.outcomes import NOT_FROZEN, outcome

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real graphs is not beside this checkout")
FILES = sorted(p for p in [*CORPUS.glob("pb/*.pb"), *CORPUS.glob("savedmodel/*")])
"""Frozen graphs, and folders of SavedModels (the model may lie one folder deeper)."""
INPUTS = {
    "tf2onnx_frozen_2": "X:float32[4]",
    "tract_conv2d": "Placeholder:float32[5,6]",
    "tract_conv2d-large": "Placeholder:float32[9,40]",
}
"""What the files leave open: inputs of unknown rank."""
WHOLE = (
    "lenet_model mnist_all_cnn3 ppo_model tf2onnx_frozen tf2onnx_frozen_2 tf2onnx_frozen_5 tract_conv2d "
    "tract_conv2d-large tract_my_model inzapp_model kws_dnn_m kws_cnn_m kws_ds_cnn_s kws_ds_cnn_m"
).split()
BUILT = ["mnist_all_cnn3", "tract_conv2d-large", "kws_ds_cnn_s"]
SECONDS = 60.0
"""Something hangs: how fast it is, bench/ says."""


def inputs_of(name: str) -> tuple[str, ...]:
    """What ``--input`` has to say: the cut that inspect suggests for keyword spotting, dimensions for others."""
    if not name.startswith("kws_"):
        return (INPUTS[name],) if name in INPUTS else ()
    (suggestion,) = inspect_model(real(name)).suggestions
    found = re.search(r"--input '([^']+)'", suggestion.command)
    assert found is not None
    assert found[1].startswith("Mfcc:float32[")
    assert "?" not in found[1]
    return (found[1],)


@needs_corpus
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_file_is_checked_and_described(path: Path) -> None:
    """A report or one message."""
    models = [path] if path.is_file() else [p.parent for p in sorted(path.rglob("saved_model.pb*"))]
    assert models
    for model in models:
        for words in (["check", "--no-live"], ["inspect"]):
            start = time.perf_counter()
            done = call(*words, model)
            assert time.perf_counter() - start < SECONDS
            assert done.code in (0, 1), done.err
            assert str(model) in done.out.replace("\n", "")


@needs_corpus
@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", WHOLE)
def test_real_graphs_give_tensorflows_numbers(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    given = inputs_of(name)
    options = VerifyOptions(signature=SignatureOptions.parse(given, ()))
    found = verify(real(name), as_onnx(real(name), tmp_path, given), options)
    assert found.judgement.verdict is Verdict3.SAME, found.judgement.reason
    assert [p.name for p in tmp_path.iterdir()] == [f"{name}.onnx"]


NOTHING_SHOWN = {"opencv_opencv_face_detector_uint8"}
"""TensorFlow gives NaN alone: constants stand for the range from 0 to 1e-38, which it takes for empty."""
DETECTION = [p for p in FILES if p.name.startswith("od_")]
QUICK = {"od_ssd_mobilenet_v2_tofloat_nms3", "od_ssd_mobilenet_v2_tf115_cast_nms5"}
"""The smaller detectors; the others take up to minutes."""
ALL = os.environ.get("GRAPHDOCTOR_TEST_ALL") == "1"


@needs_corpus
@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("path", [p for p in FILES if p not in DETECTION], ids=lambda p: p.name)
def test_all_safe_rewrites_change_no_result(path: Path, tmp_path: Path) -> None:
    """Inputs guessed; what TensorFlow cannot run are graphs that were not frozen."""
    for model in [path] if path.is_file() else [p.parent for p in sorted(path.rglob("saved_model.pb*"))]:
        found = outcome(model, tmp_path)
        if found.kind == "not run":
            assert any(words in found.why for words in NOT_FROZEN), found.why
        elif path.stem in NOTHING_SHOWN:
            assert found.kind == "nothing shown", found
        else:
            assert found.kind in {"equal", "nothing to fix"}, found


@needs_corpus
@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("path", [p for p in DETECTION if ALL or p.stem in QUICK], ids=lambda p: p.name)
def test_all_safe_rewrites_change_no_part_of_a_detector(path: Path, tmp_path: Path) -> None:
    """With weights of a sane scale; GRAPHDOCTOR_TEST_ALL=1 takes all of them."""
    found = outcome(path, tmp_path)
    assert found.kind in {"equal", "equal in parts"}, found


@needs_corpus
@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("op", "slot", "value"),
    [("NonMaxSuppressionV3", 4, 0.7), ("NonMaxSuppressionV3", 3, 0.3), ("BiasAdd", 1, None)],
    ids=["score-threshold", "iou", "a-bias"],
)
def test_a_wrong_repair_of_a_detector_is_found(op: str, slot: int, value: float | None, tmp_path: Path) -> None:
    """One constant, in the loop of the suppression or in the network, is other than it was."""
    path = with_sane_weights(CORPUS / "pb" / "od_ssd_mobilenet_v2_tofloat_nms3.pb", tmp_path)
    options = FixOptions(("all-safe",), keep_original=True)
    fixed = fix_opened(open_model(str(path)), load_rewrites(["all-safe"]), options)
    graph = fixed.opened.graph
    node = source_of(next(n for n in graph.by_op(op) if source_of(n.inputs[slot]).node.op == "Const").inputs[slot]).node
    was = node.attr("value").array()
    graph.set_attr(
        node, "value", Tensor.from_array((was * 1.5 if value is None else was * 0 + value).astype(was.dtype))
    )
    assert verify_fixed(fixed).judgement.verdict is Verdict3.DIFFERENT


@needs_corpus
@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("path", DETECTION, ids=lambda p: p.name)
def test_rewrites_that_round_nothing_change_no_bit_of_a_detection(path: Path) -> None:
    """End to end, so that no proof in parts is asked for."""
    options = FixOptions(("all-safe",), keep_original=True)
    exact = [r for r in load_rewrites(["all-safe"]) if isinstance(r, LoadedRewrite) and not r.row.rounds_constants]
    fixed = fix_opened(open_model(str(path)), exact, options)
    assert len(fixed.result.applied) > 100
    found = verify_fixed(fixed, parts=False)
    for output in found.judgement.outputs:
        assert output.comparison is not None
        assert (output.comparison.n_mismatched, output.comparison.max_abs) == (0, 0.0), output.name


@needs_corpus
@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.xdist_group("engine")
@pytest.mark.parametrize("name", BUILT)
def test_real_graphs_are_built(name: str, tmp_path: Path) -> None:
    signature = SignatureOptions.parse(inputs_of(name), ())
    built = build_model(real(name), str(tmp_path / "o.plan"), BuildOptions(), signature)
    assert built.result.ok, built.errors
    assert built.result.size == (tmp_path / "o.plan").stat().st_size > 0


@needs_corpus
@pytest.mark.parametrize("name", WHOLE)
def test_real_graphs_are_fixed(name: str, tmp_path: Path) -> None:
    """Safe rewrites converge, keep inputs and outputs, and a second run finds nothing."""
    cut = [word for given in inputs_of(name) for word in ("--input", given)]
    out = tmp_path / "fixed.pb"
    done = call("fix", real(name), "--rules", "tf112,clean,fold", *cut, "-o", out)
    assert done.code == 0, done.err
    before, after = inspect_model(real(name)), inspect_model(str(out))
    assert after.nodes <= before.nodes
    if not cut:
        assert [i.name for i in after.inputs] == [i.name for i in before.inputs]
    again = call("fix", out, "--rules", "tf112,clean,fold", "--diff")
    assert again.code == 0, again.out
