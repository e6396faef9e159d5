"""Activations put together and taken apart: never further from what was written than rounding."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ops.harness import evaluate
from tests.surgery.cases import Case, all_cases

REWRITES = (
    "activation-from-parts",
    "uff-activation",
    "uff-relu6",
    "softplus-from-log",
    "erf-to-exp",
    "expm1-to-exp",
    "log1p-to-log",
    "pow-to-mul",
)
CASES = [c for c in all_cases() if c.rewrite in REWRITES and c.fixed and c.unsafe]
X = np.concatenate([np.linspace(-30, 30, 2001), np.geomspace(1e-6, 1, 99), -np.geomspace(1e-6, 1, 99), [0.0]])


def fed(case: Case) -> np.ndarray:
    """Numbers on the whole line; without the negative ones where TensorFlow has no result for them."""
    roots = ("root", "inverse-root", "reciprocal")
    x = np.abs(X) + 0.1 if case.name in roots or case.rewrite == "log1p-to-log" else X
    return x[: x.size // 4 * 4].reshape(-1, 4).astype(np.float32)


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES])
def test_it_is_within_rounding(case: Case) -> None:
    before, after = case.parsed(), case.parsed()
    assert any(a.rewrite == case.rewrite for a in case.apply(after).applied)
    want, got = (evaluate(g, {"x": fed(case)}, ["y"])["y"] for g in (before, after))
    tolerance = 1e-6 if case.rewrite == "erf-to-exp" else 3e-7
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=tolerance)
