"""Every op against TensorFlow and ONNX Runtime, by the case files in fixtures/ops."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from graphdoctor.errors import UnsupportedError
from graphdoctor.ir import Graph, Node
from graphdoctor.ops import Op, OpContext, all_ops, find_op
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.types import Array
from tests.ops import harness
from tests.ops.harness import Case

CASES = harness.all_cases()
GOOD = [c for c in CASES if not c.conflict]
RUN = [c for c in GOOD if not c.skip_run]
WHOLE = [c for c in RUN if not c.reference and c.fetch == "all"]


def each(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """One test per case, named after it."""
    return pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in cases])


def test_every_op_has_a_case_file_and_every_case_file_an_op() -> None:
    files = {path.stem for path in harness.case_files()}
    assert files == set(all_ops())


def test_a_case_file_is_named_after_its_op_and_its_cases_use_it() -> None:
    named = {path.stem for path in harness.case_files()}
    assert {c.op for c in CASES} == named
    assert [c.id for c in CASES if not c.parsed().by_op(c.op)] == []
    assert len({c.id for c in CASES}) == len(CASES)


@each([c for c in CASES if c.conflict])
def test_contradictions_are_found(case: Case) -> None:
    conflicts = infer_shapes(case.parsed()).conflicts
    assert any(case.conflict in c.reason for c in conflicts), conflicts


@pytest.mark.tensorflow
@each([c for c in CASES if c.conflict and not c.skip_run])
def test_contradictions_are_refused_by_tensorflow_too(case: Case) -> None:
    errors = (ValueError, harness.tensorflow().errors.OpError)
    with pytest.raises(errors):
        harness.run_tensorflow(case)


@each(GOOD)
def test_no_conflict_is_seen_where_there_is_none(case: Case) -> None:
    graph = case.parsed()
    known = harness.placeholder_specs(graph)
    for given in ({}, *harness.weakenings(known)):
        assert infer_shapes(graph, given).conflicts == [], given


@pytest.mark.tensorflow
@each(RUN)
def test_inferred_specs_are_what_tensorflow_computes(case: Case) -> None:
    graph, real = case.parsed(), harness.run_tensorflow(case)
    assert problems(graph, infer_shapes(graph), real) == []


@pytest.mark.tensorflow
@each(RUN)
def test_knowing_less_never_gives_a_wrong_spec(case: Case) -> None:
    graph, real = case.parsed(), harness.run_tensorflow(case)
    for given in harness.weakenings(harness.placeholder_specs(graph)):
        assert problems(graph, infer_shapes(graph, given), real) == [], given


@pytest.mark.tensorflow
@each(WHOLE)
def test_values_of_constants_are_what_tensorflow_computes(case: Case) -> None:
    graph, real = case.parsed(), harness.run_tensorflow(case)
    given = {name: harness.spec_of(value, keep=True) for name, value in harness.feeds(case).items()}
    specs = infer_shapes(graph, given)
    assert specs.conflicts == []
    assert problems(graph, specs, real) == []


@pytest.mark.tensorflow
@each(WHOLE)
def test_folding_gives_what_tensorflow_computes(case: Case) -> None:
    graph, real = case.parsed(), harness.run_tensorflow(case)
    assert [p for node in graph for p in fold_problems(case, node, real)] == []


@pytest.mark.tensorflow
@each([c for c in RUN if not c.fails])
def test_lowering_gives_the_same_numbers(case: Case) -> None:
    onnx = pytest.importorskip("graphdoctor.formats.onnx")
    graph = case.parsed()
    if not lowered(graph):
        pytest.skip("an op of the case has no lowering")
    model = onnx.onnx_from_graph(graph)
    assert harness.emitted_ops(model) <= allowed_ops(graph)
    if case.skip_lower:
        pytest.skip(case.skip_lower)
    check_numbers(case, graph, harness.run_onnx(model, harness.feeds(case)), harness.run_tensorflow(case))


@pytest.mark.tensorflow
@each([c for c in RUN if not c.skip_lower and not c.skip_unknown])
def test_lowering_with_unknown_sizes_gives_the_same_numbers_or_is_refused(case: Case) -> None:
    onnx = pytest.importorskip("graphdoctor.formats.onnx")
    graph, real = case.parsed(), harness.run_tensorflow(case)
    if not lowered(graph):
        return
    for given in harness.unknown_sizes(harness.placeholder_specs(graph)):
        try:
            model = onnx.onnx_from_graph(graph, given)
        except UnsupportedError:
            continue
        check_numbers(case, graph, harness.run_onnx(model, harness.feeds(case)), real)


@each([c for c in GOOD if c.fails])
def test_lowering_refuses_with_the_reason(case: Case) -> None:
    onnx = pytest.importorskip("graphdoctor.formats.onnx")
    with pytest.raises(UnsupportedError, match=re.escape(case.fails)):
        onnx.onnx_from_graph(case.parsed())


def problems(graph: Graph, specs: Specs, real: harness.Tensors) -> list[str]:
    """Where inference contradicts what TensorFlow computed."""
    found = [(name, harness.spec_problem(specs.of(graph.value(name)), value)) for name, value in real.items()]
    return [f"{name}: {problem}" for name, problem in found if problem]


def check_numbers(case: Case, graph: Graph, given: Sequence[Array], real: harness.Tensors) -> None:
    """ONNX Runtime's outputs against TensorFlow's: dtype, shape, numbers."""
    for output, got in zip(graph.outputs, given, strict=True):
        want = real[output.name]
        assert (got.dtype, got.shape) == (want.dtype, want.shape), output
        np.testing.assert_allclose(got, want, rtol=case.rtol, atol=case.atol, err_msg=output.name)


def fold_problems(case: Case, node: Node, real: harness.Tensors) -> list[str]:
    """Where folding ``node`` on the values it read in TensorFlow differs from what it gave there."""
    op = find_op(node.op)
    names = [v.name for v in node.inputs]
    if op is None or op.stateful or not names or any(n not in real for n in names):
        return []
    values = [real[n] for n in names]
    context = OpContext(node, tuple(harness.spec_of(v) for v in values), op.defaults)
    folded = op.fold(context, values)
    if folded is None:
        return []
    wanted = [real[node.out(i).name] for i in range(len(folded))]
    ulp = case.fold_ulp if node.op == case.op else harness.fold_ulp(node.op)
    gaps = [harness.units_apart(a, b) for a, b in zip(folded, wanted, strict=True)]
    return [f"{node.name}:{i} is {gap} units off" for i, gap in enumerate(gaps) if gap > ulp]


def lowered(graph: Graph) -> list[Op]:
    """The ops that the builder has to lower; empty if one of them has no lowering."""
    ops = [find_op(node.op) for node in graph.live() if node not in graph.inputs]
    return [op for op in ops if op is not None and op.can_lower()] if all(o and o.can_lower() for o in ops) else []


def allowed_ops(graph: Graph) -> set[str]:
    """ONNX ops that the ops of the graph say they emit, and what the layout pass and the builder add."""
    return {"Identity", "Transpose"}.union(*(op.onnx or () for op in lowered(graph)))
