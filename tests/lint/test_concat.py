"""Concatenations: the axis, the other dimensions, and what is not known of them."""

from __future__ import annotations

import pytest

from graphdoctor.findings import Finding
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import lint
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import load_target

CONV = 'w = Const float32[1,1,3,3] 1.0\nc = Conv2D(x, w) {padding: "SAME", strides: [1,1,1,1]}\n'


def _found(x: str, z: str, axis: int, target: str, between: str = "") -> list[Finding]:
    text = f"x = Placeholder {{dtype: float32, shape: shape{x}}}\nz = Placeholder {{dtype: float32, shape: shape{z}}}\n"
    text += (
        f"{between}a = Const int32[] {axis}\ny = ConcatV2({'c' if between else 'x'}, z, a)\ninputs: x, z\noutputs: y"
    )
    graph = parse_graph(text)
    complete_attrs(graph)
    findings = lint(graph, infer_shapes(graph), [load_target(target)]).findings
    return [f for f in findings if f.code in ("GDU004", "GDU005")]


@pytest.mark.parametrize(
    ("target", "code"), [("trt3", "GDU004"), ("trt4", "GDU004"), ("trt5", "GDU005"), ("trt8-uff", "GDU005")]
)
def test_other_dimensions_must_be_equal(target: str, code: str) -> None:
    (found,) = _found("[1,8,8,3]", "[1,8,9,3]", 3, target, CONV)
    assert (found.code, found.certain, found.fix) == (code, True, None)
    assert "the other dimensions differ" in found.message
    assert _found("[1,8,8,3]", "[1,8,8,5]", 3, target, CONV) == []


@pytest.mark.parametrize("target", ["trt3", "trt5"])
def test_another_dimension_that_is_not_known_cannot_be_told(target: str) -> None:
    (found,) = _found("[1,8,8,3]", "[1,?,8,3]", 3, target, CONV)
    assert not found.certain
    assert "another dimension is not known" in found.message
    assert _found("[?,8,8,3]", "[?,8,8,3]", 3, target, CONV) == []


@pytest.mark.parametrize("target", ["trt3", "trt5"])
def test_an_unknown_rank_cannot_be_told(target: str) -> None:
    (found,) = _found("[1,8,8,3]", "[*]", 3, target, CONV)
    assert not found.certain


@pytest.mark.parametrize(("axis", "certain"), [(0, True), (-4, True), (-2, False), (-1, None), (2, None)])
def test_axes_of_trt5(axis: int, certain: bool | None) -> None:
    """Any axis but the batch; from the end, -1 alone is known, and of NHWC."""
    found = _found("[1,8,8,3]", "[1,8,8,3]", axis, "trt5", CONV)
    assert [f.certain for f in found] == ([] if certain is None else [certain])


def test_an_axis_from_the_end_without_a_layout_cannot_be_told() -> None:
    assert [f.certain for f in _found("[1,8,8,3]", "[1,8,8,3]", -1, "trt5")] == [False]
    assert _found("[1,8]", "[1,8]", -1, "trt5") == []


def test_inputs_that_differ_in_the_engine_cannot_be_told() -> None:
    """A dense layer leaves [K,1,1], an input [N,K] has one dimension."""
    text = (
        "x = Placeholder {dtype: float32, shape: shape[?,4,4,1]}\nz = Placeholder {dtype: float32, shape: shape[?,8]}\n"
    )
    text += "s = Const int32[2] [-1, 16]\nr = Reshape(x, s)\nw = Const float32[16,8] 1.0\nm = MatMul(r, w)\n"
    text += "a = Const int32[] 1\ny = ConcatV2(m, z, a)\ninputs: x, z\noutputs: y"
    for found in (text, text.replace("ConcatV2(m, z, a)", "ConcatV2(m, r, a)")):
        graph = parse_graph(found)
        complete_attrs(graph)
        hits = [f for f in lint(graph, infer_shapes(graph), [load_target("trt5")]).findings if f.code == "GDU005"]
        assert [f.certain for f in hits] == [False]
