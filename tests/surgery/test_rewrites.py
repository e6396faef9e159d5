"""Every rewrite against its promises, by the case files in fixtures/rewrites."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graphdoctor.findings import Safety
from graphdoctor.ir import Graph, broken_invariants
from graphdoctor.ir.text import format_graph
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery import Facts, Proposal, undo
from graphdoctor.targets import load_target
from graphdoctor.types import Array, DType, Shape
from tests.ops.harness import evaluate
from tests.surgery import onednn
from tests.surgery.cases import Case, all_cases, all_rewrites, completed, described

CASES = all_cases()
CHANGING = [c for c in CASES if c.fixed]
RUN = [c for c in CHANGING if c.runs]
ELSEWHERE = {"ssd-to-plugins"}
"""Rewrites of graphs too large for a case file: test_ssd.py has them from fixtures/detectors."""


def each(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """One test per case, named after it."""
    return pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in cases])


def test_every_rewrite_has_a_case_that_changes_something_and_every_case_a_rewrite() -> None:
    assert {c.rewrite for c in CHANGING} == set(all_rewrites()) - ELSEWHERE
    assert len({c.id for c in CASES}) == len(CASES)


def test_every_safe_rewrite_is_run_on_numbers_or_says_why_not() -> None:
    safe = {name for name, r in all_rewrites().items() if r.safety is Safety.SAFE}
    assert safe - {c.rewrite for c in CHANGING if c.runs or c.skip_run} == set()


@each(CHANGING)
def test_it_gives_the_graph_it_says(case: Case) -> None:
    graph = case.parsed()
    result = case.apply(graph)
    assert (result.converged, result.rolled_back) == (True, [])
    assert any(a.rewrite == case.rewrite for a in result.applied)
    assert described(graph) == described(completed(case.fixed, f"{case.id}: fixed"))


@each([c for c in CASES if not c.fixed])
def test_it_leaves_alone_what_it_must(case: Case) -> None:
    graph = case.parsed()
    result = case.apply(graph)
    assert (result.applied, graph.diff(result.mark)) == ([], [])


@each([c for c in CASES if c.refused])
def test_it_says_why_not(case: Case) -> None:
    result = case.apply(case.parsed())
    reasons = [r for r in result.refused if case.refused in r.reason]
    assert reasons, result.refused
    assert any(r.held_back for r in reasons) is case.held_back


@each(CHANGING)
def test_a_second_time_it_finds_nothing(case: Case) -> None:
    graph = case.parsed()
    case.apply(graph)
    facts = Facts(infer_shapes(graph), load_target(case.target) if case.target else None)
    assert [p for p in all_rewrites()[case.rewrite].find(graph, facts) if isinstance(p, Proposal)] == []
    again = case.apply(graph)
    assert (again.applied, again.rounds, graph.diff(again.mark)) == ([], 1, [])


@each(CHANGING)
def test_invariants_and_interface_hold(case: Case) -> None:
    graph = case.parsed()
    before = interface(graph)
    case.apply(graph)
    assert broken_invariants(graph) == []
    assert infer_shapes(graph).conflicts == []
    after = interface(graph)
    assert [name for name, *_ in after[1]] == [name for name, *_ in before[1]]
    kept = [no_less_known(b, a, loose=case.unsafe) for b, a in zip(before[1], after[1], strict=True)]
    assert all(kept), (before[1], after[1])
    assert case.unsafe or after[0] == before[0]


@each(CHANGING)
def test_it_can_be_taken_back(case: Case) -> None:
    graph = case.parsed()
    before, inputs, outputs = sorted(format_graph(graph).splitlines()), graph.inputs, graph.outputs
    undo(graph, case.apply(graph))
    assert sorted(format_graph(graph).splitlines()) == before
    assert (graph.inputs, graph.outputs) == (inputs, outputs)


@each(CHANGING)
def test_what_it_makes_says_where_it_comes_from(case: Case) -> None:
    graph = case.parsed()
    names = {n.name for n in graph}
    case.apply(graph)
    assert [n.name for n in graph if not set(n.origins) <= names] == []


@pytest.mark.tensorflow
@each([c for c in RUN if not c.onednn])
def test_tensorflow_gives_the_same_numbers(case: Case) -> None:
    before = case.parsed()
    after = case.parsed()
    case.apply(after)
    feeds, wanted = case.feeds(), [v.name for v in before.outputs]
    fed = {n.name for n in after}
    compare(
        case, evaluate(before, feeds, wanted), evaluate(after, {k: v for k, v in feeds.items() if k in fed}, wanted)
    )


@pytest.mark.tensorflow
def test_tensorflow_with_onednn_gives_the_same_numbers(tmp_path_factory: pytest.TempPathFactory) -> None:
    cases = [c for c in RUN if c.onednn]
    graphs = [(case.parsed(), case.parsed()) for case in cases]
    for case, (_, after) in zip(cases, graphs, strict=True):
        case.apply(after)
    jobs = [(g, case.feeds()) for case, pair in zip(cases, graphs, strict=True) for g in pair]
    done = onednn.evaluate_all(jobs, tmp_path_factory.mktemp("onednn"))
    for case, want, got in zip(cases, done[::2], done[1::2], strict=True):
        compare(case, want, got)


Said = tuple[str, DType, Shape]
"""Name, dtype and shape of an input or output."""


def interface(graph: Graph) -> tuple[list[Said], list[Said]]:
    """Names, dtypes and shapes of inputs and outputs."""
    specs = infer_shapes(graph)
    values = [n.out() for n in graph.inputs], list(graph.outputs)
    inputs, outputs = ([(v.name, specs.of(v).dtype, specs.of(v).shape) for v in side] for side in values)
    return inputs, outputs


def no_less_known(before: Said, after: Said, *, loose: bool) -> bool:
    """True if ``after`` is what ``before`` was, as far as that was known.

    ``loose``: the batch may have been opened, and float64 become float32.
    """
    if loose and before[2]:
        before = (*before[:2], (None, *before[2][1:]))
    if loose and (before[1], after[1]) == (DType.DOUBLE, DType.FLOAT):
        before = (before[0], DType.FLOAT, before[2])
    if before[1] is DType.INVALID:
        before = (before[0], after[1], before[2])
    if before[:2] != after[:2] or before[2] is None:
        return before[:2] == after[:2]
    pairs = zip(before[2], after[2] or (), strict=False)
    return after[2] is not None and len(after[2]) == len(before[2]) and all(b in (None, a) for b, a in pairs)


def compare(case: Case, before: dict[str, Array], after: dict[str, Array]) -> None:
    """Equal bit for bit, or to rounding where constants were folded; and no comparison of nothing."""
    folds = any(all_rewrites()[name].row.rounds_constants for name in (case.rewrite, *case.also))
    for name, want in before.items():
        got = after[name]
        if case.unsafe and (got.dtype, want.dtype) == (np.float32, np.float64):
            want = want.astype(np.float32)
        assert (got.dtype, got.shape) == (want.dtype, want.shape), name
        assert want.size, name
        if folds:
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(got, want, err_msg=name)
