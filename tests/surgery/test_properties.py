"""Whatever the graph: packs keep results, interface and effects, and come to an end."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from graphdoctor.ir import Graph, broken_invariants
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.surgery import FixResult, load_rewrites, run_rewrites, undo
from graphdoctor.types import Array, DType
from tests.surgery.cases import all_rewrites
from tests.surgery.evaluator import DEAD, effects, evaluate
from tests.surgery.strategies import graphs

EXACT = ("clean", "tf112", "share")
KEEPS_EFFECTS = (
    "remove-control-inputs",
    "remove-no-ops",
    "remove-identities",
    "remove-dead-nodes",
    "merge-computations",
)
"""Not among them: what a branch that never runs asked for goes with the branch."""
ALL = ("tf112", "clean", "fold", "share", "trt3")
THOROUGH = int(os.environ.get("GRAPHDOCTOR_EXAMPLES", "40"))
"""Graphs per test; thousands find more, and take minutes."""
MANY = settings(max_examples=THOROUGH, deadline=None)
FEW = settings(max_examples=THOROUGH // 2, deadline=None)


def feeds(go: bool) -> dict[str, Array]:
    """A value for each input."""
    x = np.linspace(-3, 3, 6, dtype=np.float32).reshape(2, 3)
    return {"x": x, "go": np.asarray(go)}


def results(graph: Graph) -> list[dict[str, Any]]:
    """What the outputs are, for both branches."""
    with np.errstate(all="ignore"):
        return [evaluate(graph, feeds(go)) for go in (False, True)]


def effects_by_origin(graph: Graph, go: bool) -> set[str]:
    """The nodes with an effect that ran, by the names they had at first."""
    return {graph.node(name).origins[0] for name in effects(graph, feeds(go))}


def sound(graph: Graph, result: FixResult) -> None:
    """Ended, nothing taken back, invariants hold, and a second run finds nothing."""
    assert (result.converged, result.rolled_back, broken_invariants(graph)) == (True, [], [])


def same(before: list[dict[str, Any]], after: list[dict[str, Any]], *, exact: bool) -> None:
    for want, got in zip(before, after, strict=True):
        assert got.keys() == want.keys()
        for name, value in want.items():
            if isinstance(value, str) or isinstance(got[name], str):
                assert (str(value), str(got[name])) == (DEAD, DEAD), name
            elif exact:
                np.testing.assert_array_equal(got[name], value, err_msg=name)
            else:
                scale = 1 + float(np.abs(value[np.isfinite(value)]).max(initial=0))
                np.testing.assert_allclose(got[name], value, rtol=1e-4, atol=1e-4 * scale, err_msg=name)


@pytest.mark.parametrize("pack", EXACT)
@MANY
@given(data=st.data())
def test_packs_without_arithmetic_keep_every_bit(pack: str, data: st.DataObject) -> None:
    graph = data.draw(graphs())
    note(format_graph(graph))
    before = results(graph)
    sound(graph, run_rewrites(graph, load_rewrites([pack])))
    same(before, results(graph), exact=True)


@pytest.mark.parametrize("packs", [("fold",), ALL], ids=["fold", "all"])
@MANY
@given(data=st.data())
def test_packs_that_fold_keep_results_to_rounding(packs: tuple[str, ...], data: st.DataObject) -> None:
    graph = data.draw(graphs())
    note(format_graph(graph))
    before = results(graph)
    sound(graph, run_rewrites(graph, load_rewrites(packs)))
    same(before, results(graph), exact=False)


@MANY
@given(graph=graphs(), wanted=st.lists(st.booleans(), min_size=3, max_size=3))
def test_an_output_keeps_its_name_when_its_identity_goes(graph: Graph, wanted: list[bool]) -> None:
    """Behind each output an Identity, which is an output too (then the name cannot move) or instead."""
    firsts = graph.outputs
    copies = [graph.add("Identity", f"out{i}", [v], {"T": DType.FLOAT}) for i, v in enumerate(firsts)]
    graph.outputs = (*(c.out() for c in copies), *(v for v, keep in zip(firsts, wanted, strict=False) if keep))
    note(format_graph(graph))
    names, before = [v.name for v in graph.outputs], results(graph)
    ran = [effects_by_origin(graph, go) for go in (False, True)]
    sound(graph, run_rewrites(graph, [all_rewrites()["remove-output-identities"]]))
    same(before, results(graph), exact=True)
    assert [v.name for v in graph.outputs] == names
    assert [effects_by_origin(graph, go) for go in (False, True)] == ran
    kept = {f"out{i}" for i, (v, keep) in enumerate(zip(firsts, wanted, strict=False)) if keep}
    assert kept <= {c.name for c in copies if c.name in graph and graph.node(c.name) is c}


@MANY
@given(graph=graphs())
def test_effects_that_ran_still_run(graph: Graph) -> None:
    note(format_graph(graph))
    before = [effects(graph, feeds(go)) for go in (False, True)]
    run_rewrites(graph, [all_rewrites()[name] for name in KEEPS_EFFECTS])
    assert [effects(graph, feeds(go)) for go in (False, True)] == before


@FEW
@given(graph=graphs())
def test_a_second_run_changes_nothing(graph: Graph) -> None:
    rewrites = load_rewrites(ALL)
    run_rewrites(graph, rewrites)
    again = run_rewrites(graph, rewrites)
    assert (again.applied, graph.diff(again.mark), again.rounds) == ([], [], 1)


@FEW
@given(graph=graphs())
def test_everything_can_be_taken_back(graph: Graph) -> None:
    before = sorted(format_graph(graph).splitlines())
    undo(graph, run_rewrites(graph, load_rewrites(ALL), unsafe=True))
    assert sorted(format_graph(graph).splitlines()) == before


@FEW
@given(graph=graphs(), seed=st.randoms())
def test_the_order_of_nodes_in_the_file_does_not_matter(graph: Graph, seed: Any) -> None:
    lines = format_graph(graph).splitlines()
    nodes, signature = lines[:-2], lines[-2:]
    seed.shuffle(nodes)
    other = parse_graph("\n".join([*nodes, *signature]))
    rewrites = load_rewrites(ALL)
    run_rewrites(graph, rewrites)
    run_rewrites(other, rewrites)
    assert graph.ops() == other.ops()
    same(results(graph), results(other), exact=False)
