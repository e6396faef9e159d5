"""Activations written out: not the same bits, but never further from TensorFlow's op than rounding."""

from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.surgery import run_rewrites
from tests.ops.harness import evaluate
from tests.surgery.cases import all_rewrites, completed

FAR = np.concatenate([np.linspace(-120, 120, 4001), np.geomspace(1e-30, 1e30, 200), -np.geomspace(1e-30, 1e30, 200)])
X = np.append(FAR, [0.0, -0.0, np.inf, -np.inf, np.nan]).astype(np.float32)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("op", "rewrite"), [("Elu", "elu-to-exp"), ("Selu", "selu-to-exp"), ("Softplus", "softplus-to-log")]
)
def test_it_is_within_rounding_everywhere(op: str, rewrite: str) -> None:
    text = f"x = Placeholder {{dtype: float32, shape: shape[{X.size}]}}\ny = {op}(x)\ninputs: x\noutputs: y"
    before, after = completed(text, op), completed(text, op)
    assert run_rewrites(after, [all_rewrites()[rewrite]], unsafe=True).applied
    want, got = (evaluate(g, {"x": X}, ["y"])["y"] for g in (before, after))
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=2.5e-7)
