"""Every op through a UFF file: written, read back with the meaning of TensorRT's parser, and run."""

from __future__ import annotations

import pytest

from graphdoctor.errors import UnsupportedError
from graphdoctor.formats.onnx import onnx_from_graph
from graphdoctor.formats.uff import graph_from_uff, uff_from_graph
from graphdoctor.ir import Graph
from graphdoctor.ops import all_ops, find_op
from graphdoctor.types import Array
from graphdoctor.wire.uff import UffModel, read_uff, uff_bytes
from tests.ops import harness
from tests.ops.harness import Case
from tests.ops.test_cases import check_numbers, each

CASES = [c for c in harness.all_cases() if not c.conflict and (op := find_op(c.op)) is not None and op.uff]


def written(graph: Graph) -> UffModel | None:
    """The graph as a file, read again; ``None`` where UFF cannot say it."""
    try:
        return read_uff(uff_bytes(uff_from_graph(graph)))
    except UnsupportedError:
        return None


def test_every_op_that_uff_has_is_written_in_some_case() -> None:
    said = {c.op for c in CASES if written(c.parsed()) is not None}
    assert {name for name, op in all_ops().items() if op.uff} - said == REFUSED


REFUSED = frozenset(
    "AvgPool3D MaxPool3D MaxPoolWithArgmax Erf Erfc Expm1 FloorDiv Inv Log1p LogSoftmax Reciprocal Rint Round Sign "
    "TruncateDiv".split()
)
"""Ops of classes that UFF has, which it has not: they are refused."""


@each(CASES)
def test_only_ops_of_the_class_are_written(case: Case) -> None:
    graph = case.parsed()
    model = written(graph)
    if model is None:
        return
    nodes = model.graph.by_id()
    for node in graph.by_op(case.op):
        op = find_op(node.op)
        if op is not None and node.name in nodes and node not in graph.inputs:
            assert nodes[node.name].op in op.uff


@each(CASES)
def test_a_second_time_gives_the_same_file(case: Case) -> None:
    """What was read back is written as it was: nothing is lost on the way."""
    model = written(case.parsed())
    graph = raised(model)
    if model is None or graph is None or len(graph) > len(model.graph.nodes) + len(graph.by_op("Const")):
        return  # the parser's meaning takes more nodes
    again = written(graph)
    assert again is not None
    ours = {n.id: (n.op, n.inputs) for n in model.graph.nodes}
    theirs = {n.id: (n.op, n.inputs) for n in again.graph.nodes}
    if any(op.startswith("_") and theirs.get(name, ("",))[0] != op for name, (op, _) in ours.items()):
        return  # what a plugin means was written in its place
    assert {k: v for k, v in theirs.items() if k in ours} == ours


def raised(model: UffModel | None) -> Graph | None:
    if model is None:
        return None
    try:
        return graph_from_uff(model)
    except UnsupportedError:
        return None


@pytest.mark.tensorflow
@each([c for c in CASES if not c.skip_run and not c.skip_lower])
def test_numbers_through_a_uff_file(case: Case) -> None:
    graph = case.parsed()
    twin = raised(written(graph))
    if twin is None:
        return
    try:
        model = onnx_from_graph(twin)
    except UnsupportedError:
        return
    fed = {name: value for name, value in harness.feeds(case).items() if name in twin}
    real = harness.run_tensorflow(case)
    given = [_as(got, real[v.name]) for got, v in zip(harness.run_onnx(model, fed), graph.outputs, strict=True)]
    check_numbers(case, graph, given, real)


def _as(got: Array, want: Array) -> Array:
    """Whether an index is int32 or int64, UFF does not say."""
    return got.astype(want.dtype) if {got.dtype.name, want.dtype.name} == {"int32", "int64"} else got
