"""Plugin nodes of UFF files in ONNX: the numbers of ONNX Runtime are those of the kernels, written in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.errors import UnsupportedError
from graphdoctor.formats.onnx import onnx_from_graph
from graphdoctor.formats.uff import graph_from_uff
from graphdoctor.ir import WHY
from graphdoctor.targets.plugins import all_plugins, plugin_meanings
from graphdoctor.types import Array
from graphdoctor.wire.uff.notation_read import parse_uff
from tests.formats import plugin_reference as reference
from tests.ops import harness
from tests.surgery.detection import grid_anchor

pytest.importorskip("onnxruntime")
from tests.formats.plugin_files import FEW, F, behind_conv, constant, fields_text, raised, run, shown, why

# ---- suppression ------------------------------------------------------------------------------------------------


@st.composite
def nms_fields(draw: st.DrawFn) -> dict[str, Any]:
    classes, count = draw(st.integers(1, 4)), draw(st.integers(2, 12))
    top = draw(st.integers(1, count))
    return {
        "shareLocation": draw(st.sampled_from([1, 1, 0])),
        "varianceEncodedInTarget": draw(st.integers(0, 1)),
        "backgroundLabelId": draw(st.integers(-1, classes)),
        "numClasses": classes,
        "topK": draw(st.sampled_from([top, count])),
        "keepTopK": draw(st.integers(1, top)),
        "confidenceThreshold": draw(st.sampled_from([0.0, 1e-8, 0.3, 0.6])),
        "nmsThreshold": draw(st.sampled_from([0.0, 0.3, 0.6, 1.0])),
        "inputOrder": draw(st.permutations([0, 1, 2])),
        "confSigmoid": draw(st.integers(0, 1)),
        "isNormalized": 1,
        "codeType": draw(st.integers(0, 3)),
        "count": count,
    }


def detections(given: dict[str, Any], seed: int, images: int = 2) -> tuple[Array, Array, Array]:
    """Locations, scores and prior boxes; scores are few, so that many are equal."""
    rng, count, classes = np.random.default_rng(seed), given["count"], given["numClasses"]
    kinds = 1 if given["shareLocation"] else classes
    loc = rng.normal(0, 1, (images, count * kinds * 4, 1, 1)).astype(F)
    conf = (rng.integers(0, 8, (images, count * classes, 1, 1)) / 8).astype(F)
    low = rng.uniform(0, 0.7, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.1, 0.4, (count, 2))], axis=1)
    priors = np.stack([boxes, np.broadcast_to(rng.uniform(0.05, 0.3, 4), boxes.shape)]).astype(F)
    return loc, conf, priors


def nms_node(given: Mapping[str, Any], priors: Array, grid: str = "priors") -> str:
    """NMS_TRT on the inputs loc and conf."""
    names = {given["inputOrder"][k]: name for k, name in enumerate(("loc", "conf", grid))}
    said = {k: v for k, v in given.items() if k != "count"}
    head = constant("priors", priors.reshape(1, 2, -1, 1)) if grid == "priors" else ""
    return f"{head}NMS = _NMS_TRT({', '.join(names.get(k, grid) for k in range(3))}) {fields_text(said)}"


@FEW
@given(nms_fields(), st.integers(0, 2**32 - 1))
def test_nms(given: dict[str, Any], seed: int) -> None:
    loc, conf, priors = detections(given, seed)
    rows, count = run(nms_node(given, priors), loc=loc, conf=conf)
    expected, counts = reference.nms(given, loc, conf, priors)
    assert rows.shape == (2, 1, given["keepTopK"], 7)
    assert count.tolist() == counts.tolist()
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-6)


PLAIN = {
    "shareLocation": 1,
    "varianceEncodedInTarget": 0,
    "backgroundLabelId": 0,
    "numClasses": 3,
    "topK": 6,
    "keepTopK": 5,
    "confidenceThreshold": 0.1,
    "nmsThreshold": 0.5,
    "inputOrder": (0, 1, 2),
    "confSigmoid": 1,
    "isNormalized": 1,
    "count": 8,
}


def test_the_prior_boxes_of_the_first_image_stand_for_all() -> None:
    loc, conf, priors = detections(PLAIN, 3)
    grid = np.stack([priors, priors[:, ::-1]]).reshape(2, 2, -1, 1)
    rows, _ = run(nms_node(PLAIN, priors, "grid"), loc=loc, conf=conf, grid=grid)
    np.testing.assert_allclose(rows, reference.nms(PLAIN, loc, conf, priors)[0], rtol=1e-5, atol=1e-6)


def test_the_count_is_an_output_of_its_own() -> None:
    loc, conf, priors = detections(PLAIN, 1)
    graph = raised(nms_node(PLAIN, priors), loc=loc, conf=conf)
    assert [v.name for v in graph.outputs] == ["NMS", "NMS_1"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"isNormalized": 0}, "isNormalized is 0"),
        ({"isBatchAgnostic": 0}, "isBatchAgnostic is 0"),
        ({"topK": 9}, "topK is 9, of 8 boxes"),
        ({"topK": 4, "keepTopK": 5}, "keepTopK is 5 and its topK 4"),
        ({"confidenceThreshold": -0.5}, "-0.5 for scores, below 0"),
        ({"nmsThreshold": 1.5}, "1.5 for overlaps"),
        ({"codeType": 4}, "codeType is 4"),
        ({"numClasses": 4}, "8 prior boxes and 4 classes, and other numbers"),
        ({"inputOrder": (0, 1, 1)}, r"inputOrder is [0, 1, 1]"),
        ({"clipBoxes": 1}, "no field clipBoxes"),
        ({"topK": 2.5}, "topK is 2.5, which is no whole number"),
        ({"keepTopK": (2, 3)}, "keepTopK has 2 numbers"),
        ({"numClasses": 0}, "numClasses is 0"),
        ({"numClasses": 10**9}, "numClasses is 1000000000"),
        ({"nmsThreshold": float("nan")}, "nmsThreshold_u_float is no finite number"),
        ({"topK": float("inf")}, "topK_u_float is no finite number"),
    ],
)
def test_nms_whose_result_is_not_known_stays_and_says_why(change: dict[str, Any], reason: str) -> None:
    loc, conf, priors = detections(PLAIN, 1)
    said = why(nms_node({**PLAIN, **change}, priors), loc=loc, conf=conf)
    assert "NMS (NMS_TRT)" in said
    assert reason in said


def test_a_field_that_is_missing_is_named() -> None:
    loc, conf, priors = detections(PLAIN, 1)
    assert "no field topK" in why(nms_node({k: v for k, v in PLAIN.items() if k != "topK"}, priors), loc=loc, conf=conf)


def test_sizes_that_a_file_only_claims_take_no_memory() -> None:
    said = fields_text({k: v for k, v in (PLAIN | {"numClasses": 2**16, "topK": 5}).items() if k != "count"})
    heads = [
        f"{n} = Input {{shape: [-1,{d},{e},1], dtype: float32}}"
        for n, d, e in (("loc", 2**40, 1), ("conf", 2**54, 1), ("grid", 2, 2**40))
    ]
    model = parse_uff("\n".join([*heads, f"NMS = _NMS_TRT(loc, conf, grid) {said}", "MarkOutput_0 = MarkOutput(NMS)"]))
    assert "do not make that" in str(graph_from_uff(model).node("NMS").attr(WHY))


@FEW
@given(nms_fields(), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_batched_nms(given: dict[str, Any], seed: int, clip: bool, wide: bool) -> None:
    loc, conf, _ = detections(given, seed)
    keys = ("shareLocation", "backgroundLabelId", "numClasses", "topK", "keepTopK", "isNormalized")
    said = {k: given[k] for k in keys} | {"scoreThreshold": given["confidenceThreshold"], "iouThreshold": 0.3}
    said["clipBoxes"] = int(clip)
    boxes = np.abs(loc).reshape(2, given["count"], -1, 4)
    scores = conf.reshape(2, given["count"], given["numClasses"], *([1] if wide else []))
    found = run(f"y = _BatchedNMS_TRT(boxes, scores) {fields_text(said)}", boxes=boxes, scores=scores)
    expected = reference.batched_nms(said, boxes, scores.reshape(2, given["count"], -1))
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


# ---- anchors and joins ------------------------------------------------------------------------------------------


GRID = {
    "minSize": 0.2,
    "maxSize": 0.95,
    "aspectRatios": (1.0, 2.0, 0.5, 3.0),
    "featureMapShapes": (3, 2),
    "variance": (0.1, 0.2, 0.3, 0.4),
    "numLayers": 2,
}


@FEW
@given(
    st.floats(0.05, 0.5),
    st.floats(0.5, 1.0),
    st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0]), min_size=3, max_size=5),
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.booleans(),
)
def test_anchors(low: float, high: float, ratios: list[float], sides: list[int], rect: bool) -> None:
    said = GRID | {"minSize": low, "maxSize": high, "aspectRatios": ratios, "numLayers": len(sides)}
    said["featureMapShapes"] = [s for side in sides for s in [side] * (1 + rect)]
    op = "GridAnchorRect_TRT" if rect else "GridAnchor_TRT"
    zeros = np.zeros((1, 1), F)
    nodes = f"{constant('c', zeros)}g = _{op}(c) {fields_text(said)}\ny = Concat(g) {{axis: 2}}"
    (found,) = harness.run_onnx(onnx_from_graph(raised(nodes)), {})
    boxes = grid_anchor(said, rect)
    assert found.shape == (1, 2, boxes.size, 1)
    np.testing.assert_allclose(found[0, 0].reshape(-1, 4), boxes, atol=1e-6)
    np.testing.assert_allclose(found[0, 1].reshape(-1, 4), np.broadcast_to(F(GRID["variance"]), boxes.shape))


@pytest.mark.parametrize(
    ("op", "change", "reason"),
    [
        ("GridAnchor_TRT", {"numLayers": 1, "featureMapShapes": (3,)}, "numLayers is 1"),
        ("GridAnchor_TRT", {"numLayers": 3}, "featureMapShapes has 2 numbers"),
        ("GridAnchor_TRT", {"aspectRatios": (1.0, 2.0)}, "2 aspectRatios"),
        ("GridAnchor_TRT", {"variance": (0.1,)}, "1 variances"),
        ("GridAnchor_TRT", {"minSize": -0.2}, "minSize is -0.2"),
        ("GridAnchor_TRT", {"maxSize": 3e38, "aspectRatios": (1e9, 1e9, 1e9)}, "are not finite"),
        ("GridAnchor_TRT", {"featureMapShapes": (3, 2_000_000_000)}, "featureMapShapes are"),
        ("GridAnchorRect_TRT", {"featureMapShapes": (3, 4, 2, 2)}, "not square"),
    ],
)
def test_anchors_that_are_not_known(op: str, change: dict[str, Any], reason: str) -> None:
    said = why(f"{constant('c', np.zeros((1, 1), F))}g = _{op}(c) {fields_text(GRID | change)}")
    assert reason in said


@FEW
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3))
def test_joins_of_what_the_engine_holds_channels_first(sizes: list[tuple[int, int, int]]) -> None:
    rng = np.random.default_rng(0)
    arrays = {f"x{k}": rng.normal(size=(2, *s)).astype(F) for k, s in enumerate(sizes)}
    nodes = ""
    for k, (_, _, channels) in enumerate(sizes):
        nodes += constant(f"w{k}", np.eye(channels, dtype=F).reshape(1, 1, channels, channels))
        nodes += f"c{k} = Conv(x{k}, w{k}) {{strides: [1,1], inputs_orders: orders(N+C, +CK)}}\n"
    names = ", ".join(f"c{k}" for k in range(len(sizes)))
    (found,) = run(f"{nodes}y = _FlattenConcat_TRT({names}) {{axis_u_int: 1, ignoreBatch_u_int: 0}}", **arrays)
    expected = np.concatenate([a.transpose(0, 3, 1, 2).reshape(2, -1) for a in arrays.values()], axis=1)
    np.testing.assert_allclose(found, expected[..., None, None], rtol=1e-6)


def test_joins_along_other_axes_stay() -> None:
    x = np.zeros((1, 2, 3, 4), F)
    assert "its axis is 2" in why("y = _FlattenConcat_TRT(x, x) {axis_u_int: 2, ignoreBatch_u_int: 0}", x=x)
    assert "ignoreBatch is 1" in why("y = _FlattenConcat_TRT(x) {axis_u_int: 1, ignoreBatch_u_int: 1}", x=x)


# ---- damaged fields ---------------------------------------------------------------------------------------------

NUMBERS = [0, -1, 1, 2, 3, 64, 2**31, 2**40, -(2**62), 0.0, -1.0, 1e-30, 3e38, 1e300, float("nan"), float("inf")]
LISTS = st.lists(st.sampled_from(NUMBERS), max_size=5).map(
    lambda v: [x for x in v if isinstance(x, type(v[0]))] if v else v
)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["NMS_TRT", "GridAnchor_TRT", "Normalize_TRT", "PriorBox_TRT", "Reorg_TRT"]))
def test_no_number_in_a_field_stumbles(data: st.DataObject, op: str) -> None:
    """Whatever the fields say, the node becomes ops, or stays and says why."""
    said = "".join(
        f"{f.name}_u_{kind}: {shown(data.draw(value))}, "
        for f in all_plugins()[op].fields
        for kind, value in [("ilist", LISTS) if f.many or f.length > 1 else ("int", st.sampled_from(NUMBERS))]
        if data.draw(st.booleans())
    )
    image = np.zeros((1, 4, 4, 3), F)
    inputs = {"NMS_TRT": "xc, xc, xc", "PriorBox_TRT": "xc, xc"}.get(op, "xc")
    graph = raised(f"{behind_conv('x', 3)}y = _{op}({inputs}) {{{said.rstrip(', ')}}}", x=image)
    made = graph.node("y")
    assert made.op != op or made.attr(WHY)


# ---- what stays -------------------------------------------------------------------------------------------------


def test_a_plugin_without_a_meaning_says_why() -> None:
    x = np.zeros((1, 4, 4, 3), F)
    assert "one of its fields is a pointer" in why("y = _Region_TRT(x) {num_u_int: 5}", x=x)
    assert "what a plugin of that name does is not known" in why("y = _Mine(x)", x=x)


def test_which_output_of_a_plugin_is_read_has_to_be_said() -> None:
    loc, conf, priors = detections(PLAIN, 1)
    with pytest.raises(UnsupportedError, match="which of the 2 outputs of NMS it reads"):
        raised(nms_node(PLAIN, priors) + '\ny = Activation(NMS) {func: "relu"}', loc=loc, conf=conf)


def test_plugins_that_are_kept_say_nothing_of_onnx() -> None:
    priors = detections(PLAIN, 1)[2]
    text = "loc = Input {shape: [-1,32,1,1], dtype: float32}\nconf = Input {shape: [-1,24,1,1], dtype: float32}\n"
    model = parse_uff(f"{text}{nms_node(PLAIN, priors)}\nMarkOutput_0 = MarkOutput(NMS)")
    node = graph_from_uff(model, keep_plugins=True).node("NMS")
    assert (node.op, node.attr("topK_u_int"), node.attr(WHY)) == ("NMS_TRT", 6, None)


def test_every_plugin_has_a_meaning_or_a_reason() -> None:
    from graphdoctor.formats.uff.raise_plugins import DETECTORS, LAYERS

    meanings = plugin_meanings()
    assert meanings.keys() == all_plugins().keys()
    assert {n for n, m in meanings.items() if m.becomes} == {*LAYERS, *DETECTORS}
    assert all(bool(m.becomes) != bool(m.reason) for m in meanings.values())
