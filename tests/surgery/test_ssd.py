"""Single-shot detectors in TensorRT's plugins: the fields, the refusals, and that what is detected stays the same."""

from __future__ import annotations

import dataclasses
import random
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.formats.tensorflow import (
    graph_from_bytes,
    graph_from_graphdef,
    graphdef_bytes,
    graphdef_from_graph,
    load_model,
)
from graphdoctor.formats.uff import uff_from_graph
from graphdoctor.ir import Graph, Node, tensor_of
from graphdoctor.lint import LintOptions, lint
from graphdoctor.match.detection import SsdHead, find_ssd_head
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.signature import set_signature
from graphdoctor.surgery import FixResult, load_rewrites, run_rewrites
from graphdoctor.surgery.proposal import Proposal, Refusal
from graphdoctor.surgery.rewrites.ssd import plugins_for
from graphdoctor.targets import load_target
from graphdoctor.wire.tensors import Tensor
from tests.surgery.detection import detected, detected_by_plugins, fields, give_weights, unlike

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "fixtures" / "detectors" / "ssd.pb"
CORPUS = ROOT.parent / "shared" / "corpus" / "pb"
NAMES = ("v1_buoy", "v1_checkpoint", "v1_coco_2018", "v2_tf115_cast_nms5", "v2_tofloat_nms3")
MANY = {"v1_buoy", "v1_checkpoint"}
"""Those with 90 classes and a threshold that every box passes."""
TARGETS = ("trt5", "trt6", "trt7-uff", "trt8-uff")
IS_HERE = pytest.mark.skipif(not CORPUS.is_dir(), reason="the graphs of other people are not here")


def path_of(name: str) -> Path:
    return SMALL if name == "small" else CORPUS / f"od_ssd_mobilenet_{name}.pb"


def opened(name: str) -> Graph:
    graph = load_model(str(path_of(name))).graph
    set_signature(graph)
    return graph


def head_of(graph: Graph) -> SsdHead:
    found = find_ssd_head(graph, infer_shapes(graph))
    assert isinstance(found, SsdHead), found
    return found


def fix(graph: Graph, target: str = "trt5", *, unsafe: bool = True) -> FixResult:
    return run_rewrites(graph, load_rewrites(["ssd-trt"]), target=load_target(target), unsafe=unsafe)


@cache
def fixed(name: str, target: str = "trt5") -> Graph:
    graph = opened(name)
    result = fix(graph, target)
    assert result.converged
    assert result.rolled_back == []
    assert "ssd-to-plugins" in {a.rewrite for a in result.applied}, result.refused
    return graph


def only(graph: Graph, op: str) -> Node:
    (node,) = graph.by_op(op)
    return node


EVERY = pytest.mark.parametrize("name", ["small", *(pytest.param(n, marks=IS_HERE) for n in NAMES)])


@EVERY
@pytest.mark.parametrize("target", TARGETS)
def test_the_plugin_graph_is_clean(name: str, target: str) -> None:
    graph = graph_from_bytes(graphdef_bytes(fixed(name, target)))
    set_signature(graph)
    report = lint(graph, infer_shapes(graph), [load_target(target)], LintOptions())
    (verdict,) = report.verdicts
    assert (str(verdict.verdict.value), verdict.reason) == ("compatible", "")
    assert [f for f in report.findings if f.severity > 0 and f.code not in ("GDP010", "GDP020", "GDU007")] == []


CLASSES = {"small": 3, "v1_buoy": 91, "v1_checkpoint": 91, "v1_coco_2018": 91} | {NAMES[3]: 6, NAMES[4]: 4}


@IS_HERE
@pytest.mark.parametrize("name", NAMES)
def test_the_fields_are_those_of_the_pipeline(name: str) -> None:
    graph = fixed(name)
    assert fields(only(graph, "GridAnchor_TRT")) == {
        "minSize": pytest.approx(0.05 if name == "v2_tofloat_nms3" else 0.2),
        "maxSize": pytest.approx(0.95),
        "aspectRatios": pytest.approx((1.0, 2.0, 0.5, 3.0, 0.3333)),
        "featureMapShapes": (19, 10, 5, 3, 2, 1),
        "variance": pytest.approx((0.1, 0.1, 0.2, 0.2)),
        "numLayers": 6,
    }
    assert fields(only(graph, "NMS_TRT")) == {
        "shareLocation": 1,
        "varianceEncodedInTarget": 0,
        "backgroundLabelId": 0,
        "numClasses": CLASSES[name],
        "topK": 1917,
        "keepTopK": 100,
        "confidenceThreshold": pytest.approx(0.3 if name == "v1_coco_2018" else 1e-8),
        "nmsThreshold": pytest.approx(0.6),
        "inputOrder": (0, 1, 2),
        "confSigmoid": 1,
        "isNormalized": 1,
    }


def test_the_graph_is_wired_as_the_parser_wants_it() -> None:
    graph = fixed("small")
    nms, grid = only(graph, "NMS_TRT"), only(graph, "GridAnchor_TRT")
    assert [v.node.name for v in nms.inputs] == ["concat_box_loc", "concat_box_conf", "concat_priorbox"]
    assert graph.node("concat_priorbox").inputs == (grid.out(),)
    assert graph.node("concat_priorbox").attr("axis") == 2
    assert [fields(n) for n in graph.by_op("FlattenConcat_TRT")] == [{"axis": 1, "ignoreBatch": 0}] * 2
    assert [n.name for n in graph.inputs] == ["image_tensor"]
    assert [v.name for v in graph.outputs] == ["NMS"]
    assert grid.inputs[0].node.op == "Const"
    assert graph.by_op("While", "Enter", "TensorArrayV3", "ResizeBilinear", "Cast") == []


PROVED = pytest.mark.parametrize(
    "name",
    ["small", "softmax"]
    + [pytest.param(n, marks=(IS_HERE, *([pytest.mark.slow] if n in MANY else []))) for n in NAMES],
)


@pytest.mark.tensorflow
@PROVED
def test_the_same_is_detected(name: str) -> None:
    """Original in TensorFlow against network in TensorFlow and plugins in numpy, on weights of a sane scale."""
    pytest.importorskip("tensorflow")
    graph = opened("small" if name == "softmax" else name)
    for sigmoid in graph.by_op("Sigmoid") if name == "softmax" else ():
        graph.set_op(sigmoid, "Softmax")
    head = head_of(graph)
    if name in NAMES:
        give_weights(graph, head, seed=7)
    plugins = graph_from_bytes(graphdef_bytes(graph))
    set_signature(plugins)
    fix(plugins)
    size = (1, head.preprocessing.height, head.preprocessing.width, 3)
    for seed in range(1 if name in NAMES else 3):
        pixels = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
        expected = detected(graph, head, pixels)
        found = detected_by_plugins(plugins, pixels.astype(np.float32) * np.float32(2 / 255) - 1)
        assert len(expected) >= 5
        assert unlike(expected, found, 1e-3) == []


def test_without_permission_it_only_says_what_it_would_do() -> None:
    graph = opened("small")
    result = fix(graph, unsafe=False)
    (held,) = [r for r in result.refused if r.rewrite == "ssd-to-plugins"]
    assert held.held_back
    assert "feed image_tensor with float32 [1,32,32,3]: resized by ResizeBilinear" in held.reason
    assert "each pixel * 0.00784314 - 1" in held.reason


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("trt3", "the plugin library of trt3 has no GridAnchor_TRT and no FlattenConcat_TRT and no NMS_TRT"),
        ("trt8.6", "name one with --target"),
    ],
)
def test_other_targets_have_no_such_plugins(target: str, reason: str) -> None:
    result = fix(opened("small"), target)
    assert [r.reason for r in result.refused if r.rewrite == "ssd-to-plugins" and reason in r.reason]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_names_and_node_order_decide_nothing(seed: int) -> None:
    """Every node gets another name, and the nodes come in another order: the fields are the same."""
    graph, rng = opened("small"), random.Random(seed)
    numbers = rng.sample(range(10_000), len(graph))
    for node, number in zip(list(graph), numbers, strict=True):
        graph.rename(node, f"n{number}")
    outputs = [v.name for v in graph.outputs]
    message = graphdef_from_graph(graph)
    nodes = list(message.node)
    rng.shuffle(nodes)
    del message.node[:]
    message.node.extend(nodes)
    renamed = graph_from_graphdef(message)
    set_signature(renamed, outputs=outputs)
    assert fix(renamed).rolled_back == []
    for op in ("GridAnchor_TRT", "NMS_TRT"):
        assert fields(only(renamed, op)) == fields(only(fixed("small"), op))
    assert len(renamed) == len(fixed("small"))


def test_a_softmax_stays_in_the_graph() -> None:
    graph = opened("small")
    for sigmoid in graph.by_op("Sigmoid"):
        graph.set_op(sigmoid, "Softmax")
    assert head_of(graph).converter == "softmax"
    assert "ssd-to-plugins" in {a.rewrite for a in fix(graph).applied}
    assert fields(only(graph, "NMS_TRT"))["confSigmoid"] == 0
    assert [v.node.op for v in graph.node("concat_box_conf").inputs] == ["Softmax", "Softmax"]
    assert [v.node.op for v in graph.node("concat_box_loc").inputs] == ["Reshape", "Reshape"]


def test_uff_has_one_edge_from_the_anchors_and_the_axis() -> None:
    model = uff_from_graph(fixed("small"))
    (concat,) = [n for g in model.graphs for n in g.nodes if n.id == "concat_priorbox"]
    assert (concat.op, concat.inputs) == ("Concat", ["GridAnchor"])
    assert "axis" in concat.fields


def test_no_target_no_plugins() -> None:
    result = run_rewrites(opened("small"), load_rewrites(["ssd-trt"]), unsafe=True)
    assert any("name one with --target" in r.reason for r in result.refused)


def damaged(edit: str) -> Graph:
    """The small detector with one thing changed."""
    graph = opened("small")
    head = head_of(graph)
    nms = head.suppression.nodes[0]
    if edit == "threshold":
        other = graph.add("Const", "t", attrs={"dtype": nms.attr("T"), "value": nms.inputs[3].node.attr("value")})
        graph.set_attr(other, "value", head.suppression.nodes[1].inputs[4].node.attr("value"))
        graph.set_input(nms, 3, other.out())
    elif edit == "decoding":
        for exp in graph.by_op("Exp"):
            graph.set_op(exp, "Tanh")
    elif edit == "scores":
        for sigmoid in graph.by_op("Sigmoid"):
            graph.set_op(sigmoid, "Tanh")
    elif edit == "ratios":
        replace(graph, [1, 1, 2, 0.5], [1, 1, 3, 0.5])
    elif edit == "scales":
        replace(graph, [0.9, 0.9**0.5, 0.9, 0.9], [0.9, 0.93, 0.9, 0.9])
    elif edit == "axis":
        graph.set_input(head.logits.node, len(head.logits.node.inputs) - 1, nms.inputs[3])
    return graph


def replace(graph: Graph, old: list[float], new: list[float]) -> None:
    """Put other numbers into a constant of the anchors."""
    for node in graph.by_op("Const"):
        tensor = tensor_of(node)
        if tensor is not None and tensor.shape == (len(old),) and np.allclose(tensor.array(), old):
            graph.set_attr(node, "value", Tensor.from_array(np.asarray(new, np.float32)))


def test_more_boxes_than_the_plugin_looks_at() -> None:
    """With a topK above the number of boxes the kernel reads on into the next class."""
    graph = opened("small")
    head = head_of(graph)
    many = dataclasses.replace(head, suppression=dataclasses.replace(head.suppression, total=100, per_class=100))
    assert isinstance(plugins_for(graph, load_target("trt5"), head), Proposal)
    found = plugins_for(graph, load_target("trt5"), many)
    assert isinstance(found, Refusal)
    assert "up to 100 boxes, more than the 64 of a class" in found.reason


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ("threshold", "the IoU threshold is 0.2 for one class and 0.5 for another"),
        ("decoding", "boxes are not decoded by centre and size"),
        ("scores", "the scores are neither sigmoid nor softmax"),
        ("ratios", r"the aspect ratios \[1, 2, 0.5\], which are not among \[1, 3, 0.5\]"),
        (
            "scales",
            r"would make \[-0.2243, -0.2243, 0.7243, 0.7243\] .* anchor 3 of cell \(0, 0\) of map 1, .*0.715",
        ),
        ("axis", "joined along the anchors"),
    ],
)
def test_a_part_that_is_not_found_is_named(edit: str, reason: str) -> None:
    result = fix(damaged(edit))
    refused = [r.reason for r in result.refused if r.rewrite == "ssd-to-plugins"]
    assert any(re.search(reason, r) for r in refused), refused
    assert not any(a.rewrite == "ssd-to-plugins" for a in result.applied)
