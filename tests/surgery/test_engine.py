"""The engine against rewrites that are broken on purpose: it takes them back, names them, and applies the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from graphdoctor.errors import InternalError
from graphdoctor.findings import Safety
from graphdoctor.ir import Graph, GraphView, Node
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.surgery import Facts, FixResult, Proposal, Refusal, Rewrite, run_rewrites, undo
from graphdoctor.surgery.proposal import (
    Drop,
    ForgetInput,
    Make,
    New,
    ReplaceValue,
    SetAttr,
    SetInputs,
    SetOp,
    propose,
)
from graphdoctor.types import DType
from tests.surgery.cases import all_rewrites

#   x ── a ── b ──┬── y (output)
#                 └── z (output)
GRAPH = """
x = Placeholder {dtype: float32, shape: shape[2]}
a = Identity(x) {T: float32}
b = Relu(a) {T: float32}
y = Neg(b) {T: float32}
z = Exp(b) {T: float32}
inputs: x
outputs: y, z
"""
Find = Callable[[GraphView], Iterator[Proposal | Refusal]]


@dataclass(frozen=True)
class Made:
    """A rewrite made of a function."""

    name: str
    function: Find
    safety: Safety = Safety.SAFE

    def find(self, graph: GraphView, facts: Facts) -> Iterator[Proposal | Refusal]:
        """What the function finds."""
        return self.function(graph)


def nodes(graph: GraphView, op: str) -> list[Node]:
    """The nodes of ``op``, as a list that does not change under the finder."""
    return list(graph.by_op(op))


def loses_the_output(graph: GraphView) -> Iterator[Proposal]:
    for node in nodes(graph, "Neg"):
        made = Make("other", "Neg", (node.inputs[0],), {"T": DType.FLOAT})
        yield propose(node, made, ReplaceValue(node.out(), New("other")), SetAttr(node, "note", 1))


def makes_a_cycle(graph: GraphView) -> Iterator[Proposal]:
    for node in (*nodes(graph, "Relu"), *nodes(graph, "Relu6")):
        yield propose(node, SetInputs(node, (graph.node("y").out(),)))


def changes_the_dtype(graph: GraphView) -> Iterator[Proposal]:
    for node in nodes(graph, "Neg"):
        cast = {"SrcT": DType.FLOAT, "DstT": DType.HALF}
        yield propose(node, SetOp(node, "Cast"), *(SetAttr(node, k, v) for k, v in cast.items()))


def loses_the_shape(graph: GraphView) -> Iterator[Proposal]:
    for node in nodes(graph, "Exp"):
        yield propose(node, SetOp(node, "NobodyKnows"))


def reads_what_is_missing(graph: GraphView) -> Iterator[Proposal]:
    ghost = Node("ghost", "")
    for node in nodes(graph, "Exp"):
        yield propose(node, SetInputs(node, (ghost.out(),)))


def swaps(graph: GraphView) -> Iterator[Proposal]:
    """Goes to and fro by itself."""
    for node in (*nodes(graph, "Exp"), *nodes(graph, "Expm1")):
        yield propose(node, SetOp(node, "Expm1" if node.op == "Exp" else "Exp"))


def to_abs(graph: GraphView) -> Iterator[Proposal]:
    """Goes to and fro with :func:`to_neg`."""
    for node in nodes(graph, "Neg"):
        yield propose(node, SetOp(node, "Abs"))


def to_neg(graph: GraphView) -> Iterator[Proposal]:
    for node in nodes(graph, "Abs"):
        yield propose(node, SetOp(node, "Neg"))


def grows(graph: GraphView) -> Iterator[Proposal]:
    """Puts an Identity in front, and in front of that, and so on."""
    node = graph.node("y")
    made = Make("more", "Identity", (node.inputs[0],), {"T": DType.FLOAT})
    yield propose(node, made, SetInputs(node, (New("more"),)))


def forgets_an_input(graph: GraphView) -> Iterator[Proposal]:
    if graph.inputs:
        yield propose(graph.inputs[0], ForgetInput(graph.inputs[0]))


def good(graph: GraphView) -> Iterator[Proposal]:
    """A sound one: Relu becomes Relu6, which keeps dtype and shape."""
    for node in nodes(graph, "Relu"):
        yield propose(node, SetOp(node, "Relu6"), note="sound")


BROKEN = {
    "acyclic": makes_a_cycle,
    "keeps-interface": changes_the_dtype,
    "converges": swaps,
}


def lines(graph: Graph) -> list[str]:
    """The graph as text, order of nodes aside."""
    return sorted(format_graph(graph).splitlines())


def run(*found: Find, unsafe: bool = False) -> tuple[Graph, FixResult]:
    graph = parse_graph(GRAPH)
    rewrites: list[Rewrite] = [Made(f.__name__, f) for f in found]
    return graph, run_rewrites(graph, rewrites, unsafe=unsafe)


@pytest.mark.parametrize("invariant", BROKEN)
def test_a_broken_rewrite_is_taken_back_and_named_and_the_others_apply(invariant: str) -> None:
    broken = BROKEN[invariant]
    for order in ((broken, good), (good, broken)):
        graph, result = run(*order)
        assert [(r.rewrite, r.broken.invariant) for r in result.rolled_back] == [(broken.__name__, invariant)]
        assert [a.rewrite for a in result.applied] == ["good"]
        assert result.converged
        assert lines(graph) == lines(parse_graph(GRAPH.replace("= Relu(", "= Relu6(")))


@pytest.mark.parametrize("broken", [loses_the_shape, forgets_an_input])
def test_the_interface_is_kept(broken: Find) -> None:
    graph, result = run(broken, good)
    assert [(r.rewrite, r.broken.invariant) for r in result.rolled_back] == [(broken.__name__, "keeps-interface")]
    assert [a.rewrite for a in result.applied] == ["good"]
    assert [n.name for n in graph.inputs] == ["x"]


def test_an_output_is_never_lost_its_name_goes_to_what_replaces_it() -> None:
    graph, result = run(loses_the_output)
    assert [r.broken.invariant for r in result.rolled_back] == ["converges"]
    assert lines(graph) == lines(parse_graph(GRAPH))


def test_of_two_that_undo_each_other_the_later_one_goes() -> None:
    graph, result = run(to_abs, to_neg, good)
    assert [(r.rewrite, r.broken.invariant, r.broken.node) for r in result.rolled_back] == [
        ("to_neg", "converges", "y")
    ]
    assert sorted({a.rewrite for a in result.applied}) == ["good", "to_abs"]
    assert graph.node("y").op == "Abs"


def test_one_that_grows_for_ever_is_taken_back() -> None:
    graph, result = run(grows, good)
    assert [(r.rewrite, r.broken.invariant) for r in result.rolled_back] == [("grows", "converges")]
    assert (len(graph), graph.node("b").op) == (5, "Relu6")


def test_all_broken_ones_at_once_leave_what_is_sound() -> None:
    graph, result = run(makes_a_cycle, changes_the_dtype, good, swaps, loses_the_shape)
    names = {r.rewrite for r in result.rolled_back}
    assert names == {"makes_a_cycle", "changes_the_dtype", "swaps", "loses_the_shape"}
    assert [a.rewrite for a in result.applied] == ["good"]
    assert graph.node("b").op == "Relu6"


def test_what_is_not_in_the_graph_cannot_be_read() -> None:
    graph, result = run(reads_what_is_missing, good)
    assert [(r.rewrite, r.reason) for r in result.refused] == [
        ("reads_what_is_missing", "ghost is gone from the graph")
    ]
    assert [a.rewrite for a in result.applied] == ["good"]
    assert graph.missing() == []


def test_a_finder_that_writes_is_a_bug() -> None:
    def writes(graph: GraphView) -> Iterator[Proposal]:
        graph.set_op(graph.node("b"), "Relu6")  # type: ignore[attr-defined]
        yield from ()

    with pytest.raises(InternalError, match="frozen"):
        run(writes)


# ---- proposals that meet ------------------------------------------------------------------------------------


def test_a_proposal_waits_when_what_it_looked_at_was_changed_in_the_round() -> None:
    rounds: list[list[str]] = []

    def first(graph: GraphView) -> Iterator[Proposal]:
        for node in nodes(graph, "Relu"):
            yield propose(node, SetOp(node, "Relu6"))

    def second(graph: GraphView) -> Iterator[Proposal]:
        for node in nodes(graph, "Neg"):
            rounds.append([graph.node("b").op])
            yield propose(node, SetOp(node, "Abs"), touches=(graph.node("b"),))

    graph, result = run(first, second)
    assert [(a.rewrite, a.node) for a in result.applied] == [("first", "b"), ("second", "y")]
    assert result.rounds == 3
    assert graph.node("y").op == "Abs"


def test_two_that_only_look_at_the_same_node_are_applied_in_one_round() -> None:
    def both(graph: GraphView) -> Iterator[Proposal]:
        for node in (*nodes(graph, "Neg"), *nodes(graph, "Exp")):
            yield propose(node, SetOp(node, "Abs"), touches=(graph.node("b"),))

    _, result = run(both)
    assert ([a.node for a in result.applied], result.rounds) == (["y", "z"], 2)


def test_what_waits_comes_before_later_rewrites() -> None:
    def changes_b(graph: GraphView) -> Iterator[Proposal]:
        for node in nodes(graph, "Relu"):
            yield propose(node, SetOp(node, "Relu6"))

    def wants_y(graph: GraphView) -> Iterator[Proposal]:
        for node in nodes(graph, "Neg"):
            yield propose(node, SetOp(node, "Abs"), touches=(graph.node("b"),))

    def wants_y_too(graph: GraphView) -> Iterator[Proposal]:
        for node in nodes(graph, "Neg"):
            yield propose(node, SetOp(node, "Sign"))

    graph, result = run(changes_b, wants_y, wants_y_too)
    assert graph.node("y").op == "Abs"
    assert [a.rewrite for a in result.applied] == ["changes_b", "wants_y"]


# ---- safety -------------------------------------------------------------------------------------------------


def forgets(graph: GraphView) -> Iterator[Proposal]:
    for node in nodes(graph, "Neg"):
        yield propose(node, SetOp(node, "Abs"), unsafe="results change", note="said")


def test_an_unsafe_place_is_held_back_and_says_why() -> None:
    graph, result = run(forgets)
    assert [(r.reason, r.held_back) for r in result.refused] == [
        ("said; results change; allow it with --unsafe-fixes", True)
    ]
    assert (result.applied, graph.diff(result.mark)) == ([], [])
    graph, result = run(forgets, unsafe=True)
    assert [(a.safety, a.note) for a in result.applied] == [(Safety.UNSAFE, "said")]


def test_a_safe_place_of_an_unsafe_rewrite_is_applied() -> None:
    def sure(graph: GraphView) -> Iterator[Proposal]:
        for node in nodes(graph, "Relu"):
            yield propose(node, SetOp(node, "Relu6"), safe=True)

    graph = parse_graph(GRAPH)
    result = run_rewrites(graph, [Made("sure", sure, Safety.UNSAFE)])
    assert [a.safety for a in result.applied] == [Safety.SAFE]


def test_a_manual_rewrite_is_only_shown() -> None:
    graph = parse_graph(GRAPH)
    result = run_rewrites(graph, [Made("good", good, Safety.MANUAL)], unsafe=True)
    assert [(r.reason, r.held_back) for r in result.refused] == [("sound; it has to be done by hand", True)]
    assert graph.diff(result.mark) == []


def test_an_unsafe_rewrite_may_take_an_input_away() -> None:
    def unread(graph: GraphView) -> Iterator[Proposal]:
        spare = graph.get("spare")
        if spare is not None:
            yield propose(spare, ForgetInput(spare), Drop(spare), unsafe="it is an input")

    graph = parse_graph(
        GRAPH.replace("inputs: x", "spare = Placeholder {dtype: bool, shape: shape[]}\ninputs: x, spare")
    )
    before = lines(graph)
    result = run_rewrites(graph, [Made("unread", unread)], unsafe=True)
    assert [n.name for n in graph.inputs] == ["x"]
    assert "spare" not in graph
    undo(graph, result)
    assert lines(graph) == before


# ---- what is left behind ------------------------------------------------------------------------------------


def test_what_was_dead_before_keeps_all_that_it_reads() -> None:
    graph = parse_graph(
        """
        x = Placeholder {dtype: float32, shape: shape[2]}
        one = Const float32[2] 1.0
        a = Exp(one) {T: float32}
        y = Identity(x, ^a) {T: float32}
        watch = Assert(a, one) {T: [float32]}
        inputs: x
        outputs: y
        """
    )

    def frees(graph: GraphView) -> Iterator[Proposal]:
        y = graph.node("y")
        if y.controls:
            yield propose(y, SetInputs(y, y.inputs, ()))

    run_rewrites(graph, [Made("frees", frees)])
    assert [v.name for v in graph.node("a").inputs] == ["one"]
    assert "watch" in graph


def test_without_outputs_nothing_is_tidied_away() -> None:
    graph = parse_graph("x = Placeholder {dtype: float32, shape: shape[2]}\na = Relu(x) {T: float32}\ninputs: x\n")
    result = run_rewrites(graph, [all_rewrites()["square-to-mul"], Made("good", good)])
    assert [a.rewrite for a in result.applied] == ["good"]
    assert sorted(n.name for n in graph) == ["a", "x"]


def test_a_graph_with_a_cycle_of_its_own_can_still_be_repaired() -> None:
    graph = parse_graph(
        """
        x = Placeholder {dtype: float32, shape: shape[2]}
        a = Add(x, b) {T: float32}
        b = Neg(a) {T: float32}
        y = AddV2(x, nobody) {T: float32}
        inputs: x
        outputs: y
        """
    )
    result = run_rewrites(graph, [all_rewrites()["rename-addv2"]])
    assert (result.rolled_back, graph.node("y").op) == ([], "Add")


def test_rounds_are_reported() -> None:
    seen: list[tuple[int, int]] = []
    graph = parse_graph(GRAPH)
    run_rewrites(graph, [Made("good", good)], on_round=lambda n, applied: seen.append((n, applied)))
    assert seen == [(1, 1), (2, 1)]
