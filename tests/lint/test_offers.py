"""A finding offers a rewrite only where it applies: every offer on the graphs of fixtures is taken up."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdoctor.findings import Finding
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintOptions, lint
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery import load_rewrites, run_rewrites
from graphdoctor.targets import load_target
from tests.test_rules import FIXTURES, Fixture

PATHS = sorted(FIXTURES.glob("*/*.gdt"))
IMAGE = "x = Placeholder {dtype: uint8, shape: shape[1,4,4,3]}\n"
DATA = "x = Placeholder {dtype: float32, shape: shape[?,4,4,8]}\n"


def found(graph: Graph, targets: tuple[str, ...]) -> tuple[Finding, ...]:
    loaded = [load_target(name) for name in targets]
    return lint(graph, infer_shapes(graph), loaded, LintOptions(extend_select=("ALL",))).findings


@pytest.mark.parametrize("path", PATHS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_an_offered_rewrite_removes_the_finding(path: Path) -> None:
    """By the pack that is named, for the target that the finding is about."""
    fixture = Fixture.read(path)
    offered = [f for f in found(fixture.graph(), fixture.targets) if f.fix is not None]
    runs = dict.fromkeys((f.fix.pack, f.target) for f in offered if f.fix is not None)
    for pack, target in runs:
        graph = fixture.graph()
        done = run_rewrites(graph, load_rewrites((pack,)), target=load_target(target) if target else None, unsafe=True)
        left = {(f.code, f.target, f.node) for f in found(graph, fixture.targets)}
        for finding in offered:
            if finding.fix is None or (finding.fix.pack, finding.target) != (pack, target):
                continue
            refused = [r.reason for r in done.refused if r.rewrite == finding.fix.rewrite]
            assert finding.fix.rewrite in {a.rewrite for a in done.applied}, refused
            assert (finding.code, finding.target, finding.node) not in left, refused


def test_there_are_offers() -> None:
    """So that the test above has something to look at."""
    graphs = [Fixture.read(path) for path in PATHS if path.stem == "bad"]
    offers = {f.fix.rewrite for g in graphs for f in found(g.graph(), g.targets) if f.fix is not None}
    assert len(offers) > 30


@pytest.mark.parametrize(
    ("code", "target", "applies", "does_not"),
    [
        pytest.param(
            "GDU011",
            "trt5",
            "a = Const int32[2] [1, 2]\nm = Mean(x, a) {keep_dims: false}\ny = Relu(m)\n",
            "a = Const int32[4] [0, 1, 2, 3]\nm = Mean(x, a) {keep_dims: false}\ny = Relu(m)\n",
            id="a reduction to one number",
        ),
        pytest.param(
            "GDU001",
            "trt3",
            "a = Const int32[] 1\nm = ExpandDims(x, a)\ny = Relu(m)\n",
            "n = Placeholder {dtype: float32}\na = Const int32[] 1\nm = ExpandDims(n, a)\ny = Relu(m)\n",
            id="a rank that is not known",
        ),
        pytest.param(
            "GDU016",
            "trt3",
            "s = Const int32[2] [-1, 128]\nflatten/r = Reshape(x, s)\ny = Relu(flatten/r)\n",
            "s = Const int32[2] [-1, 128]\nflatten/y = Reshape(x, s)\n",
            id="a name that must stay",
        ),
    ],
)
def test_no_offer_where_the_rewrite_refuses(code: str, target: str, applies: str, does_not: str) -> None:
    for text, offered in ((applies, True), (does_not, False)):
        output = text.rstrip().splitlines()[-1].partition(" ")[0]
        inputs = "x, n" if "\nn = " in f"\n{text}" else "x"
        graph = parse_graph(f"{DATA}{text}inputs: {inputs}\noutputs: {output}\n", "case")
        complete_attrs(graph)
        mine = [f for f in found(graph, (target,)) if f.code == code]
        assert mine
        assert {f.fix is not None for f in mine} == {offered}


@pytest.mark.parametrize(
    ("readers", "offered"),
    [
        ("c = Cast(x) {SrcT: uint8, DstT: float32}\ny = Relu(c)\n", True),
        ("c = Cast(x) {SrcT: uint8, DstT: float32}\ny = Relu(c)\ni = Identity(x)\nz = Squeeze(i)\n", False),
        ("y = Identity(x)\n", False),
    ],
)
def test_bytes_that_more_than_a_cast_reads(readers: str, offered: bool) -> None:
    outputs = ", ".join(line[0] for line in readers.splitlines() if line[0] in "yz")
    graph = parse_graph(f"{IMAGE}{readers}inputs: x\noutputs: {outputs}\n", "case")
    complete_attrs(graph)
    (finding,) = [f for f in found(graph, ("trt3",)) if f.code == "GDD001" and f.node == "x"]
    assert (finding.fix is not None) == offered
