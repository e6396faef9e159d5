from __future__ import annotations

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.errors import InputError, InternalError
from graphdoctor.ir import Graph, broken_invariants, frozen
from graphdoctor.ir.text import format_graph, parse_graph

#   x ── a ──┬── c ── d
#   └─── b ──┘   ^b
DIAMOND = """
x = Placeholder {dtype: float32, shape: shape[?,2]}
a = Relu(x)
b = Neg(x)
c = Add(a, b)
d = Identity(c, ^b)
inputs: x
outputs: d
"""


def state(graph: Graph) -> tuple[object, ...]:
    """Everything a user can see of a graph, order of nodes aside."""
    edges = sorted((u.name, v.name, k, p) for u, v, k, p in graph.networkx().edges(keys=True, data="port"))
    return (sorted(format_graph(graph).splitlines()), edges, graph.ops(), [n.name for n in graph.missing()])


def test_indexes_agree_with_the_digraph() -> None:
    graph = parse_graph(DIAMOND)
    assert [n.name for n in graph.by_op("Relu", "Neg")] == ["a", "b"]
    assert [(u.node.name, u.slot) for u in graph.uses(graph.node("b"))] == [("c", 1), ("d", -1)]
    assert [u.node.name for u in graph.uses(graph.node("b"), 0)] == ["c"]
    assert networkx.is_directed_acyclic_graph(graph.networkx())
    assert len(graph) == graph.networkx().number_of_nodes() == 5


def test_the_digraph_given_to_users_cannot_be_changed() -> None:
    digraph = parse_graph(DIAMOND).networkx()
    with pytest.raises(networkx.NetworkXError):
        digraph.add_node("intruder")


def test_a_node_cannot_be_written_past_its_graph() -> None:
    node = parse_graph(DIAMOND).node("a")
    with pytest.raises(AttributeError, match="changes through its graph"):
        node.op = "Tanh"


def test_unknown_name_offers_the_nearest() -> None:
    graph = parse_graph("conv2d = Placeholder {dtype: float32}")
    with pytest.raises(InputError, match="Did you mean conv2d"):
        graph.node("conv2")


def test_two_nodes_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="two nodes are named 'x'"):
        parse_graph("x = Placeholder\nx = Relu(x)")


def test_dangling_input_is_kept_and_reported() -> None:
    graph = parse_graph("y = Relu(gone:1)\noutputs: y")
    assert [n.name for n in graph.missing()] == ["gone"]
    assert broken_invariants(graph)[0].invariant == "inputs-exist"
    assert format_graph(graph).startswith("y = Relu(gone:1)")


def test_a_node_that_arrives_late_is_adopted_by_its_readers() -> None:
    graph = parse_graph("y = Relu(gone:1, ^gone)\noutputs: y")
    node = graph.add("Split", "gone")
    assert graph.missing() == []
    assert graph.node("y").inputs[0].node is node
    assert graph.node("y").controls == (node,)


def test_rename_carries_consumers() -> None:
    graph = parse_graph(DIAMOND)
    graph.rename(graph.node("b"), "negated")
    assert "c = Add(a, negated)" in format_graph(graph)
    assert "d = Identity(c, ^negated)" in format_graph(graph)
    with pytest.raises(InputError, match="exists already"):
        graph.rename(graph.node("a"), "negated")


def test_removing_a_read_node_is_a_bug() -> None:
    graph = parse_graph(DIAMOND)
    with pytest.raises(InternalError, match="still reads it"):
        graph.remove(graph.node("a"))


def test_rules_cannot_write() -> None:
    graph = parse_graph(DIAMOND)
    with frozen(graph), pytest.raises(InternalError, match="frozen"):
        graph.set_op(graph.node("a"), "Tanh")
    graph.set_op(graph.node("a"), "Tanh")


def test_diff_names_what_changed_and_not_what_changed_back() -> None:
    graph = parse_graph(DIAMOND)
    graph.set_op(graph.node("a"), "Tanh")
    graph.set_op(graph.node("b"), "Abs")
    graph.set_op(graph.node("b"), "Neg")
    graph.add("NoOp", "extra")
    diffs = graph.diff()
    assert [(d.name, d.before and d.before.op, d.after and d.after.op) for d in diffs] == [
        ("a", "Relu", "Tanh"),
        ("extra", None, "NoOp"),
    ]


def test_cycle_is_found_and_a_while_loop_is_not_one() -> None:
    cyclic = parse_graph("a = Relu(b)\nb = Relu(a)\nc = Relu(b)\noutputs: c")
    assert [n.name for n in cyclic.order().cyclic] == ["a", "b", "c"]
    loop = parse_graph("e = Enter(x)\nx = Placeholder\nm = Merge(e, n)\nr = Relu(m)\nn = NextIteration(r)")
    assert loop.order().cyclic == ()


def test_live_follows_controls_but_not_missing_nodes() -> None:
    graph = parse_graph("a = Const float32[] 1.0\nb = NoOp(^a)\nc = Relu(gone, ^b)\ndead = Relu(a)\noutputs: c")
    assert {n.name for n in graph.live()} == {"a", "b", "c"}


def test_many_nested_names_and_a_long_chain_need_no_recursion() -> None:
    deep = "/".join(["s"] * 10_000)
    lines = [f'"{deep}" = Placeholder', f'n0 = Relu("{deep}")']
    lines += [f"n{i} = Relu(n{i - 1})" for i in range(1, 5_000)]
    graph = parse_graph("\n".join(lines) + "\noutputs: n4999")
    assert len(graph.order().nodes) == len(graph.live()) == 5_001


OPERATIONS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 9)), max_size=25)


def mutate(graph: Graph, what: int, i: int, j: int) -> None:
    nodes = list(graph)
    a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
    if what == 0:
        graph.add("Relu", a.name, [b.out()], {"alpha": i}, controls=[a])
    elif what == 1 and not graph.consumers(a):
        graph.remove(a)
    elif what == 2:
        graph.set_inputs(a, [b.out(), b.out(1)], [b])
    elif what == 3:
        graph.set_attr(a, "k", (i, j))
    elif what == 4:
        graph.rename(a, graph.unique_name(f"renamed_{j}"))
    elif what == 5:
        graph.replace_uses(a.out(), b.out())


@given(OPERATIONS)
@settings(max_examples=150, deadline=None)
def test_rollback_restores_any_sequence_of_edits(operations: list[tuple[int, int, int]]) -> None:
    graph = parse_graph(DIAMOND)
    before, mark = state(graph), graph.mark()
    for operation in operations:
        if len(graph):
            mutate(graph, *operation)
    graph.rollback(mark)
    assert state(graph) == before
    assert graph.diff() == []


@given(OPERATIONS)
@settings(max_examples=100, deadline=None)
def test_edges_always_repeat_the_inputs(operations: list[tuple[int, int, int]]) -> None:
    graph = parse_graph(DIAMOND)
    for operation in operations:
        if len(graph):
            mutate(graph, *operation)
    expected = sorted(
        [(v.node.name, n.name, k, v.index) for n in graph for k, v in enumerate(n.inputs)]
        + [(c.name, n.name, -1 - k, -1) for n in graph for k, c in enumerate(n.controls)]
    )
    edges = graph.networkx().edges(keys=True, data="port")
    assert sorted((u.name, v.name, k, p) for u, v, k, p in edges) == expected
    assert sum(graph.ops().values()) == len(graph)
