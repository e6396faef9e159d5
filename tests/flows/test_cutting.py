"""Graphs cut into engines and a host part: files, the command line, TensorFlow's numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphdoctor.flows.cut_detector import head_of, readable
from graphdoctor.flows.cut_proof import is_proven, prove_cut
from graphdoctor.flows.cutting import cut_opened, refused_by
from graphdoctor.flows.fix import FixOptions, fix_opened
from graphdoctor.flows.inspect import inspect_model
from graphdoctor.flows.opening import open_model
from graphdoctor.flows.verify import Side
from graphdoctor.formats.host import Written
from graphdoctor.formats.tensorflow import graphdef_bytes, load_model, save_graph
from graphdoctor.ir import Graph, tensor_of
from graphdoctor.runners import run_onnx, run_tensorflow
from graphdoctor.surgery import load_rewrites
from graphdoctor.targets import load_target
from graphdoctor.wire.tensors import Tensor
from tests.cli.program import call, refused
from tests.flows.nets import real, written

SMALL = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
w = Const float32[3,3,3,4] normal(1)
c = Conv2D(x, w) {T: float32, padding: "SAME", strides: [1,1,1,1], data_format: "NHWC"}
r = Relu(c) {T: float32}
where = Where(r) {T: float32}
picked = GatherNd(r, where) {Tparams: float32, Tindices: int64}
axis = Const int32[1] [0]
sum = Sum(picked, axis) {T: float32, Tidx: int32, keep_dims: false}
"""
LOOPED = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
w = Const float32[3,3,3,5] normal(1)
c = Conv2D(x, w) {T: float32, padding: "SAME", strides: [1,1,1,1], data_format: "NHWC"}
to = Const int32[2] [64,5]
rows = Reshape(c, to) {T: float32, Tshape: int32}
zero = Const int32[2] [0,0]
four = Const int32[2] [64,4]
boxes = Slice(rows, zero, four) {T: float32, Index: int32}
last = Const int32[2] [0,4]
one = Const int32[2] [64,1]
column = Slice(rows, last, one) {T: float32, Index: int32}
flat = Const int32[1] [64]
scores = Reshape(column, flat) {T: float32, Tshape: int32}
most = Const int32[] 5
iou = Const float32[] 0.5
low = Const float32[] 0.1
kept = NonMaxSuppressionV3(boxes, scores, most, iou, low) {T: float32, T_threshold: float32}
axis = Const int32[] 0
y = GatherV2(boxes, kept, axis) {Tparams: float32, Tindices: int32, Taxis: int32, batch_dims: 0}
outputs: y
"""
TWO_ENGINES = LOOPED.replace(
    "outputs: y\n",
    """
other = Const float32[4,3] normal(2)
m = MatMul(y, other) {T: float32}
s = Relu(m) {T: float32}
where = Where(s) {T: float32}
picked = GatherNd(s, where) {Tparams: float32, Tindices: int64}
first = Const int32[1] [0]
sum = Sum(picked, first) {T: float32, Tidx: int32, keep_dims: false}
outputs: sum
""",
)
READABLE = {
    "od_ssd_mobilenet_v1_buoy",
    "od_ssd_mobilenet_v1_checkpoint",
    "od_ssd_mobilenet_v1_coco_2018",
    "od_ssd_mobilenet_v2_tofloat_nms3",
}
"""Those whose outputs are detections alone."""
DETECTIONS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
DETECTORS = (
    "od_ssd_mobilenet_v1_buoy",
    "od_ssd_mobilenet_v1_checkpoint",
    "od_ssd_mobilenet_v1_coco_2018",
    "od_ssd_mobilenet_v2_tf115_cast_nms5",
    "od_ssd_mobilenet_v2_tofloat_nms3",
    "od_faster_rcnn_fire",
    "od_mask_rcnn_inception_v2",
)


def with_weights(name: str, folder: Path, seed: int = 0) -> str:
    """A real graph of the corpus, whose weights are all alike, with random ones of a size that lets signals through."""
    graph = load_model(real(name)).graph
    rng = np.random.default_rng(seed)
    for node in graph.by_op("Const"):
        _randomise(graph, node.name, rng, 1.7 if "mask" in name else 1.3)
    path = folder / f"{name}.pb"
    save_graph(graph, str(path))
    return str(path)


def _randomise(graph: Graph, name: str, rng: np.random.Generator, gain: float) -> None:
    node = graph.node(name)
    tensor, last = tensor_of(node), name.rpartition("/")[2]
    if tensor is None or not tensor.shape or tensor.dtype.label != "float32":
        return
    shape = tuple(d or 0 for d in tensor.shape)
    if "weights" in last or "kernel" in last:
        fan = int(np.prod(shape[:2] if "depthwise" in last else shape[:-1]))
        values = rng.normal(0, np.sqrt(gain / fan), shape)
    elif last in ("gamma", "moving_variance"):
        values = rng.uniform(0.9, 1.1, shape)
    elif last in ("beta", "moving_mean", "biases", "bias"):
        values = rng.normal(0, 0.1, shape)
    else:
        return
    graph.set_attr(node, "value", Tensor.from_array(values.astype(np.float32)))


@pytest.mark.tensorflow
def test_a_cut_graph_gives_tensorflows_numbers(tmp_path: Path) -> None:
    out = tmp_path / "cut.pb"
    done = call("fix", written(tmp_path, SMALL), "--cut", "--target", "rtx1.7", "--verify", "-o", out)
    assert done.code == 0, done.err
    assert "sum  same" in done.out
    assert [v.name for v in load_model(str(out)).graph.outputs or load_model(str(out)).graph.by_op("Relu")]
    assert (tmp_path / "cut.host.py").exists()


def test_what_the_target_runs_is_written_whole_and_has_no_host_part(tmp_path: Path) -> None:
    text = SMALL.partition("where")[0]
    done = call("fix", written(tmp_path, text), "--cut", "--target", "rtx1.7", "-o", tmp_path / "cut.pb")
    assert done.code == 0
    assert "nothing to cut for rtx1.7" in done.out
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["cut.pb", "model.pb"]


def test_the_user_says_where_to_cut(tmp_path: Path) -> None:
    done = call("fix", written(tmp_path, SMALL), "--cut", "c", "-o", tmp_path / "cut.pb")
    assert done.code == 0, done.err
    assert load_model(str(tmp_path / "cut.pb")).graph.by_op("Relu") == []
    assert "np.maximum(c, np.float32(0))" in (tmp_path / "cut.host.py").read_text()


def test_an_op_that_the_host_part_cannot_say_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    text = (
        SMALL
        + "u = Unique(sum2) {T: float32, out_idx: int32}\nsum2 = Reshape(picked, minus)\nminus = Const int32[1] [-1]\n"
    )
    done = call("fix", written(tmp_path, text), "--cut", "--target", "rtx1.7", "-o", tmp_path / "cut.pb")
    assert "u: Unique cannot be written for the host" in refused(done)
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


@pytest.mark.parametrize(
    "words, said",
    [
        (["--cut"], "does not know where to cut"),
        (["--cut", "cc"], "no node is named 'cc'"),
        (["--cut", "--target", "rtx1.7", "--in-place"], "--cut writes new files, and does nothing else"),
        (["--cut", "--target", "rtx1.7", "--diff"], "--cut writes new files, and does nothing else"),
    ],
)
def test_a_wrong_cut_is_refused(tmp_path: Path, words: list[str], said: str) -> None:
    assert said in refused(call("fix", written(tmp_path, SMALL), *words))
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


def test_the_model_is_never_written_over(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL, "cut.pb")
    assert "is the input itself" in refused(call("fix", path, "--cut", "--target", "rtx1.7", "-o", path))


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_in_parts_gives_tensorflows_numbers(name: str, tmp_path: Path) -> None:
    path = with_weights(name, tmp_path)
    done = call("fix", path, "--cut", "--target", "rtx1.7", "--verify", "-o", tmp_path / "cut.pb")
    assert done.code == 0, done.out + done.err
    text = (tmp_path / "cut.host.py").read_text()
    assert ("detect(" in text) is (name in READABLE)


@pytest.mark.tensorflow
def test_convert_writes_the_engine_and_the_host_part(tmp_path: Path) -> None:
    out = tmp_path / "cut.onnx"
    done = call("convert", written(tmp_path, SMALL), "--to", "onnx", "--cut", "--target", "rtx1.7", "-o", out)
    assert done.code == 0, done.err
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["cut.host.py", "cut.onnx", "model.pb"]


@pytest.mark.tensorflow
@pytest.mark.engine
def test_cure_builds_the_engine_part_and_proves_the_host_part(tmp_path: Path) -> None:
    done = call("cure", written(tmp_path, SMALL), "--target", "rtx1.7", "--cut", "-o", tmp_path / "out")
    assert done.code == 0, done.out + done.err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["cut"]["proven"] is True
    assert report["cut"]["engines"] == [{"model": "engine.pb", "inputs": ["x"], "outputs": ["r"]}]
    assert {"engine.pb", "engine.host.py", "model.plan"} <= {p.name for p in (tmp_path / "out").iterdir()}


@pytest.mark.tensorflow
@pytest.mark.engine
@pytest.mark.slow
def test_cure_builds_every_engine_and_proves_what_is_between_them(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = call("cure", written(tmp_path, TWO_ENGINES), "--target", "rtx1.7", "--cut", "-o", out)
    assert done.code == 0, done.out + done.err
    assert "2 engines are built" in done.out
    report = json.loads((out / "report.json").read_text())
    assert report["cut"]["proven"] is True
    assert [e["model"] for e in report["cut"]["engines"]] == ["engine.pb", "engine.engine2.pb"]
    assert [e["model"] for e in report["engines"]] == ["engine.pb", "engine.engine2.pb"]
    assert all(e["build"]["ok"] and e["verify"]["verdict"] == "same" for e in report["engines"])
    assert report["convert"] is report["build"] is report["verify"] is None
    assert {"model.plan", "model.engine2.plan", "model.onnx", "model.engine2.onnx"} <= {p.name for p in out.iterdir()}
    files = sorted(p.name for p in out.iterdir())
    told = {Path(a).name for step in report["steps"] for a in step["artefacts"]}
    assert files == sorted({*told, "report.json"})


def test_cure_leaves_no_engine_of_an_earlier_run(tmp_path: Path) -> None:
    (tmp_path / "model.engine2.plan").write_bytes(b"of yesterday")
    (tmp_path / "my.engine2.plan").write_bytes(b"mine")
    model = written(tmp_path, SMALL)
    call("cure", model, "--target", "rtx1.7", "--cut", "-o", tmp_path)
    assert not (tmp_path / "model.engine2.plan").exists()
    assert (tmp_path / "my.engine2.plan").exists()
    taken = tmp_path / "engine.engine2.pb"
    taken.write_bytes(Path(model).read_bytes())
    assert "Choose another folder" in call("cure", taken, "--target", "rtx1.7", "--cut", "-o", tmp_path).err
    assert taken.exists()


@pytest.mark.tensorflow
def test_a_host_part_that_is_wrong_is_not_proven(tmp_path: Path) -> None:
    opened = open_model(written(tmp_path, SMALL))
    original = graphdef_bytes(opened.graph)
    cut = cut_opened(opened, load_target("rtx1.7"), (), str(tmp_path / "cut.pb"))
    wrong = replace(cut, host=cut.host.replace("np.sum(", "1.01 * np.sum("))
    assert wrong.host != cut.host
    side = Side("model", "tensorflow", tuple(opened.inputs()), cut.outputs, original)
    assert is_proven(prove_cut(side, cut), cut)
    assert not is_proven(prove_cut(side, wrong), wrong)


def test_inspect_suggests_the_cut_that_is_made(tmp_path: Path) -> None:
    path = written(tmp_path, LOOPED)
    (suggestion,) = inspect_model(path).suggestions
    assert suggestion.command == f"graphdoctor fix {path} --cut --target rtx1.7"
    assert "NonMaxSuppressionV3" in suggestion.text
    assert "from x to rows" in suggestion.text
    done = call(*suggestion.command.split()[1:], "-o", tmp_path / "cut.pb")
    assert done.code == 0, done.err
    assert "out rows" in done.out


def test_check_says_how_to_cut(tmp_path: Path) -> None:
    done = call("check", written(tmp_path, LOOPED), "--target", "rtx1.7", "--no-live", "--format", "json")
    remedies = [f["remedy"] for m in json.loads(done.out)["models"] for f in m["findings"]]
    assert any("fix --cut" in r for r in remedies)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [{"iou_threshold": 0.3}, {"per_class": 3}, {"total": 50}, {"score_threshold": 0.5}, {"clip": "never"}],
    ids=lambda c: next(iter(c)),
)
def test_a_readable_function_that_does_something_else_is_not_taken(change: dict[str, Any], tmp_path: Path) -> None:
    path = real("od_ssd_mobilenet_v2_tofloat_nms3")
    opened = open_model(path)
    target = load_target("rtx1.7")
    fix_opened(opened, load_rewrites(target.packs), FixOptions(target.packs, target))
    graph, specs = opened.graph, opened.specs
    head = head_of(graph, specs, refused_by(graph, specs, target))
    assert head is not None
    names = [head.encodings.name, head.logits.name]
    spelled = cut_opened(opened, target, names, str(tmp_path / "cut.pb"))
    assert "detect(" not in spelled.host
    assert readable(head, graph, specs, "right", spelled.order, spelled.host) is not None
    wrong = replace(head, suppression=replace(head.suppression, **change))
    assert readable(wrong, graph, specs, "wrong", spelled.order, spelled.host) is None


@pytest.mark.slow
@pytest.mark.tensorflow
def test_an_engine_that_ends_in_the_plugin_gives_it_tensorflows_boxes_and_scores(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = with_weights("od_ssd_mobilenet_v1_coco_2018", tmp_path)
    out = tmp_path / "cut.onnx"
    done = call("convert", path, "--to", "onnx", "--cut", "--target", "trt8.6", "--nms-plugin", "-o", out)
    assert done.code == 0, done.err
    assert "not compared with TensorFlow" in done.err
    model = onnx.load(str(out))
    (plugin,) = [n for n in model.graph.node if n.op_type == "EfficientNMS_TRT"]
    fields = {a.name: onnx.helper.get_attribute_value(a) for a in plugin.attribute}
    assert fields["max_output_boxes"] == 100
    assert fields["background_class"] == 0
    assert fields["iou_threshold"] == pytest.approx(0.6)
    assert fields["score_threshold"] == pytest.approx(0.3)
    assert [o.name for o in model.graph.output] == list(DETECTIONS)
    del model.graph.node[list(model.graph.node).index(plugin) :]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in plugin.input)
    picture = {"image_tensor": np.random.default_rng(0).integers(0, 256, (2, 90, 120, 3)).astype(np.uint8)}
    fed = model.graph.input[0].name
    decoded, scored = "Postprocessor/ExpandDims_1", "Postprocessor/convert_scores"
    (real_run,) = run_tensorflow(path, [picture], [fed, decoded, scored])
    (found,) = run_onnx(model.SerializeToString(), [{fed: real_run[fed]}])
    boxes, scores = (found[name] for name in plugin.input)
    np.testing.assert_allclose(boxes, np.clip(real_run[decoded][:, :, 0], 0, 1), atol=2e-5)
    np.testing.assert_allclose(scores, real_run[scored], atol=2e-5)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--cut", "--target", "rtx1.7"], "rtx1.7 has no EfficientNMS_TRT"),
        (["--cut", "--target", "trt7"], "trt7 has no EfficientNMS_TRT"),
        (["--cut", "--target", "trt8.6"], "does not end in the head of a single-shot detector"),
        ([], "--nms-plugin goes with"),
    ],
)
def test_the_plugin_is_refused_where_it_cannot_be(words: list[str], said: str, tmp_path: Path) -> None:
    done = call("convert", written(tmp_path, SMALL), "--to", "onnx", *words, "--nms-plugin", "-o", tmp_path / "c.onnx")
    assert said in refused(done)
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


def test_a_layer_that_the_target_may_not_run_is_named_with_the_reason_of_check(tmp_path: Path) -> None:
    text = SMALL.partition("where")[0].replace("shape[1,8,8,3]", "shape[*]")
    done = call("fix", written(tmp_path, text), "--cut", "--target", "rtx1.7", "-o", tmp_path / "cut.pb")
    assert "c: nothing is left for an engine" in refused(done)
    assert "GDO002: cannot tell whether Conv2D is supported" in " ".join(done.err.split())
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


@pytest.mark.slow
def test_a_readable_tail_leaves_what_other_parts_need(tmp_path: Path) -> None:
    """Where the host has work between engines, each function still gives what the next engine takes."""
    opened = open_model(real("od_ssd_mobilenet_v1_buoy"))
    cut = cut_opened(opened, load_target("rtx1.7"), (), str(tmp_path / "cut.pb"))
    assert len(cut.parts) > 1
    known = {n.name for n in opened.graph.inputs}
    for part in cut.order:
        takes = part.parameters.values() if isinstance(part, Written) else part.takes.values()
        assert {v.name for v in takes} <= known
        known |= {v.name for v in (part.function.gives if isinstance(part, Written) else part.gives.values())}
    assert set(cut.outputs) <= known


@pytest.mark.slow
def test_padding_behind_a_preprocessing_loop_does_not_part_the_engine(tmp_path: Path) -> None:
    """Its constants wait for a size that the loop gives; once they do not, the zeros that it joins become a Pad."""
    opened, target = open_model(real("od_ssd_mobilenet_v1_buoy")), load_target("rtx1.7")
    fix_opened(opened, load_rewrites(target.packs), FixOptions(target.packs, target))
    assert len(cut_opened(opened, target, (), str(tmp_path / "cut.pb")).parts) == 1


def test_an_engine_part_waits_for_nothing_that_was_cut_off(tmp_path: Path) -> None:
    text = SMALL.replace("c = Conv2D(x, w)", "front = Where(x)\nc = Conv2D(x, w, ^front)")
    opened = open_model(written(tmp_path, text))
    (part,) = cut_opened(opened, load_target("rtx1.7"), (), str(tmp_path / "cut.pb")).parts
    assert part.graph.get("front") is None
    assert not any(n.controls for n in part.graph)
