"""An opened batch: many items at once give what each gives alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphdoctor.ir import Graph
from graphdoctor.surgery import run_rewrites
from tests.ops.harness import evaluate
from tests.surgery.cases import all_cases, all_rewrites

CASES = [c for c in all_cases() if c.rewrite == "open-batch" and c.fixed]


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES])
def test_five_items_give_what_each_gives_in_the_graph_before(case: Any) -> None:
    before: Graph = case.parsed()
    after: Graph = case.parsed()
    assert run_rewrites(after, [all_rewrites()["open-batch"]], unsafe=True).applied
    (x,), wanted = before.inputs, [v.name for v in before.outputs]
    dims = x.attr("shape").dims
    items = np.random.default_rng(0).uniform(-2, 2, (5, *dims[1:])).astype(np.float32)
    together = evaluate(after, {x.name: items}, wanted)
    for k, item in enumerate(items):
        alone = evaluate(before, {x.name: np.repeat(item[None], dims[0], axis=0)}, wanted)
        for name in wanted:
            np.testing.assert_allclose(together[name][k], alone[name][0], rtol=1e-6, atol=1e-7)
