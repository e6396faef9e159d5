"""Fingerprints and baselines: another export brings no old finding back, and a new fault is new."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.findings import Finding
from graphdoctor.flows.opening import open_model
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintOptions, accepted, fingerprinted, lint
from graphdoctor.lint.baseline import match_baseline
from graphdoctor.lint.fingerprint import unnumbered
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import load_target
from tests.lint.reexport import FIXTURES, parsed, reexported, texts

TARGETS = [load_target(name) for name in ("trt3", "trt5", "trt8.6")]
GRAPHS = sorted((FIXTURES / "graphs").glob("*.pb"))
NET = """
x = Placeholder {dtype: float32, shape: shape[?,8,8,3]}
w = Const float32[3,3,3,4] normal(1)
c = Conv2D(x, w) {T: float32, padding: "SAME", strides: [1,1,1,1]}
k = Const float32[4] 1.0
a = AddV2(c, k) {T: float32}
r = Relu(a) {T: float32}
b = AddV2(r, k) {T: float32}
y = Relu(b) {T: float32}
inputs: x
outputs: y
"""


def found(graph: Graph) -> tuple[Finding, ...]:
    """Every finding of every rule, with fingerprints."""
    specs = infer_shapes(graph)
    result = lint(graph, specs, TARGETS, LintOptions(extend_select=("ALL",)))
    return fingerprinted(result.findings, graph, specs)


def new(before: Graph, after: Graph) -> list[Finding]:
    """The findings of ``after`` that a baseline of ``before`` does not hold."""
    findings = found(after)
    old = match_baseline(findings, [accepted(f) for f in found(before)]).old
    return [f for i, f in enumerate(findings) if i not in old]


@pytest.mark.parametrize("path", texts().values(), ids=texts())
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_another_export_of_a_fixture_brings_nothing_new(path: Path, seed: int) -> None:
    before = parsed(path)
    assert new(before, reexported(before, seed)) == []


@pytest.mark.parametrize("path", GRAPHS, ids=lambda p: p.stem)
def test_another_export_of_a_model_brings_nothing_new(path: Path) -> None:
    before = open_model(str(path)).graph
    assert found(before)
    assert new(before, reexported(before, 7)) == []


@given(seed=st.integers(0, 2**32), at=st.integers(0, 9), op=st.sampled_from(["Digamma", "MatrixInverse", "NoSuchOp"]))
@settings(max_examples=20, deadline=None)
def test_a_faulty_node_more_is_new(seed: int, at: int, op: str) -> None:
    """Wherever it is put, and although every name changed."""
    before = parse_graph(NET)
    after = reexported(before, seed)
    values = [n.out() for n in after if n.op not in ("Const", "Placeholder")]
    fault = after.add(op, "fault", [values[at % len(values)]])
    after.outputs = (*after.outputs, fault.out())
    assert [f for f in new(before, after) if "fault" in (f.node, *f.covers)]


@pytest.mark.parametrize("path", GRAPHS, ids=lambda p: p.stem)
def test_a_faulty_node_more_in_a_model_is_new(path: Path) -> None:
    before = open_model(str(path)).graph
    after = reexported(before, 11)
    live = [n for n in after.order().nodes if n in after.live() and n.op not in ("Const", "NoOp", "Assert")]
    fault = after.add("NoSuchOp", "fault", [live[len(live) // 2].out()])
    after.outputs = (*after.outputs, fault.out())
    assert [f for f in new(before, after) if f.node == "fault"]


def test_one_more_of_the_same_is_new() -> None:
    """A second AddV2 behind the first, with the same shapes: one of the two is shown."""
    before = parse_graph(NET)
    after = parse_graph(NET.replace("y = Relu(b)", "d = AddV2(b, k) {T: float32}\ny = Relu(d)"))
    fresh = [f for f in new(before, after) if f.code == "GDV001"]
    assert fresh
    assert "d" in {f.node for f in fresh}


def test_new_weights_batch_and_dead_nodes_are_nothing_new() -> None:
    after = NET.replace("normal(1)", "normal(2)").replace("[?,8,8,3]", "[4,8,8,3]") + "z = Relu(a) {T: float32}\n"
    fresh = new(parse_graph(NET), parse_graph(after))
    assert {f.code for f in fresh} <= {"GDS003", "GDH003"}  # the dead node and the fixed batch themselves


def test_an_edit_beside_it_leaves_what_keeps_its_name() -> None:
    after = parse_graph(NET.replace("r = Relu(a)", "e = Elu(a) {T: float32}\nr = Relu(e)"))
    assert [f for f in new(parse_graph(NET), after) if f.code == "GDV001"] == []


def test_equal_findings_are_told_apart() -> None:
    """Code scanning takes two results with one fingerprint for one."""
    chain = "x = Placeholder {dtype: float32, shape: shape[1,8]}\nv0 = Relu(x)\n"
    chain += "\n".join(f"v{i} = Relu6(v{i - 1}) {{T: float32}}" for i in range(1, 30))
    findings = found(parse_graph(chain + "\ninputs: x\noutputs: v29"))
    marks = [f.fingerprint for f in findings]
    assert len(set(marks)) == len(marks)
    assert len({unnumbered(m) for m in marks}) < len(marks)


def test_a_fixed_finding_makes_its_entry_stale() -> None:
    before, after = found(parse_graph(NET)), found(parse_graph(NET.replace("a = AddV2", "a = Add")))
    matched = match_baseline(after, [accepted(f) for f in before])
    assert len(matched.old) == len(after)
    assert {e.node for e in matched.stale if e.code == "GDV001"} == {"a"}


def test_fingerprints_stay_as_they_are() -> None:
    """They are kept in files of users: another way to make them brings every old finding back."""
    marks = {(f.code, f.node): f.fingerprint for f in found(parse_graph(NET)) if f.target == "trt3"}
    assert marks["GDV001", "b"] == "7e530795a05bb2f5f30480e149ac57ab"
    assert marks["GDU007", "x"] == "737b7ae0a2b3ca58e60cd135461e70da"
