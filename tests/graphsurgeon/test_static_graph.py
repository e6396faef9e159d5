"""Questions to a graph."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError

import graphdoctor.graphsurgeon as gs
from graphdoctor.errors import InputError
from tests.graphsurgeon.notation import graph, text
from tests.work import calls

DIAMOND = "x; a=A(x); b=B(a:1,^x); c=C(a,a); d=NoOp(^a)"


def names(nodes: list[gs.NodeDef]) -> list[str]:
    return [n.name for n in nodes]


def test_tables() -> None:
    made = graph(DIAMOND)
    assert list(made.node_map) == ["x", "a", "b", "c", "d"]
    assert names(made.node_outputs["a"]) == ["b", "c", "c", "d"]
    assert names(made.node_outputs["x"]) == ["a", "b"]
    assert made.node_outputs["nobody"] == []
    assert names(made.graph_outputs) == ["b", "c", "d"]
    assert names(made.graph_inputs) == ["x"]


def test_what_is_waited_for_is_no_output_and_what_reads_nothing_is_none() -> None:
    made = graph("x; k=Const; a=Add(x,x); d=NoOp(^a)")
    assert names(made.graph_outputs) == ["d"]


def test_answers_are_of_this_moment_and_stay_the_askers() -> None:
    made = graph("x; a=A(x)")
    before, outputs = made.node_map.copy(), made.graph_outputs
    made.append(gs.create_node("b", inputs=["a"]))
    assert names(made.graph_outputs) == ["b"]
    made.node_map["b"].input[0] = "x"
    assert names(made.graph_outputs) == ["a", "b"]
    made.node_map["b"].name = "c"
    assert list(made.node_map) == ["x", "a", "c"]
    assert (list(before), names(outputs)) == (["x", "a"], ["a"])
    made["a"].op = "Placeholder"
    assert names(made.graph_inputs) == ["x", "a"]
    for name, node in made.node_map.items():
        node.name = name * 2
        made.remove(node)
    assert len(made) == 0


def test_tables_are_dictionaries() -> None:
    made = graph("x; s=Split(x,x); a=A(s:1,^s,gone)")
    nodes, readers = made.node_map, made.node_outputs
    assert (list(nodes), len(nodes), "s" in nodes, "gone" in nodes, nodes.get("gone")) == (
        ["x", "s", "a"],
        3,
        True,
        False,
        None,
    )
    assert nodes["a"] is made["a"] is dict(nodes)["a"] is list(nodes.values())[2]
    assert {name: names(found) for name, found in readers.items()} == {"x": ["s", "s"], "s": ["a", "a"], "gone": ["a"]}
    assert (names(readers["x"]), readers["a"], "a" in readers, "gone" in readers) == (["s", "s"], [], False, True)
    with pytest.raises(KeyError):
        nodes["gone"]


def test_a_table_in_a_loop_of_edits_is_not_quadratic() -> None:
    """Five thousand questions with an edit before each: a dictionary for each would be 25 million entries."""
    size = 5_000
    made = graph("x; " + "; ".join(f"n{k}=A(x)" for k in range(size)) + "; last=L(n0)")

    def ask() -> None:
        for k in range(size):
            made.node_map[f"n{k}"].input[0] = "last"
            assert not made.node_outputs[f"n{k}"] or k == 0

    assert calls(ask) < 200 * size


def test_an_empty_graph_is_shared_too() -> None:
    first = gs.DynamicGraph()
    second = gs.StaticGraph(first)
    first.append(gs.create_node("x", "Placeholder"))
    assert (names(second.graph_inputs), second.graph_outputs, gs.StaticGraph().graph_outputs) == (["x"], [], [])


def test_an_expression_that_is_none() -> None:
    made = graph("x; n/a=A(x)")
    for words in ("a(", ["a(", "a"], ["x", "*"]):
        with pytest.raises(re.error):
            made.find_nodes_by_name(words)
    made["x"].name = "a("
    assert names(made.find_nodes_by_name(["a(", "a"])) == ["a(", "n/a"]
    for op in (None, 5):
        with pytest.raises(TypeError, match="an op is a string"):
            made.find_nodes_by_op(op)


def test_a_path_and_files_that_cannot_be_read(tmp_path: Path) -> None:
    graph("x; a=A(x)").write(str(tmp_path / "net.pb"))
    assert names(gs.StaticGraph(tmp_path / "net.pb")) == ["x", "a"]
    (tmp_path / "bad.pb").write_bytes(b"\x0a\xff\xff")
    for name in ("bad.pb", "missing.pb"):
        with pytest.raises(InputError, match=name):
            gs.StaticGraph(str(tmp_path / name))


def test_as_a_sequence() -> None:
    made = graph("x; a=A(x); b=B(a)")
    assert (len(made), made[0].name, made[-1].name, names(made[1:])) == (3, "x", "b", ["a", "b"])
    assert made["a"].op == "A"
    assert "a" in made
    assert "z" not in made
    assert made[1] in made
    assert not gs.DynamicGraph()
    with pytest.raises(KeyError, match=r"no node 'aa'; did you mean 'a'"):
        made["aa"]


def test_a_graph_can_be_changed_while_it_is_gone_through() -> None:
    made = graph("a; b; c; d")
    seen = []
    for node in made:
        seen.append(node.name)
        if node.name in ("a", "c"):
            made.remove(node)
    assert seen == ["a", "c"]  # as with protobuf's own lists: what follows a removed node takes its place
    assert text(made) == "b; d"


def test_by_op() -> None:
    made = graph("x; a=Relu(x); b=Add(a,x); c=Relu(b)")
    assert names(made.find_nodes_by_op("Relu")) == ["a", "c"]
    assert names(made.find_nodes_by_op({"Relu", "Add"})) == ["a", "b", "c"]
    assert names(made.find_nodes_by_op(op for op in ["Add"])) == ["b"]
    assert made.find_nodes_by_op("Rel") == []
    with pytest.raises(TypeError, match="an op is"):
        made.find_nodes_by_op(3)  # type: ignore[arg-type]


def test_by_name_and_path() -> None:
    made = graph("n/x1; n/x2; m/x1; ab; x1")
    assert names(made.find_nodes_by_name("x1")) == ["n/x1", "m/x1", "x1"]
    assert names(made.find_nodes_by_name("x.")) == ["n/x1", "n/x2", "m/x1", "x1"]
    assert made.find_nodes_by_name("n/x1") == []
    assert names(made.find_nodes_by_path("n/x1")) == ["n/x1"]
    assert names(made.find_nodes_by_path(["n/.*", "ab"])) == ["n/x1", "n/x2", "ab"]
    # re.match must take in the whole name: the first alternative that fits stops short of it
    assert made.find_nodes_by_path("a|ab") == []
    assert names(made.find_nodes_by_path("ab|a")) == ["ab"]
    with pytest.raises(re.error):
        made.find_nodes_by_name("x(")


def test_a_name_that_is_no_expression_is_found_as_text() -> None:
    made = gs.DynamicGraph()
    made.append(gs.create_node("a(b", "A"))
    assert names(made.find_nodes_by_path("a(b")) == ["a(b"]


def test_inputs() -> None:
    made = graph("x; n/s=Split(x); a=A(n/s:1,x,^n/s); b=B(gone)")
    assert names(made.find_node_inputs(made["a"])) == ["n/s", "x", "n/s"]
    assert names(made.find_node_inputs_by_name(made["a"], "s")) == ["n/s", "n/s"]
    assert names(made.find_node_inputs_by_op(made["a"], "Placeholder")) == ["x"]
    with pytest.raises(KeyError, match="'gone'"):
        made.find_node_inputs(made["b"])


def test_chains() -> None:
    made = graph("x=P; a1=A(x); a2=A(x); b=B(a1,a2); c=C(b); c2=C(^b); d=C(x)")
    found = made.find_node_chains_by_op(["A", "B", "C"])
    assert [names(nodes) for nodes in found] == [["a1", "a2", "b", "c"], ["a1", "a2", "b", "c2"]]
    assert [names(n) for n in graph("x=P; y=Q; a=A(x,x,y); b=A(y)").find_node_chains_by_op(["P", "A"])] == [["x", "a"]]
    branches = graph("a1=A; a2=A; b1=B(a1); b2=B(a2); b3=B; c=C(b1,b2,b3)")
    assert [names(n) for n in branches.find_node_chains_by_op(["A", "B", "C"])] == [["a1", "b1", "a2", "b2", "c"]]


def test_chains_through_a_node_read_twice_are_found_at_once() -> None:
    layers = "; ".join(f"l{i}=A(l{i - 1},l{i - 1})" for i in range(1, 60))
    found = graph(f"l0=A; {layers}").find_node_chains_by_op(["A"] * 60)
    assert [names(nodes) for nodes in found] == [[f"l{i}" for i in range(60)]]


def test_a_graph_of_a_graph_is_the_same_graph() -> None:
    made = graph("x; a=A(x)")
    other = gs.StaticGraph(made)
    made.remove("a")
    assert text(other) == "x"
    assert other.as_graph_def() is made.as_graph_def()
    assert gs.DynamicGraph(made.as_graph_def()).as_graph_def() is made.as_graph_def()
    with pytest.raises(TypeError, match="not int"):
        gs.StaticGraph(3)


@pytest.mark.parametrize("suffix", ["pb", "pbtxt"])
def test_files(tmp_path: Path, suffix: str) -> None:
    made, path = graph(DIAMOND), tmp_path / f"g.{suffix}"
    made.as_graph_def().versions.producer = 27
    made.write(str(path))
    again = gs.DynamicGraph(path)
    assert text(again) == text(made)
    assert again.as_graph_def().versions.producer == 27
    assert again.as_graph_def() == made.as_graph_def()


def test_a_file_that_is_no_graph_is_named_and_the_graph_stays(tmp_path: Path) -> None:
    path = tmp_path / "g.pb"
    path.write_bytes(b"\x0a\x7fnothing")
    made = graph("x")
    with pytest.raises(InputError) as caught:
        made.read(str(path))
    assert str(path) in caught.value.where
    assert text(made) == "x"
    with pytest.raises(DecodeError):
        made.as_graph_def().ParseFromString(b"\xff")
    assert text(made) == "x"
    with pytest.raises(InputError):
        gs.StaticGraph(str(tmp_path / "missing.pb"))


def test_the_messages_list_of_nodes() -> None:
    made = graph("a; b=B(a)")
    nodes = made.as_graph_def().node
    nodes.add(name="c", op="C").input.append("b")
    nodes.insert(0, gs.create_node("first"))
    nodes.extend([gs.create_node("d", "D")])
    assert text(nodes) == "first=first(); a; b=B(a); c=C(b); d=D()"
    del nodes[0]
    nodes.remove(nodes[3])
    assert nodes.pop(0).name == "a"
    nodes.sort(key=lambda n: n.name, reverse=True)
    assert text(made) == "c=C(b); b=B(a)"
    nodes.reverse()
    assert text(made) == "b=B(a); c=C(b)"
    assert names(made.graph_outputs) == ["c"]
    with pytest.raises(ValueError, match="no such node"):
        nodes.remove(gs.create_node("z"))
