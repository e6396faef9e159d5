"""Two graphs side by side: what counts as a difference, and what only has another name."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.ir import Graph
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.surgery.compare import GraphDiff, compare_graphs

NET = """
x = Placeholder {dtype: float32, shape: shape[?,8]}
w = Const float32[8,4] normal(1)
b = Const float32[4] [1.0,2.0,3.0,4.0]
product = MatMul(x, w) {T: float32}
sum = BiasAdd(product, b) {T: float32}
parts = Split(axis, sum) {num_split: 2}
axis = Const int32[] 1
left = Relu(parts)
right = Neg(parts:1, ^sum)
y = Add(left, right)
inputs: x
outputs: y
"""


def compared(before: str, after: str) -> GraphDiff:
    return compare_graphs(parse_graph(before), parse_graph(after))


def changes(diff: GraphDiff) -> list[tuple[str, str]]:
    """Name before and after, empty where there is none."""
    return [(d.before.name if d.before else "", d.after.name if d.after else "") for d in diff.nodes]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MatMul(x, w) {T: float32}", "MatMul(x, w) {T: float32, transpose_a: false}"),
        ("left = Relu(parts)", "left = Relu(parts:0)"),
        ("[1.0,2.0,3.0,4.0]", "hex:0000803f000000400000404000008040"),
    ],
)
def test_what_is_written_in_another_way_is_no_difference(old: str, new: str) -> None:
    assert old in NET
    diff = compared(NET, NET.replace(old, new))
    assert diff.is_empty
    assert diff.hints == 0


def test_hints_are_counted() -> None:
    diff = compared(NET, NET.replace("Relu(parts)", 'Relu(parts) {_class: ["loc:@x"]}'))
    assert diff.is_empty
    assert diff.hints == 1


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("Neg(", "Abs(", "right"),
        ("parts:1", "parts:0", "right"),
        (", ^sum", "", "right"),
        ("[1.0,2.0,3.0,4.0]", "[1.0,2.0,3.0,4.5]", "b"),
        ("normal(1)", "normal(2)", "w"),
        ("MatMul(x, w) {T: float32}", "MatMul(x, w) {T: float32, transpose_a: true}", "product"),
    ],
)
def test_what_computes_something_else_is_one_difference(old: str, new: str, name: str) -> None:
    diff = compared(NET, NET.replace(old, new))
    assert changes(diff) == [(name, name)]
    assert not diff.renamed


def test_a_node_that_comes_and_one_that_goes() -> None:
    text = NET.replace("y = Add(left, right)", "more = Exp(left)\ny = Add(more, right)")
    assert changes(compared(NET, text)) == [("", "more"), ("y", "y")]
    assert changes(compared(text, NET)) == [("more", ""), ("y", "y")]


def renamed(text: str) -> str:
    graph = parse_graph(text)
    for node in list(graph):
        if node.op != "Placeholder":
            graph.rename(node, f"StatefulPartitionedCall/{node.name}_1")
    return format_graph(graph)


def test_another_prefix_is_no_change_of_what_is_computed() -> None:
    diff = compared(NET, renamed(NET))
    assert not diff.nodes
    assert dict(diff.renamed)["sum"] == "StatefulPartitionedCall/sum_1"
    assert len(diff.renamed) == 9


@pytest.mark.parametrize("old", ["normal(1)", "[1.0,2.0,3.0,4.0]"])
def test_a_change_among_renamed_nodes_is_found_at_its_place(old: str) -> None:
    diff = compared(NET, renamed(NET.replace(old, "normal(3)")))
    assert len(diff.nodes) == 1
    assert len(diff.renamed) == 9


def test_equal_nodes_are_paired_one_to_one() -> None:
    text = "x = Placeholder {{dtype: float32}}\n{0} = Relu(x)\nb = Relu(x)\ny = Add({0}, b)\noutputs: y"
    diff = compared(text.format("a"), text.format("c"))
    assert not diff.nodes
    assert diff.renamed == (("a", "c"),)


def test_cycles_and_missing_inputs_do_no_harm() -> None:
    text = "a = Relu(b)\nb = Neg(a)\nc = Add(a, gone)"
    assert compared(text, text).is_empty
    assert changes(compared(text, text.replace("Neg", "Abs"))) == [("b", "b")]


@given(st.randoms(use_true_random=False))
def test_order_and_names_do_not_count(chance: random.Random) -> None:
    lines = NET.strip().splitlines()
    body, ends = lines[:-2], lines[-2:]
    chance.shuffle(body)
    shuffled = parse_graph("\n".join([*body, *ends]))
    assert compare_graphs(parse_graph(NET), shuffled).is_empty
    chosen = [n for n in shuffled if n.op != "Placeholder" and chance.random() < 0.5]
    for node in chosen:
        shuffled.rename(node, f"{node.name}_{chance.randrange(9)}")
    diff = compare_graphs(parse_graph(NET), shuffled)
    assert not diff.nodes
    assert len(diff.renamed) == len(chosen)


def test_graphs_are_left_as_they_are() -> None:
    graph: Graph = parse_graph(NET)
    compare_graphs(graph, parse_graph(renamed(NET)))
    assert format_graph(graph) == format_graph(parse_graph(NET))
