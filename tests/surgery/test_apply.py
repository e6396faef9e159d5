"""One proposal, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphdoctor.ir import Graph, broken_invariants
from graphdoctor.ir.text import format_graph, format_node, parse_graph
from graphdoctor.surgery.apply import NotApplicableError, apply_proposal
from graphdoctor.surgery.proposal import (
    Drop,
    DropAttrs,
    ForgetInput,
    Make,
    New,
    Rename,
    ReplaceValue,
    SetAttr,
    SetInputs,
    SetOp,
    StandFor,
    Step,
    TakeOver,
    propose,
)
from graphdoctor.types import DType

#   x ── a ──┬── y (output)
#            └── z      w ^a
GRAPH = """
x = Placeholder {dtype: float32, shape: shape[2]}
first = Exp(x) {T: float32}
a = Relu(x, ^first) {T: float32}
y = Neg(a) {T: float32}
z = Exp(a) {T: float32}
w = Abs(x, ^a) {T: float32}
inputs: x
outputs: y
"""
FLOAT = {"T": DType.FLOAT}


def lines(graph: Graph) -> list[str]:
    """The graph as text, order of nodes aside."""
    return sorted(format_graph(graph).splitlines())


def apply(graph: Graph, node: str, *steps: Step) -> None:
    apply_proposal(graph, propose(graph.node(node), *steps))


def test_every_step_does_what_it_says() -> None:
    graph = parse_graph(GRAPH)
    a, z = graph.node("a"), graph.node("z")
    apply(
        graph,
        "a",
        Make("m", "Neg", (graph.node("x").out(),), FLOAT),
        SetOp(a, "Relu6"),
        SetAttr(a, "extra", 3),
        SetInputs(a, (New("m"),), ()),
        Rename(z, "renamed"),
        StandFor(z, (a,)),
    )
    assert format_node(graph.node("m")) == "m = Neg(x) {T: float32}"
    assert format_node(a) == "a = Relu6(m) {T: float32, extra: 3}"
    assert format_node(z) == "renamed = Exp(a) {T: float32}"
    assert graph.node("m").origins == ("a",)
    assert z.origins == ("z", "a")
    apply(graph, "a", DropAttrs(a, ("extra", "absent")))
    assert format_node(a) == "a = Relu6(m) {T: float32}"


def test_readers_and_those_that_wait_follow_a_replaced_value() -> None:
    graph = parse_graph(GRAPH)
    a = graph.node("a")
    made = Make("new", "Elu", (graph.node("x").out(),), FLOAT)
    apply(graph, "a", made, ReplaceValue(a.out(), New("new")), Drop(a))
    assert format_node(graph.node("y")) == "y = Neg(new) {T: float32}"
    assert format_node(graph.node("z")) == "z = Exp(new) {T: float32}"
    assert format_node(graph.node("w")) == "w = Abs(x, ^new) {T: float32}"
    assert "a" not in graph


def test_a_node_made_from_the_old_value_goes_on_reading_it() -> None:
    graph = parse_graph(GRAPH)
    a = graph.node("a")
    apply(graph, "a", Make("new", "Elu", (a.out(),), FLOAT), ReplaceValue(a.out(), New("new")))
    assert format_node(graph.node("new")) == "new = Elu(a) {T: float32}"
    assert format_node(graph.node("y")) == "y = Neg(new) {T: float32}"
    assert broken_invariants(graph) == []


def test_who_waited_for_what_is_gone_waits_for_what_that_waited_for() -> None:
    graph = parse_graph(GRAPH)
    a = graph.node("a")
    x = graph.node("x").out()
    apply(graph, "a", SetInputs(graph.node("y"), (x,)), SetInputs(graph.node("z"), (x,)), Drop(a))
    assert format_node(graph.node("w")) == "w = Abs(x, ^first) {T: float32}"


def test_an_output_gives_its_name_to_what_replaces_it() -> None:
    graph = parse_graph(GRAPH)
    y = graph.node("y")
    made = Make("whatever", "Abs", (graph.node("a").out(),), FLOAT)
    apply(graph, "y", made, ReplaceValue(y.out(), New("whatever")))
    assert format_node(graph.node("y")) == "y = Abs(a) {T: float32}"
    assert [v.node is graph.node("y") for v in graph.outputs] == [True]
    assert y.name == "y/replaced"


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (lambda g: [ReplaceValue(g.node("y").out(), g.node("z").out())], "must keep its name"),
        (lambda g: [Drop(g.node("y"))], "is an input or output"),
        (lambda g: [Drop(g.node("x"))], "is an input or output"),
        (lambda g: [ForgetInput(g.node("x")), Drop(g.node("a"))], "is still read by"),
        (lambda g: [Rename(g.node("y"), "other")], "must keep its name"),
        (lambda g: [Rename(g.node("x"), "other")], "must keep its name"),
    ],
)
def test_what_cannot_be_done_leaves_everything_as_it_was(steps: Callable[[Graph], list[Step]], reason: str) -> None:
    graph = parse_graph(GRAPH)
    before, inputs, outputs = lines(graph), graph.inputs, graph.outputs
    made: Step = Make("m", "Neg", (graph.node("x").out(),), FLOAT)
    with pytest.raises(NotApplicableError, match=reason):
        apply(graph, "a", made, SetOp(graph.node("a"), "Elu"), *steps(graph))
    assert (lines(graph), graph.inputs, graph.outputs) == (before, inputs, outputs)


def test_several_outputs_of_one_node_cannot_hand_over_their_name() -> None:
    graph = parse_graph(
        """
        x = Placeholder {dtype: float32, shape: shape[2,2]}
        y = Unpack(x) {T: float32, num: 2, axis: 0}
        inputs: x
        outputs: y, y:1
        """
    )
    y = graph.node("y")
    made = Make("m", "Neg", (graph.node("x").out(),), FLOAT)
    with pytest.raises(NotApplicableError, match="several outputs of y are outputs of the graph"):
        apply(graph, "y", made, ReplaceValue(y.out(), New("m")))


def test_what_has_gone_meanwhile_cannot_be_changed_or_read() -> None:
    graph = parse_graph(GRAPH)
    z, x = graph.node("z"), graph.node("x").out()
    stale = z.out()
    graph.remove(z)
    for step in (SetOp(z, "Abs"), SetInputs(graph.node("w"), (stale,)), ReplaceValue(stale, x), Drop(z)):
        with pytest.raises(NotApplicableError, match="z is gone"):
            apply_proposal(graph, propose(graph.node("w"), step))
    with pytest.raises(NotApplicableError, match="z is gone"):
        apply(graph, "w", SetInputs(graph.node("w"), (x,), (z,)))


def test_a_new_node_takes_no_name_that_something_dangling_refers_to() -> None:
    graph = parse_graph(GRAPH + "\nodd = Neg(nobody) {T: float32}\n")
    apply(graph, "a", Make("nobody", "Neg", (graph.node("x").out(),), FLOAT))
    assert [n.name for n in graph.missing()] == ["nobody"]
    assert format_node(graph.node("odd")) == "odd = Neg(nobody) {T: float32}"


def test_in_a_loop_no_node_without_inputs_is_made() -> None:
    graph = parse_graph(GRAPH)
    constant = Make("c", "Const", (), {"dtype": DType.FLOAT})
    proposal = propose(graph.node("a"), constant)
    with pytest.raises(NotApplicableError, match="while loop"):
        apply_proposal(graph, proposal, in_loop=lambda node: node.name == "a")
    apply_proposal(graph, proposal, in_loop=lambda node: False)
    assert "c" in graph


def test_names_that_are_taken_get_a_number() -> None:
    graph = parse_graph(GRAPH)
    apply(graph, "a", Make("z", "Neg", (graph.node("x").out(),), FLOAT), Rename(graph.node("w"), "y"))
    assert format_node(graph.node("z_1")) == "z_1 = Neg(x) {T: float32}"
    assert graph.node("y_1").op == "Abs"


TAKEN = """
x = Placeholder {dtype: float32, shape: shape[2]}
a = Exp(x) {T: float32}
y = Identity(a) {T: float32}
b = Neg(a) {T: float32}
c = Abs(y, ^y) {T: float32}
d = Tanh(x, ^y) {T: float32}
inputs: x
outputs: y, b
"""


def test_a_producer_takes_over_an_output() -> None:
    graph = parse_graph(TAKEN)
    a, y = graph.node("a"), graph.node("y")
    apply(graph, "y", TakeOver(a, y))
    assert sorted(format_node(n) for n in graph if n.name != "x") == [
        "b = Neg(y) {T: float32}",
        "c = Abs(y) {T: float32}",
        "d = Tanh(x, ^y) {T: float32}",
        "y = Exp(x) {T: float32}",
    ]
    assert (graph.node("y"), graph.outputs[0], graph.get("a")) == (a, a.out(), None)
    assert a.origins == ("a", "y")
    assert broken_invariants(graph) == []


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        ("inputs: x\noutputs: a, y", "a is an input or output of the graph"),
        ("inputs: x, a\noutputs: y", "a is an input or output of the graph"),
        ("inputs: x\noutputs: b", "output 0 of y is not the only one"),
        ("inputs: x\noutputs: y, y:1", "output 0 of y is not the only one"),
    ],
)
def test_a_name_that_cannot_be_taken_over_leaves_the_graph_alone(signature: str, reason: str) -> None:
    graph = parse_graph(TAKEN.partition("inputs:")[0] + signature)
    before = lines(graph)
    with pytest.raises(NotApplicableError, match=reason):
        apply(graph, "y", TakeOver(graph.node("a"), graph.node("y")))
    assert lines(graph) == before
