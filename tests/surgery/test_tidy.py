"""What is done after rewrites, whatever they were; and that a run costs what the graph is long."""

from __future__ import annotations

import pytest

from graphdoctor.ir import Attrs, Graph, NodeRecord
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.match.frames import nodes_in_loops
from graphdoctor.surgery import load_rewrites, run_rewrites
from graphdoctor.surgery.tidy import drop_stale_colocation, remove_orphans, remove_unread
from graphdoctor.types import DType
from graphdoctor.wire.attrs import ShapeValue
from tests.work import calls

#   c1 ── a ── y (output)     c2 ── dead
GRAPH = """
c1 = Const float32[] 1.0
c2 = Const float32[] 2.0
x = Placeholder {dtype: float32, shape: shape[2]}
a = Add(x, c1) {T: float32}
y = Neg(a) {T: float32}
dead = Neg(c2) {T: float32}
inputs: x
outputs: y
"""


def names(graph: Graph) -> list[str]:
    return sorted(n.name for n in graph)


def test_what_lost_its_last_reader_goes_with_what_only_it_read() -> None:
    graph = parse_graph(GRAPH)
    mark, alive = graph.mark(), graph.live()
    graph.set_inputs(graph.node("y"), (graph.node("x").out(),))
    assert remove_unread(graph, mark, alive) == 2
    assert names(graph) == ["c2", "dead", "x", "y"]


def test_inputs_outputs_and_what_was_dead_before_stay() -> None:
    graph = parse_graph(GRAPH)
    mark, alive = graph.mark(), graph.live()
    graph.set_inputs(graph.node("y"), ())
    graph.set_inputs(graph.node("dead"), ())
    assert remove_unread(graph, mark, alive) == 2
    assert names(graph) == ["c2", "dead", "x", "y"]
    assert remove_orphans(graph, alive) == 0


def test_orphans_on_a_cycle_are_found_too() -> None:
    graph = parse_graph(
        """
        x = Placeholder {dtype: float32, shape: shape[2]}
        a = Merge(x, b) {T: float32, N: 2}
        b = NextIteration(a) {T: float32}
        y = Neg(a) {T: float32}
        inputs: x
        outputs: y
        """
    )
    mark, alive = graph.mark(), graph.live()
    graph.set_inputs(graph.node("y"), (graph.node("x").out(),))
    assert remove_unread(graph, mark, alive) == 0
    assert remove_orphans(graph, alive) == 2
    assert names(graph) == ["x", "y"]


def test_colocation_with_what_is_gone_is_dropped() -> None:
    graph = parse_graph(
        """
        x = Placeholder {dtype: float32, shape: shape[2]}
        a = Neg(x) {T: float32, _class: ["loc:@gone"]}
        b = Neg(a) {T: float32, _class: ["loc:@gone", "loc:@a", "other"]}
        c = Neg(b) {T: float32, _class: ["loc:@a"]}
        """
    )
    assert drop_stale_colocation(graph) == 2
    assert format_graph(graph).splitlines()[1:] == [
        "a = Neg(x) {T: float32}",
        'b = Neg(a) {T: float32, _class: ["loc:@a", "other"]}',
        'c = Neg(b) {T: float32, _class: ["loc:@a"]}',
    ]


def test_nodes_in_loops_end_at_exit() -> None:
    graph = parse_graph(
        """
        x = Const float32[] 1.0
        enter = Enter(x) {frame_name: "f"}
        body = Neg(enter)
        exit = Exit(body)
        y = Neg(exit)
        """
    )
    assert sorted(n.name for n in nodes_in_loops(graph)) == ["body", "enter"]


def chain(length: int, *, identities: int, run: int) -> Graph:
    """``length`` Relus and Identities in a row, the Identities in runs of ``run``."""
    records = [NodeRecord("x", "Placeholder", [], Attrs({"dtype": DType.FLOAT, "shape": ShapeValue((2, 3))}))]
    gap = (length - identities) // (identities // run)
    while len(records) < length:
        for op in (*["Identity"] * run, *["Relu"] * gap):
            records.append(NodeRecord(f"n{len(records)}", op, [records[-1].name], Attrs({"T": DType.FLOAT})))
    records.append(NodeRecord("y", "Neg", [records[-1].name], Attrs({"T": DType.FLOAT})))
    graph = Graph.from_records(records)
    graph.inputs, graph.outputs = (graph.node("x"),), (graph.node("y").out(),)
    return graph


@pytest.mark.slow
@pytest.mark.parametrize("run", [1, 4000])
def test_four_thousand_identities_go_in_one_round(run: int) -> None:
    graph = chain(20_000, identities=4_000, run=run)
    result = run_rewrites(graph, load_rewrites(["clean"]))
    assert result.rounds == 2
    assert len(graph.by_op("Identity")) == 0


@pytest.mark.slow
def test_work_per_node_does_not_grow() -> None:
    def per_node(length: int) -> float:
        graph = chain(length, identities=length // 5, run=2)
        rewrites = load_rewrites(["tf112", "clean", "fold", "trt3"])
        return calls(lambda: run_rewrites(graph, rewrites)) / length

    per_node(100)  # what is loaded and looked up once
    assert per_node(20_000) < 1.3 * per_node(2_000)
