"""An op that nobody knows never makes a verdict better: compatible, then unknown, then incompatible.

An op that no release of TensorFlow has is refused by every converter and parser. One that TensorFlow has, and of which
graphdoctor's tables say nothing, stays unknown, since another converter may have a lowering; replacing it makes its
verdict worse like that of any other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.findings import TargetVerdict, Verdict
from graphdoctor.formats.tensorflow import load_model
from graphdoctor.ir import Graph, Node
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintOptions, lint
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.signature import set_signature
from graphdoctor.targets import all_target_names, load_target

ROOT = Path(__file__).parent.parent.parent
FIXTURES = sorted((ROOT / "fixtures" / "rules").glob("*/*.gdt"))
CORPUS = ROOT.parent / "shared" / "corpus" / "pb"
NETS = sorted(CORPUS.glob("*.pb"))
ALL = bool(os.environ.get("GRAPHDOCTOR_TEST_ALL"))
SMALL_GRAPH = 400
"""Nodes up to which each one is replaced."""
SAMPLE = 600
TARGETS = tuple(load_target(name) for name in all_target_names())
QUIET = LintOptions(report=())


def _verdicts(graph: Graph) -> dict[str, TargetVerdict]:
    return {v.target: v for v in lint(graph, infer_shapes(graph), TARGETS, QUIET).verdicts}


def _with_unknown_op(graph: Graph, node: Node, *, again: bool = False) -> dict[str, TargetVerdict]:
    """The verdicts with ``node`` replaced; ``again`` finds inputs and outputs again, as for another file."""
    mark = graph.mark()
    graph.set_op(node, "MysteryOp")
    if again:
        set_signature(graph)
    try:
        return _verdicts(graph)
    finally:
        graph.rollback(mark)


RANK = {Verdict.INCOMPATIBLE: 0, Verdict.UNKNOWN: 1, Verdict.COMPATIBLE: 2}


def _assert_never_better(graph: Graph, nodes: list[Node]) -> None:
    before = _verdicts(graph)
    for node in nodes:
        after = _with_unknown_op(graph, node)
        for target in TARGETS:
            old, new = before[target.name], after[target.name]
            where = f"{target.name}: {node.name} ({node.op}) was replaced; {old} became {new}"
            assert RANK[new.verdict] <= RANK[old.verdict], where
            assert new.verdict is Verdict.INCOMPATIBLE, where


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_fixtures(path: Path) -> None:
    graph = parse_graph(path.read_text(), path.name)
    complete_attrs(graph)
    live = graph.live()
    _assert_never_better(graph, [n for n in graph if n in live])


def test_dead_nodes_change_no_verdict() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[1,8]}\nd = Tanh(x)\ny = Relu(x)\ninputs: x\noutputs: y"
    graph = parse_graph(text)
    complete_attrs(graph)
    assert _with_unknown_op(graph, graph.node("d")) == _verdicts(graph)


@pytest.mark.slow
@pytest.mark.skipif(not NETS, reason="the corpus of real models is not here")
@pytest.mark.parametrize("path", NETS, ids=lambda p: p.stem)
def test_real_models(path: Path) -> None:
    graph = load_model(str(path)).graph
    set_signature(graph)
    live = graph.live()
    _assert_never_better(graph, list(_sample([n for n in graph if n in live], Random(path.stem))))


@pytest.mark.slow
@pytest.mark.skipif(not NETS, reason="the corpus of real models is not here")
@pytest.mark.parametrize("path", NETS, ids=lambda p: p.stem)
def test_real_models_whose_outputs_are_found_again(path: Path) -> None:
    """Any node, dead ones too, in another file: what is found to be an output may change as well."""
    graph = load_model(str(path)).graph
    set_signature(graph)
    before = _verdicts(graph)
    nodes = list(_sample(list(graph), Random(path.stem)))
    for node in nodes if ALL else nodes[:10]:
        after = _with_unknown_op(graph, node, again=True)
        worse = {name for name, v in after.items() if RANK[v.verdict] > RANK[before[name].verdict]}
        assert not worse, f"{node.name} ({node.op}) was replaced"


def _sample(nodes: list[Node], random: Random) -> Iterator[Node]:
    """All nodes of a small graph, three of each op of a large one; without ``GRAPHDOCTOR_TEST_ALL`` a few of them."""
    if len(nodes) > SMALL_GRAPH:
        of_op: dict[str, list[Node]] = {}
        for node in nodes:
            of_op.setdefault(node.op, []).append(node)
        nodes = [n for same in of_op.values() for n in random.sample(same, min(3, len(same)))]
    wanted = len(nodes) if ALL else max(1, SAMPLE // max(1, len(nodes)))
    yield from random.sample(nodes, min(wanted, len(nodes)))


UNARY = ("Relu", "Tanh", "Relu6", "Erf", "Identity", "Square", "Softplus", "Digamma", "Foo")
BINARY = ("Add", "AddV2", "Mul", "Maximum", "SquaredDifference")


@st.composite
def _graphs(draw: st.DrawFn) -> Graph:
    """Elementwise graphs over one input and one constant, with shared values and dead ends."""
    lines = ["v0 = Placeholder {dtype: float32, shape: shape[1,8]}", "v1 = Const float32[1,8] 0.5"]
    for i in range(2, draw(st.integers(3, 8))):
        a, b = (draw(st.integers(0, i - 1)) for _ in range(2))
        if draw(st.booleans()):
            lines.append(f"v{i} = {draw(st.sampled_from(UNARY))}(v{a})")
        else:
            lines.append(f"v{i} = {draw(st.sampled_from(BINARY))}(v{a}, v{b})")
    lines += ["inputs: v0", f"outputs: v{len(lines) - 1}"]
    graph = parse_graph("\n".join(lines))
    complete_attrs(graph)
    return graph


@settings(max_examples=25, deadline=None)
@given(_graphs())
def test_made_up_graphs(graph: Graph) -> None:
    live = graph.live()
    _assert_never_better(graph, [n for n in graph if n in live])
