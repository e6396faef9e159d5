"""How a graph is cut into segments for TF-TRT."""

from __future__ import annotations

import time

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.ir import Graph, Node, Value
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes import segments as module
from graphdoctor.passes.numbered import Numbered
from graphdoctor.passes.segments import Cutter, Segments
from graphdoctor.targets import SegmentRules

ONE = SegmentRules(1)


def cut(graph: Graph, rules: SegmentRules = ONE, misfits: str = "", leaves: str = "") -> Segments:
    """Nodes whose op is U stay outside; values of the nodes in ``misfits`` may not cross a border."""
    accepted = {n for n in graph if n.op not in ("U", "P")}

    def fits(value: Value) -> bool:
        return value.node.name not in misfits.split()

    numbered = Numbered(graph)
    folded = numbered.mask(n for n in accepted if n.name in leaves.split())
    all_fit = numbered.mask(n for n in graph if n.name not in misfits.split())
    return Cutter(numbered).cut(numbered.mask(accepted), folded, rules, fits, all_fit)


def shown(found: Segments) -> list[str]:
    return [" ".join(sorted(n.name for n in segment)) for segment in found.kept]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = P\na = A(x)\nb = A(a)\nc = A(b)", ["a b c"]),
        ("x = P\na = A(x)\nu = U(a)\nb = A(u)", ["a", "b"]),
        # What TensorFlow's own comment says: A to B or B to D can be joined, and it is B and D.
        ("x = P\na = A(x)\nb = A(a)\nc = U(a)\nd = A(b, c)", ["a", "b d"]),
        # A branch that starts beside the op outside belongs to what reads it.
        ("x = P\na = A(x)\nu = U(a)\ns = A(x)\nd = A(u, s)", ["a", "d s"]),
        # Between phases, and nothing leaves: a and b have another way to an output through u.
        ("x = P\na = A(x)\nb = A(a)\nu = U(a)\nv = A(u)", ["a b", "v"]),
        ("x = P\na = A(x)\nb = A(x)\nc = A(^a, b)", ["a", "b c"]),
        ("k = A\nu = U(k)\na = A(k)\nb = A(u, a)", ["a b", "k"]),
        ("x = P\nu = U(x)", []),
    ],
)
def test_small_graphs(text: str, expected: list[str]) -> None:
    assert sorted(shown(cut(parse_graph(text)))) == expected


def test_small_and_surplus_segments_stay_outside() -> None:
    text = "x = P\na = A(x)\ni = Identity(a)\nu = U(i)\nb = A(u)\nc = A(b)\nv = U(c)\nd = A(v)\ne = A(d)\nf = A(e)"
    graph = parse_graph(text)
    found = cut(graph, SegmentRules(2, None, frozenset({"Identity"})))
    assert shown(found) == ["b c", "d e f"]
    assert [[n.name for n in s] for s in found.small] == [["a", "i"]]
    one = cut(graph, SegmentRules(2, 1))
    assert shown(one) == ["d e f"]
    assert [[n.name for n in s] for s in one.surplus] == [["a", "i"], ["b", "c"]]


@pytest.mark.parametrize(
    ("misfits", "kept", "peeled"),
    [("x", "b c d e", "a"), ("e", "a b c d", "e"), ("c", "a b c d e", ""), ("b", "a", "b c d e")],
)
def test_types_that_do_not_fit_are_peeled_off(misfits: str, kept: str, peeled: str) -> None:
    graph = parse_graph("x = P\nz = P\na = A(x)\nb = A(a)\nc = A(b)\nd = A(c)\nu = U(b)\nw = U(e)\ne = A(d, z)")
    found = cut(graph, ONE, misfits)
    assert (shown(found), " ".join(n.name for n in found.peeled)) == ([kept], peeled)


def test_a_folded_node_reads_nothing() -> None:
    graph = parse_graph("k = A\nu = U(k)\nf = A(u)\nx = P\na = A(x, f)")
    assert shown(cut(graph, leaves="f k")) == ["k", "a f"]


@st.composite
def _graphs(draw: st.DrawFn) -> Graph:
    graph = Graph()
    made: list[Node] = []
    for i in range(draw(st.integers(1, 14))):
        inputs = draw(st.lists(st.sampled_from(made), max_size=3)) if made else []
        controls = draw(st.lists(st.sampled_from(made), max_size=1)) if made else []
        op = draw(st.sampled_from("AAAU"))
        made.append(graph.add(op, f"n{i}", [n.out() for n in inputs], controls=list(dict.fromkeys(controls))))
    return graph


def _condensed(graph: Graph, found: Segments) -> nx.DiGraph[int]:
    place = {n: -i - 1 for i, segment in enumerate(found.kept) for n in segment}
    names = {n: place.get(n, i) for i, n in enumerate(graph)}
    edges = [(names[p], names[n]) for n in graph for p in (*(v.node for v in n.inputs), *n.controls)]
    condensed: nx.DiGraph[int] = nx.DiGraph()
    condensed.add_nodes_from(names.values())
    condensed.add_edges_from((a, b) for a, b in edges if a != b)
    return condensed


@settings(max_examples=300, deadline=None)
@given(_graphs())
def test_segments_are_connected_close_no_cycle_and_cannot_be_joined(graph: Graph) -> None:
    found = cut(graph)
    nodes = [n for segment in found.kept for n in segment]
    assert len(nodes) == len(set(nodes))
    assert set(nodes) == {n for n in graph if n.op == "A"}
    condensed = _condensed(graph, found)
    assert nx.is_directed_acyclic_graph(condensed)
    place = {n: i for i, segment in enumerate(found.kept) for n in segment}
    for segment in found.kept:
        data: nx.Graph[Node] = nx.Graph()
        data.add_nodes_from(segment)
        data.add_edges_from((v.node, n) for n in segment for v in n.inputs if v.node in segment)
        assert nx.is_connected(data)
    for node in nodes:
        for value in node.inputs:
            other = place.get(value.node)
            if other is not None and other != place[node]:
                pair = nx.DiGraph(condensed)
                pair.remove_edge(-other - 1, -place[node] - 1)
                assert nx.has_path(pair, -other - 1, -place[node] - 1)


def test_what_was_not_tested_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STEPS", -100)
    graph = parse_graph("x = P\na = A(x)\nb = A(a)\nu = U(a)\nv = A(u)")
    found = cut(graph)
    assert not found.whole
    assert sorted(shown(found)) == ["a", "b", "v"]


def _ladder(steps: int) -> Graph:
    """Residual blocks, each with a node outside on one of its branches."""
    graph = Graph()
    last = graph.add("P", "x")
    for i in range(steps):
        a = graph.add("A", f"a{i}", [last.out()])
        u = graph.add("U", f"u{i}", [a.out()])
        last = graph.add("A", f"s{i}", [a.out(), u.out()])
    return graph


def test_the_work_grows_with_the_graph() -> None:
    seconds = []
    for steps in (1_000, 10_000):
        graph = _ladder(steps)
        graph.order()
        start = time.perf_counter()
        assert len(cut(graph).kept) == steps + 1
        seconds.append(time.perf_counter() - start)
    assert seconds[1] < 10 * 6 * seconds[0]
