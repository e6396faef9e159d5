"""Magnitudes of constants: right for every kind of value, and no slower than reading the memory a few times."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import lint
from graphdoctor.lint.weights import FP16_TINY, WeightStats, scan
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import load_target
from graphdoctor.types import Array, DType
from graphdoctor.wire.tensors import Tensor, TensorError


def _naive(array: Array) -> WeightStats:
    flat = np.asarray(array, np.float64).reshape(-1)
    finite = np.abs(flat[np.isfinite(flat)])
    return WeightStats(
        flat.size,
        int(np.isnan(flat).sum()),
        int(np.isinf(flat).sum()),
        float(finite.max()) if finite.size else 0.0,
        int((finite > 0).sum()),
        int(((finite > 0) & (finite < FP16_TINY)).sum()),
    )


@pytest.mark.parametrize("dtype", (np.float32, np.float64, np.float16))
@pytest.mark.parametrize("size", (0, 1, 7, 1 << 16, (1 << 16) + 1, 200_001))
def test_the_same_as_the_plain_way(dtype: type, size: int) -> None:
    rng = np.random.default_rng(size)
    with np.errstate(over="ignore"):
        array = (rng.normal(0, 1, size) * 10.0 ** rng.integers(-12, 6, size)).astype(dtype)
    for i, value in enumerate((np.nan, np.inf, -np.inf, 0.0, -0.0)):
        array[i::977] = value
    assert scan(Tensor.from_array(array)) == _naive(array)


@pytest.mark.parametrize(
    "values", ([np.nan], [np.inf, -np.inf], [0.0], [1e-12], [1.0, 2.0]), ids=("nan", "inf", "zero", "tiny", "plain")
)
def test_small_ones(values: list[float]) -> None:
    array = np.asarray(values, np.float32)
    assert scan(Tensor.from_array(array)) == _naive(array)


def test_one_repeated_value_is_read_once() -> None:
    """16 GiB in a few bytes."""
    tensor = Tensor.from_array(np.broadcast_to(np.float32(1e-12), (1 << 16, 1 << 16)))
    stats = scan(tensor)
    assert (stats.size, stats.tiny, stats.nonzero) == (1 << 32, 1 << 32, 1 << 32)
    assert stats.largest == pytest.approx(1e-12)


def test_bfloat16() -> None:
    tensor = Tensor.from_array(np.asarray([1e30, 1.0], np.float32), DType.BFLOAT16)
    assert scan(tensor).largest == pytest.approx(1e30, rel=0.01)


def test_a_damaged_constant_is_the_callers_business() -> None:
    with pytest.raises(TensorError):
        scan(Tensor.from_payload(bytes.fromhex("08011204120208022203000000")))


def test_no_copy_of_the_constant_is_made() -> None:
    tensor = Tensor.from_array(np.zeros(4 << 20, np.float32))
    scan(tensor)
    tracemalloc.start()
    scan(tensor)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < tensor.nbytes_stored / 8


SUPPRESSION = """
b = Placeholder {dtype: float32, shape: shape[10,4]}
s = Placeholder {dtype: float32, shape: shape[10]}
m = Const int32[] 5
i = Const float32[] 1e-8
t = Const float32[] -inf
y = NonMaxSuppressionV3(b, s, m, i, t) {T: float32}
"""


@pytest.mark.parametrize(
    ("further", "found"), (("", set()), ("z = Add(s, i) {T: float32}\nu = Add(s, t) {T: float32}", {"i", "t"}))
)
def test_thresholds_of_a_suppression_are_no_weights(further: str, found: set[str]) -> None:
    """-inf is how TensorFlow writes that there is none; who computes with such a constant hears of it."""
    graph = parse_graph(f"{SUPPRESSION}{further}\noutputs: y{', z, u' if further else ''}")
    complete_attrs(graph)
    result = lint(graph, infer_shapes(graph), [load_target("trt8.6")])
    assert {f.node for f in result.findings if f.code in ("GDN001", "GDN003")} == found
