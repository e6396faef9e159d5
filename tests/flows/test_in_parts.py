"""The proof in parts: it excuses rounding in front of a choice, and no wrong repair anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from graphdoctor.compare import Verdict3, seeded_pair
from graphdoctor.findings import Safety, TensorInfo
from graphdoctor.flows import bisect
from graphdoctor.flows.fix import FixOptions, fix_opened
from graphdoctor.flows.in_parts import Asked, prove_in_parts
from graphdoctor.flows.opening import open_model
from graphdoctor.flows.part_runs import PartModel
from graphdoctor.flows.parts_judged import InParts
from graphdoctor.flows.verify import verify_fixed
from graphdoctor.formats.tensorflow import graph_from_bytes, graphdef_bytes
from graphdoctor.ir import Graph, GraphView
from graphdoctor.ir.text import parse_graph
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, SetAttr, SetInputs, propose
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor
from tests.flows.nets import written

pytestmark = pytest.mark.tensorflow

TIES = """
x = Placeholder {dtype: float32, shape: shape[1,8]}
tenth = Const float32[] 0.1
three = Const float32[] 3
near = Const float32[] 0.3
u = Mul(x, tenth) {T: float32}
v = Mul(u, three) {T: float32}
w = Mul(x, near) {T: float32}
axis = Const int32[] 1
scores = ConcatV2(v, w, axis) {T: float32, N: 2, Tidx: int32}
k = Const int32[] 10
top = TopKV2(scores, k) {T: float32, sorted: true}
table = Const float32[16] normal(1)
zero = Const int32[] 0
picked = GatherV2(table, top:1, zero) {Tparams: float32, Tindices: int32, Taxis: int32, batch_dims: 0}
twice = Const float32[] 2
y = Mul(picked, twice) {T: float32}
z = Mul(top, twice) {T: float32}
inputs: x
outputs: y, z
"""
"""Each score is there twice, computed in two ways that tie but for the last bit."""

Edit = Callable[[Graph], None]


def proved(before: Graph, *edits: Edit, exact: bool = False) -> InParts:
    """The proof that ``before`` is as it was after ``edits``."""
    after = _copied(before)
    for edit in edits:
        edit(after)
    specs = [TensorInfo(n.name, n.attr("dtype"), tuple(n.attr("shape").dims)) for n in before.inputs]
    asked = Asked(seeded_pair(specs, 0), exact=exact)
    models = [PartModel(graphdef_bytes(g), g) for g in (before, after)]
    found = prove_in_parts(models[0], models[1], asked)
    assert found is not None
    return found


def _copied(graph: Graph) -> Graph:
    copy = graph_from_bytes(graphdef_bytes(graph))
    copy.inputs = tuple(copy.node(n.name) for n in graph.inputs)
    copy.outputs = tuple(copy.value(v.name) for v in graph.outputs)
    return copy


def number(name: str, value: float) -> Edit:
    """Another value for the scalar constant ``name``."""

    def edit(graph: Graph) -> None:
        old = graph.node(name).attr("value")
        graph.set_attr(graph.node(name), "value", Tensor.from_array(np.asarray(value, old.dtype.numpy)))

    return edit


def reads(name: str, *inputs: str) -> Edit:
    """Other inputs for the node ``name``."""
    return lambda graph: graph.set_inputs(graph.node(name), [graph.value(i) for i in inputs])


def folded(graph: Graph) -> None:
    """What fold-multiply would do: one product of constants, rounded once. v and w tie to the bit then."""
    reads("v", "x", "near")(graph)


def test_rounding_in_front_of_a_choice_is_excused_and_told() -> None:
    found = proved(parse_graph(TIES), folded)
    assert found.judgement.verdict is Verdict3.SAME, found.judgement.reason
    assert found.choosing == 1
    assert found.trials > 4
    assert [part.tensors for part in found.parts] == [("scores",), ("top", "top:1"), ("y", "z")]
    assert 0 < found.parts[0].max_abs < 1e-6
    assert found.parts[1].max_abs == found.parts[2].max_abs == 0
    assert len(found.notes) == 1
    assert found.notes[0].startswith("end to end")
    assert "of y" in found.notes[0]


def test_where_nothing_rounds_a_bit_is_a_difference() -> None:
    found = proved(parse_graph(TIES), folded, exact=True)
    assert found.judgement.verdict is Verdict3.DIFFERENT
    assert "scores" in found.judgement.reason


def w_rank(graph: Graph) -> None:
    """Another choice, beside the one that is compared."""
    back = graph.add("Neg", "back", [graph.value("scores")], {"T": DType.FLOAT})
    node = graph.add("TopKV2", "other", [back.out(), graph.value("k")], {"T": DType.FLOAT, "sorted": True})
    graph.set_inputs(graph.node("picked"), [graph.value("table"), node.out(1), graph.value("zero")])


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        pytest.param(number("near", 0.303), "scores", id="before"),
        pytest.param(number("near", 0.30045), "scores", id="little-before"),
        pytest.param(number("twice", 2.02), "y", id="behind"),
        pytest.param(w_rank, "y", id="beside"),
        pytest.param(number("k", 9), "top", id="attribute"),
        pytest.param(reads("scores", "w", "x", "axis"), "scores", id="other-input"),
        pytest.param(reads("y", "top", "twice"), "y", id="other-choice"),
    ],
)
def test_a_wrong_repair_is_found_beside_one_that_rounds(edit: Edit, where: str) -> None:
    """Also where the choice is another anyway, end to end."""
    found = proved(parse_graph(TIES), folded, edit)
    assert found.judgement.verdict is Verdict3.DIFFERENT, found.judgement.reason
    assert where in found.judgement.reason


PEDESTAL = """
x = Placeholder {dtype: float32, shape: shape[1,8]}
high = Const float32[] 1000
half = Const float32[] 1
s = Mul(x, half) {T: float32}
raised = Add(s, high) {T: float32}
k = Const int32[] 4
top = TopKV2(raised, k) {T: float32, sorted: true}
y = Sub(top, high) {T: float32}
inputs: x
outputs: y
"""


def test_a_signal_that_is_small_beside_what_carries_it_is_not_lost() -> None:
    """Half of the signal is within a thousandth of the tensor, and more than rounding."""
    found = proved(parse_graph(PEDESTAL), number("half", 0.5))
    assert found.judgement.verdict is Verdict3.DIFFERENT
    assert "raised" in found.judgement.reason
    assert proved(parse_graph(PEDESTAL), number("half", 1 + 1e-6)).judgement.verdict is Verdict3.SAME


BRANCH = """
x = Placeholder {dtype: float32, shape: shape[1,64]}
s = Sigmoid(x) {T: float32}
k = Const int32[] 4
top = TopKV2(s, k) {T: float32, sorted: true}
y = Sqrt(top) {T: float32}
inputs: x
outputs: y
"""


def floored(graph: Graph) -> None:
    """Wrong where next to nothing is left to choose: no input makes a score as small."""
    floor = graph.add("Const", "floor", [], {"dtype": DType.FLOAT, "value": Tensor.from_array(np.float32(0.1))})
    high = graph.add("Maximum", "high", [graph.value("top"), floor.out()], {"T": DType.FLOAT})
    graph.set_inputs(graph.node("y"), [high.out()])


def test_made_up_values_find_what_no_input_shows() -> None:
    found = proved(parse_graph(BRANCH), floored)
    assert found.judgement.verdict is Verdict3.DIFFERENT
    assert "y, with the same values in front of it" in found.judgement.reason
    assert found.notes == ()


def renamed(graph: Graph) -> None:
    graph.rename(graph.node("scores"), "points")
    for name in ("v", "w"):
        graph.rename(graph.node(name), f"{name}_new")


def test_a_frontier_that_is_gone_makes_no_proof() -> None:
    found = proved(parse_graph(TIES), folded, renamed)
    assert found.judgement.verdict is Verdict3.INCONCLUSIVE
    assert "scores" in found.judgement.reason
    assert "has no" in found.judgement.reason


STILL = """
x = Placeholder {dtype: float32, shape: shape[1,8]}
k = Const int32[] 4
top = TopKV2(x, k) {T: float32, sorted: true}
y = Exp(top) {T: float32}
many = Const int32[1,4] [[100, 100, 100, 100]]
n = Maximum(top:1, many) {T: int32}
inputs: x
outputs: y, n
"""


def test_what_was_changed_in_front_of_nothing_that_moves_is_not_shown() -> None:
    """n is 100 whatever is fed: that the repaired graph gives 100 as well says nothing of what it is made from."""
    found = proved(parse_graph(STILL), reads("n", "many", "many"))
    assert found.judgement.verdict is Verdict3.INCONCLUSIVE
    assert "what was changed: n" in found.judgement.reason
    same = proved(parse_graph(STILL))
    assert same.judgement.verdict is Verdict3.SAME
    assert [o.reason for o in same.judgement.outputs] == [
        "",
        "equal to the bit, and the same on everything that was tried",
    ]


LOOP = """
x = Placeholder {dtype: float32, shape: shape[1,8]}
tenth = Const float32[] 0.1
three = Const float32[] 3
near = Const float32[] 0.3
u = Mul(x, tenth) {T: float32}
v = Mul(u, three) {T: float32}
w = Mul(x, near) {T: float32}
axis = Const int32[] 1
scores = ConcatV2(v, w, axis) {T: float32, N: 2, Tidx: int32}
table = Const float32[16] normal(1)
zero = Const int32[] 0
turns = Const int32[] 3
start = Const float32[10] normal(2)
enter_i = Enter(zero) {T: int32, frame_name: "turn", is_constant: false, parallel_iterations: 10}
enter_sum = Enter(start) {T: float32, frame_name: "turn", is_constant: false, parallel_iterations: 10}
enter_turns = Enter(turns) {T: int32, frame_name: "turn", is_constant: true, parallel_iterations: 10}
enter_scores = Enter(scores) {T: float32, frame_name: "turn", is_constant: true, parallel_iterations: 10}
enter_table = Enter(table) {T: float32, frame_name: "turn", is_constant: true, parallel_iterations: 10}
i = Merge(enter_i, next_i) {T: int32, N: 2}
sum = Merge(enter_sum, next_sum) {T: float32, N: 2}
less = Less(i, enter_turns) {T: int32}
more = LoopCond(less)
switch_i = Switch(i, more) {T: int32}
switch_sum = Switch(sum, more) {T: float32}
inner = Identity(switch_i:1) {T: int32}
one = Const int32[] 1 (^inner)
k = Const int32[] 10 (^inner)
first = Const int32[] 0 (^inner)
factor = Const float32[] 0.7 (^inner)
following = Add(inner, one) {T: int32}
top = TopKV2(enter_scores, k) {T: float32, sorted: true}
picked = GatherV2(enter_table, top:1, first) {Tparams: float32, Tindices: int32, Taxis: int32, batch_dims: 0}
scaled = Mul(picked, factor) {T: float32}
added = Sub(scaled, switch_sum:1) {T: float32}
next_i = NextIteration(following) {T: int32}
next_sum = NextIteration(added) {T: float32}
exit = Exit(switch_sum) {T: float32}
twice = Const float32[] 2
y = Mul(exit, twice) {T: float32}
inputs: x
outputs: y
"""
"""TIES in a loop: the frontier is what enters it."""


def test_a_choice_in_a_loop_is_cut_in_front_of_the_loop() -> None:
    found = proved(parse_graph(LOOP), folded)
    assert found.judgement.verdict is Verdict3.SAME, found.judgement.reason
    assert [part.tensors for part in found.parts] == [("scores",), ("exit",), ("y",)]
    assert "of y" in found.notes[0]


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        pytest.param(number("factor", 0.71), "exit", id="constant"),
        pytest.param(number("k", 9), "", id="attribute"),
        pytest.param(reads("added", "switch_sum:1", "scaled"), "exit", id="swapped"),
        pytest.param(number("turns", 4), "exit", id="turns"),
        pytest.param(reads("enter_scores", "w2"), "exit", id="what-enters"),
    ],
)
def test_a_wrong_repair_in_a_loop_is_found(edit: Edit, where: str) -> None:
    def with_other_scores(graph: Graph) -> None:
        graph.add("Neg", "w2", [graph.value("scores")], {"T": DType.FLOAT})

    found = proved(parse_graph(LOOP), with_other_scores, folded, edit)
    assert found.judgement.verdict is (Verdict3.DIFFERENT if where else Verdict3.INCONCLUSIVE), found.judgement.reason
    assert where in found.judgement.reason


# ---- by fix --verify and --bisect -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Folding:
    """Takes the constant ``value`` for ``near``; and lets v be computed as w is."""

    name: str
    value: float
    safety: Safety = Safety.SAFE

    def find(self, graph: GraphView, facts: Facts) -> Iterator[Proposal | Refusal]:
        """The constant, once."""
        node = graph.node("near")
        new = Tensor.from_array(np.float32(self.value))
        if node.attr("value") != new and graph.get("three") is not None:
            yield propose(node, SetAttr(node, "value", new), SetInputs(graph.node("v"), graph.node("w").inputs))


def test_the_rewrite_that_first_changes_a_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rounds alone is not, although the choice differs with it, end to end."""
    model = written(tmp_path, TIES)
    right, wrong = Folding("rounds", 0.30000004), Folding("breaks", 0.31)
    monkeypatch.setattr(bisect, "load_rewrites", lambda packs, places: [right, wrong])
    options = FixOptions((), keep_original=True)
    only = verify_fixed(fix_opened(open_model(model), [right], options))
    assert (only.judgement.verdict, only.method) == (Verdict3.SAME, "in parts at 1 choosing op")
    both = verify_fixed(fix_opened(open_model(model), [wrong], options))
    assert both.judgement.verdict is Verdict3.DIFFERENT
    assert bisect.first_to_differ(model, options) == "breaks"
