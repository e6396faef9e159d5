"""Verdicts on TF-TRT: what is in a segment, what is left, and what cannot be told."""

from __future__ import annotations

import pytest

from graphdoctor.findings import TargetVerdict, Verdict
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintResult, lint
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import all_target_names, load_target

TFTRT = tuple(n for n in all_target_names() if load_target(n).parser == "tftrt")
X = "x = Placeholder {dtype: float32, shape: shape[1,8]}\n"
THREE = X + "a = Relu(x)\nb = Sqrt(a)\nc = Neg(b)\n"
END = "\ny = Identity({})\ninputs: x\noutputs: y"


def checked(text: str, target: str = "tftrt1.15") -> LintResult:
    graph = parse_graph(text)
    complete_attrs(graph)
    return lint(graph, infer_shapes(graph), [load_target(target)])


def verdict(text: str, target: str = "tftrt1.15") -> TargetVerdict:
    return checked(text, target).verdicts[0]


@pytest.mark.parametrize("target", TFTRT)
def test_a_graph_that_is_one_segment(target: str) -> None:
    found = verdict(THREE + END.format("c"), target)
    assert (found.verdict, found.supported, found.total, found.segments) == (Verdict.COMPATIBLE, 5, 5, 1)
    assert found.parser == "tftrt"


def test_a_node_that_stays_counts_against_it_and_cuts_the_graph() -> None:
    text = THREE + "d = Erf(c)\ne = Relu(d)\nf = Sqrt(e)\ng = Neg(f)" + END.format("g")
    found = verdict(text)
    assert (found.verdict, found.supported, found.total, found.segments) == (Verdict.INCOMPATIBLE, 8, 9, 2)
    assert "Erf" in found.reason


def test_a_segment_that_is_too_small_is_left() -> None:
    found = verdict(THREE + "d = Erf(c)\ne = Relu(d)" + END.format("e"))
    assert (found.supported, found.segments) == (5, 1)
    codes = {f.code: f for f in checked(THREE + "d = Erf(c)\ne = Relu(d)" + END.format("e")).findings}
    assert "1 node, and 3 are needed" in codes["GDT002"].message


def test_an_unknown_node_makes_small_parts_unknown_rather_than_left() -> None:
    """If AddV2 converts, all is one segment."""
    result = checked(X + "a = Relu(x)\nb = AddV2(a, x)\nc = Neg(b)" + END.format("c"))
    found = result.verdicts[0]
    assert (found.verdict, found.segments) == (Verdict.UNKNOWN, 0)
    assert all(not f.certain for f in result.findings if f.code == "GDT002")
    assert "GDT003" not in {f.code for f in result.findings}


def test_a_graph_without_a_segment() -> None:
    result = checked(X + "a = Relu(x)" + END.format("a"))
    assert result.verdicts[0].verdict is Verdict.INCOMPATIBLE
    assert result.verdicts[0].segments == 0
    assert [f.node for f in result.findings if f.code == "GDT003"] == ["y"]


def test_constants_are_folded_and_order_is_no_work() -> None:
    text = (
        "k = Const float32[1,8] 0.5\nl = Sqrt(k)\nm = Neg(l)\n"
        + THREE
        + "d = Add(c, m)\nn = NoOp(^d)\ny = Identity(d, ^n)\ninputs: x\noutputs: y"
    )
    found = verdict(text)
    assert (found.verdict, found.supported, found.total, found.segments) == (Verdict.COMPATIBLE, 9, 9, 1)


def test_a_type_that_cannot_cross_the_border() -> None:
    axis = "k = Const int32[] 1\nd = ArgMax(c, k) {output_type: int64}"
    result = checked(f"{THREE}{axis}{END.format('d')}")
    found = result.verdicts[0]
    assert (found.verdict, found.segments) == (Verdict.INCOMPATIBLE, 1)
    assert "cannot cross the border" in found.reason
    assert [f.node for f in result.findings if f.code == "GDT002"] == ["d"]


def test_without_outputs_nothing_is_said() -> None:
    found = verdict(THREE.rstrip() + "\ninputs: x")
    assert found.verdict is Verdict.UNKNOWN


def test_more_engines_than_are_made() -> None:
    target = load_target("tftrt1.15")
    assert target.segments is not None
    most = target.segments.engines
    assert most is not None
    parts, last = [], "x"
    for i in range(most + 1):
        parts.append(f"u{i} = Erf({last})\na{i} = Relu(u{i})\nb{i} = Sqrt(a{i})\nc{i} = Neg(b{i})")
        last = f"c{i}"
    result = checked(X + "\n".join(parts) + END.format(last))
    assert result.verdicts[0].segments == most
    left = [f for f in result.findings if f.code == "GDT002"]
    assert len(left) == 3
    assert {"no more engines are made" in f.message for f in left} == {True}
