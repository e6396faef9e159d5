"""Every op that can be written in numpy gives TensorFlow's numbers on the cases of fixtures/ops, or is refused."""

from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.formats.host.writer import RULES, HostError
from graphdoctor.ir import Graph
from graphdoctor.ops import all_ops
from graphdoctor.passes.infer_shapes import infer_shapes
from tests.formats.host.loaded import host_text, loaded, no_engine
from tests.ops import harness

OURS = [c for c in harness.all_cases() if c.op in RULES and not (c.conflict or c.skip_run or c.reference)]
REFUSED = {
    "BiasAdd", "BiasAddV1", "Cumsum", "Div", "Equal", "NotEqual", "TopKV2", "TopK", "FloorMod", "Gather", "GatherV2",
    "CombinedNonMaxSuppression", "Mean", "NonMaxSuppressionV4", "NonMaxSuppressionV5", "Round", "Rint", "SplitV",
}  # fmt: skip
"""Ops of which some cases cannot be written; every case of the others is."""


def test_every_op_that_can_be_written_is_an_op_that_is_known() -> None:
    assert set(RULES) - set(all_ops()) == set()


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in OURS])
def test_an_op_gives_tensorflows_numbers(case: harness.Case) -> None:
    graph, real = case.parsed(), harness.run_tensorflow(case)
    fetched = (graph.value(name) for name, array in real.items() if array.dtype.kind in "biufc")
    graph.outputs = tuple(v for v in fetched if v.node.op not in ("Const", "Placeholder"))
    refused = _refused(graph)
    if refused is not None:
        assert refused.node.op in REFUSED or refused.node.op not in RULES or _is_no_number(graph), str(refused)
        return
    found = loaded(host_text(graph)).run(no_engine, harness.feeds(case))
    for name in (v.name for v in graph.outputs):
        assert found[name].dtype == real[name].dtype, name
        assert found[name].shape == real[name].shape, name
        near = 2e-3 if real[name].dtype == np.float16 else 2e-6
        np.testing.assert_allclose(found[name], real[name], rtol=near, atol=near, err_msg=name)


def _refused(graph: Graph) -> HostError | None:
    try:
        host_text(graph)
    except HostError as e:
        return e
    return None


def _is_no_number(graph: Graph) -> bool:
    specs = infer_shapes(graph)
    kinds = [s.dtype.numpy for n in graph for s in specs.table[n]]
    return any(k is None or k.kind not in "biufc" for k in kinds)
