from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.compare import Verdict3, judge, sensitivity

A = np.array([0.1, 0.9], np.float32)
B = np.array([0.8, 0.2], np.float32)
FLAT = np.array([0.5, 0.5], np.float32)


def test_same():
    result = judge([{"y": A}, {"y": B}], [{"y": A + 1e-6}])
    assert result.verdict is Verdict3.SAME
    assert result.reason == ""
    (output,) = result.outputs
    assert output.comparison.passed
    assert output.sensitivity.moves


def test_an_output_that_does_not_move_is_inconclusive():
    result = judge([{"y": FLAT}, {"y": FLAT + 1e-6}], [{"y": FLAT}])
    assert result.verdict is Verdict3.INCONCLUSIVE
    assert result.reason.startswith("y: equal, but it moves by at most")


def test_one_flat_output_makes_the_whole_inconclusive():
    result = judge([{"y": A, "z": FLAT}, {"y": B, "z": FLAT}], [{"y": A, "z": FLAT}])
    assert [o.verdict for o in result.outputs] == [Verdict3.SAME, Verdict3.INCONCLUSIVE]
    assert result.verdict is Verdict3.INCONCLUSIVE


def test_different_wins_over_inconclusive():
    result = judge([{"z": FLAT, "y": A}, {"z": FLAT, "y": B}], [{"z": FLAT, "y": B}])
    assert result.verdict is Verdict3.DIFFERENT
    assert result.reason.startswith("y: ")


def test_a_flat_output_that_differs_is_different():
    assert judge([{"y": FLAT}, {"y": FLAT}], [{"y": FLAT * 2}]).verdict is Verdict3.DIFFERENT


def test_a_candidate_that_is_right_on_the_first_input_only():
    """It might have the first answer built in."""
    assert judge([{"y": A}, {"y": B}], [{"y": A}, {"y": A}]).verdict is Verdict3.DIFFERENT
    assert judge([{"y": A}, {"y": B}], [{"y": A}, {"y": B}]).verdict is Verdict3.SAME


def test_missing_outputs_are_different():
    for reference, candidate, who in (
        ({"y": A, "z": A}, {"y": A}, "candidate"),
        ({"y": A}, {"y": A, "z": A}, "reference"),
    ):
        result = judge([reference, dict.fromkeys(reference, B)], [candidate])
        assert result.verdict is Verdict3.DIFFERENT
        assert result.reason == f"z: the {who} has no such output"


def test_nothing_compared_is_inconclusive():
    assert judge([{}, {}], [{}]).verdict is Verdict3.INCONCLUSIVE


def test_nothing_but_nan_is_inconclusive():
    nan = np.full(3, np.nan, np.float32)
    assert judge([{"y": nan}, {"y": nan}], [{"y": nan}]).verdict is Verdict3.INCONCLUSIVE


def test_an_empty_output_is_inconclusive():
    empty = np.zeros((0, 4), np.float32)
    assert judge([{"y": empty}, {"y": empty}], [{"y": empty}]).verdict is Verdict3.INCONCLUSIVE


def test_a_tolerance_that_nothing_could_exceed_is_inconclusive():
    assert judge([{"y": A}, {"y": B}], [{"y": A}], atol=100).verdict is Verdict3.INCONCLUSIVE
    assert judge([{"y": A}, {"y": B}], [{"y": A}], rtol=np.inf).verdict is Verdict3.INCONCLUSIVE


def test_classes_that_change_with_the_input():
    a, b = np.array([3], np.int64), np.array([7], np.int64)
    assert judge([{"y": a}, {"y": b}], [{"y": a}]).verdict is Verdict3.SAME
    assert judge([{"y": a}, {"y": a}], [{"y": a}]).verdict is Verdict3.INCONCLUSIVE


@pytest.mark.parametrize("references, candidates", [(1, 1), (2, 0), (2, 3)])
def test_wrong_number_of_runs(references, candidates):
    with pytest.raises(ValueError, match="two reference runs"):
        judge([{"y": A}] * references, [{"y": A}] * candidates)


@given(st.floats(-100, 100), st.floats(0.0, 100.0))
def test_ten_tolerances_are_the_limit(value, moved):
    a = np.array([value])
    b = a + moved * 1e-5
    result = sensitivity(a, b, rtol=0.0, atol=1e-5)
    assert result.tolerances == pytest.approx(abs(b - a)[0] / 1e-5)
    assert result.moves == (result.tolerances >= 10)


def test_sensitivity_shares_and_shapes():
    a, b = np.zeros(4, np.float32), np.array([0, 0, 0, 1], np.float32)
    assert sensitivity(a, b).share == 0.25
    assert sensitivity(np.zeros(3), np.zeros(4)).moves
    assert not sensitivity(np.array([np.inf]), np.array([1.0])).moves
    assert sensitivity(np.array([True]), np.array([False])).moves
    assert sensitivity(a, b, rtol=0, atol=0).tolerances == np.inf
