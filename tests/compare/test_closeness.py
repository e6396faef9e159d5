"""What a tensor within a graph may be off."""

from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.compare.closeness import rounding_of, spread_of
from graphdoctor.compare.made_up import made_up

FIRST = np.asarray([1000.0, 1001.0, 1002.0], np.float32)


def test_a_pedestal_gives_no_room_but_its_last_places() -> None:
    spread = spread_of(FIRST, FIRST + np.float32(1))
    assert spread == pytest.approx(1)
    assert 1e-3 < rounding_of(FIRST, spread) < 4e-3


def test_integers_and_what_does_not_move_have_none() -> None:
    assert rounding_of(np.arange(3), 5.0) == 0
    assert spread_of(FIRST, FIRST) == 0
    assert rounding_of(np.zeros(3, np.float32), 0.0) == 0


def test_of_another_shape_and_of_nothing_finite() -> None:
    assert spread_of(FIRST, FIRST[:2]) == pytest.approx(np.std(FIRST))
    assert spread_of(np.asarray([np.nan], np.float32), np.asarray([1], np.float32)) == 0
    assert np.isfinite(rounding_of(np.asarray([np.inf, 1], np.float32), 0.0))


def test_made_up_values_are_the_same_again_and_unlike_those_before() -> None:
    value = np.linspace(1, 2, 1000, dtype=np.float32)
    few, others = made_up("few", "a", value, 0), made_up("others", "a", value, 0)
    assert 0 < np.count_nonzero(few) < 60
    assert (others >= value).all()
    assert not np.array_equal(others, value)
    assert np.array_equal(few, made_up("few", "a", value, 0))
    assert few.dtype == others.dtype == value.dtype
