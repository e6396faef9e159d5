from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from graphdoctor.compare import DEFAULTS, compare_arrays, tolerance_for

RTOL, ATOL = 1e-3, 1e-5
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
FINITE = st.floats(-1e6, 1e6, allow_nan=False)
ARRAYS = hnp.arrays(np.float64, SHAPES, elements=FINITE)
FULL = hnp.arrays(np.float64, hnp.array_shapes(min_side=1, max_side=4), elements=FINITE)
ANY = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8, np.bool_, np.complex64]),
    SHAPES,
)


def allowed(reference):
    return ATOL + RTOL * np.abs(reference)


@given(ANY)
def test_equal_to_itself(array):
    result = compare_arrays(array, array.copy())
    assert result.passed
    assert result.reason == ""
    assert (result.n_mismatched, result.max_abs, result.mean_abs, result.max_rel) == (0, 0, 0, 0)
    assert (result.needed_atol, result.needed_rtol) == (0.0, 0.0)


@given(FULL, st.data())
def test_twice_the_tolerance_fails(reference, data):
    place = np.unravel_index(data.draw(st.integers(0, reference.size - 1)), reference.shape)
    sign = data.draw(st.sampled_from([-1, 1]))
    candidate = reference.copy()
    candidate[place] += sign * 2 * allowed(reference)[place]
    result = compare_arrays(reference, candidate, RTOL, ATOL)
    assert not result.passed
    assert result.n_mismatched == 1
    assert result.worst_index == tuple(place)
    assert result.worst_reference == reference[place]
    assert result.worst_candidate == candidate[place]
    assert "1 of" in result.reason


@given(FULL, st.data())
def test_half_the_tolerance_passes(reference, data):
    signs = data.draw(hnp.arrays(np.int8, reference.shape, elements=st.sampled_from([-1, 0, 1])))
    result = compare_arrays(reference, reference + signs * 0.5 * allowed(reference), RTOL, ATOL)
    assert result.passed
    assert result.n_mismatched == 0


@given(FULL, st.data(), st.sampled_from([np.nan, np.inf, -np.inf]), st.booleans())
def test_an_odd_value_on_one_side_fails(reference, data, value, swap):
    place = np.unravel_index(data.draw(st.integers(0, reference.size - 1)), reference.shape)
    candidate = reference.copy()
    candidate[place] = value
    pair = (candidate, reference) if swap else (reference, candidate)
    result = compare_arrays(*pair, rtol=1e9, atol=1e9)
    assert not result.passed
    assert result.worst_index == tuple(place)
    assert (result.needed_atol, result.needed_rtol) == (None, None)
    assert "NaN or infinity" in result.reason


def test_odd_values_at_the_same_place_pass_and_opposite_infinities_do_not():
    values = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    assert compare_arrays(values, values.copy()).passed
    flipped = np.array([np.nan, -np.inf, -np.inf, 1.0], np.float32)
    result = compare_arrays(values, flipped)
    assert (result.passed, result.worst_index, result.n_mismatched) == (False, (1,), 1)
    assert not compare_arrays(values, np.array([np.inf, np.nan, -np.inf, 1.0], np.float32)).passed


@given(FULL, st.data())
def test_the_needed_tolerance_passes_and_less_does_not(reference, data):
    noise = data.draw(hnp.arrays(np.float64, reference.shape, elements=st.floats(-1e3, 1e3)))
    result = compare_arrays(reference, reference + noise, RTOL, ATOL)
    assert compare_arrays(reference, reference + noise, RTOL, result.needed_atol).passed
    assert result.passed == (result.needed_atol <= ATOL)
    assume(result.needed_atol > 1e-6)
    assert not compare_arrays(reference, reference + noise, RTOL, result.needed_atol * 0.999).passed
    if result.needed_rtol is None:
        assert ((reference == 0) & (np.abs(noise) > ATOL)).any() or result.max_rel > 1e100
    else:
        assert compare_arrays(reference, reference + noise, result.needed_rtol, ATOL).passed
        assume(result.needed_rtol > 1e-9)
        assert not compare_arrays(reference, reference + noise, result.needed_rtol * 0.999, ATOL).passed


@given(ARRAYS, ARRAYS)
def test_other_shapes_fail(a, b):
    assume(a.shape != b.shape)
    for pair in ((a, b), (b, a)):
        result = compare_arrays(*pair)
        assert not result.passed
        assert "shape" in result.reason


def test_shapes_do_not_broadcast():
    assert not compare_arrays(np.zeros((2, 2)), np.zeros((2, 1))).passed
    assert not compare_arrays(np.zeros((1,)), np.zeros(())).passed
    assert not compare_arrays(np.zeros((0, 2)), np.zeros((2, 0))).passed


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_other_dtypes_fail(dtype):
    result = compare_arrays(np.zeros(3, np.float32), np.zeros(3, dtype))
    assert not result.passed
    assert "float32" in result.reason


def test_empty_arrays_pass():
    result = compare_arrays(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32))
    assert result.passed
    assert result.worst_index is None


def test_scalars():
    result = compare_arrays(np.float32(1), np.float32(2))
    assert not result.passed
    assert result.worst_index == ()
    assert result.max_abs == 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.bool_])
def test_integers_and_booleans_are_exact_whatever_the_tolerance(dtype):
    reference = np.array([0, 1, 1], dtype)
    result = compare_arrays(reference, np.array([0, 1, 0], dtype), rtol=10, atol=10)
    assert (result.passed, result.n_mismatched, result.worst_index) == (False, 1, (2,))
    assert result.needed_atol is None


def test_large_integers_that_float64_cannot_tell_apart():
    a = np.array([2**62, 5], np.int64)
    result = compare_arrays(a, a + np.array([1, 0]))
    assert (result.passed, result.n_mismatched, result.worst_index) == (False, 1, (0,))
    u = np.array([2**64 - 1], np.uint64)
    assert not compare_arrays(u, u - np.uint64(1)).passed


def test_numbers_of_a_known_case():
    reference = np.array([[1.0, 2.0], [0.0, -4.0]], np.float32)
    candidate = np.array([[1.0, 2.5], [0.0, -4.0]], np.float32)
    result = compare_arrays(reference, candidate)
    assert result.tolerance == DEFAULTS["float32"] == (1e-3, 1e-5)
    assert (result.max_abs, result.mean_abs, result.max_rel) == (0.5, 0.125, 0.25)
    assert result.worst_index == (0, 1)
    assert result.needed_atol == pytest.approx(0.5 - 2e-3)
    assert result.needed_rtol == pytest.approx((0.5 - 1e-5) / 2)


def test_no_relative_tolerance_helps_where_the_reference_is_zero():
    result = compare_arrays(np.zeros(2, np.float32), np.array([0, 1], np.float32))
    assert result.max_rel == np.inf
    assert result.needed_rtol is None
    assert result.needed_atol == 1.0


def test_largest_floats():
    top = np.array([np.finfo(np.float64).max])
    result = compare_arrays(top, -top)
    assert not result.passed
    assert result.needed_atol is None


def test_complex():
    a = np.array([1 + 1j, 2], np.complex64)
    assert compare_arrays(a, a * (1 + 1e-4)).passed
    assert not compare_arrays(a, a * 1j).passed


def test_strings_are_not_compared():
    result = compare_arrays(np.array(["a"], object), np.array(["a"], object))
    assert not result.passed
    assert "cannot be compared" in result.reason


@pytest.mark.parametrize("bad", [-1e-9, float("nan")])
def test_impossible_tolerances(bad):
    with pytest.raises(ValueError, match="0 or more"):
        compare_arrays(np.zeros(1), np.zeros(1), rtol=bad)
    with pytest.raises(ValueError, match="0 or more"):
        compare_arrays(np.zeros(1), np.zeros(1), atol=bad)


def test_a_tolerance_asked_for_replaces_only_itself():
    assert tolerance_for(np.dtype(np.float16), atol=0.5) == (1e-2, 0.5)
    assert tolerance_for(np.dtype(np.int32), 1.0, 1.0) == (0.0, 0.0)
