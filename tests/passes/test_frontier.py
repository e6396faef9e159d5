"""Where a graph is cut for a proof in parts, and which nodes count as changed."""

from __future__ import annotations

from graphdoctor.formats.tensorflow import graph_from_bytes, graphdef_bytes
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.match.choosing import choosing_nodes, enclosed
from graphdoctor.passes.changed import changed_nodes
from graphdoctor.passes.frontier import Cut, frontier, upstream

TEXT = """
x = Placeholder {dtype: float32, shape: shape[1,8]}
half = Const float32[] 0.5
near = Mul(x, half) {T: float32}
same = Identity(near) {T: float32}
k = Const int32[] 4
first = TopKV2(same, k) {T: float32, sorted: true}
root = Sqrt(first) {T: float32}
one = Const int32[] 1
second = ArgMax(root, one) {T: float32, Tidx: int32, output_type: int64}
y = Cast(second) {SrcT: int64, DstT: float32}
positive = Greater(x, half) {T: float32}
chosen = Select(positive, x, near) {T: float32}
inputs: x
outputs: y, chosen
"""


def _copied(graph: Graph) -> Graph:
    copy = graph_from_bytes(graphdef_bytes(graph))
    copy.inputs = tuple(copy.node(n.name) for n in graph.inputs)
    copy.outputs = tuple(copy.value(v.name) for v in graph.outputs)
    return copy


def test_a_comparison_that_decides_for_each_element_alone_does_not_choose() -> None:
    assert [n.name for n in choosing_nodes(parse_graph(TEXT))] == ["first", "second"]


def test_levels_follow_each_other() -> None:
    graph = parse_graph(TEXT)
    found = frontier(graph, _copied(graph))
    levels = [[cut.before for cut in level] for level in found.levels]
    assert levels == [["same"], ["first"], ["root"], ["second"]]
    assert found.behind == {"first", "second"}
    assert (found.lost, found.fixed) == ((), frozenset())


def test_a_tensor_that_went_with_its_identity_is_cut_in_front_of_it() -> None:
    graph = parse_graph(TEXT)
    after = _copied(graph)
    after.set_inputs(after.node("first"), [after.value("near"), after.value("k")])
    after.remove(after.node("same"))
    found = frontier(graph, after)
    assert (found.levels[0], found.lost) == ((Cut("near", "near"),), ())
    inside = enclosed(graph), enclosed(after)
    assert changed_nodes(graph, after, *inside) == set()


def test_a_tensor_that_took_the_name_of_an_identity_is_found_by_it() -> None:
    graph = parse_graph(TEXT)
    after = _copied(graph)
    after.set_inputs(after.node("first"), [after.value("near"), after.value("k")])
    after.remove(after.node("same"))
    after.rename(after.node("near"), "same")
    assert frontier(graph, after).levels[0] == (Cut("same", "same"),)


def test_what_is_gone_is_told() -> None:
    graph = parse_graph(TEXT)
    after = _copied(graph)
    after.rename(after.node("root"), "other")
    found = frontier(graph, after)
    assert found.lost == ("root",)
    assert Cut("second", "second") in found.cuts


def test_every_node_is_in_a_part() -> None:
    graph = parse_graph(TEXT)
    after = _copied(graph)
    found = frontier(graph, after)
    cuts = frozenset(after.value(cut.after) for cut in found.cuts)
    starts = [*(v.node for v in cuts), *(v.node for v in after.outputs)]
    assert set().union(*(upstream([n], cuts)[0] for n in starts)) == after.live()


def test_another_constant_an_input_and_an_attribute_are_changes() -> None:
    graph = parse_graph(TEXT)
    after = _copied(graph)
    after.set_inputs(after.node("near"), [after.value("half"), after.value("half")])
    after.set_attr(after.node("first"), "sorted", False)
    equal = after.add("Const", "equal", [], dict(after.node("one").attrs))
    after.set_inputs(after.node("second"), [after.value("root"), equal.out()])
    names = {n.name for n in changed_nodes(graph, after, enclosed(graph), enclosed(after))}
    assert names == {"near", "first"}
