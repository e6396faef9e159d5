"""A piece of work that crashes, hangs or raises costs its own result alone."""

from __future__ import annotations

import faulthandler
import os
import time

import pytest

from graphdoctor.jobs.spec import FailureKind
from graphdoctor.workers import _children
from graphdoctor.workers._serve import RefusedError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


def refuse():
    raise RefusedError("not with me")


def crash():
    faulthandler.disable()  # pytest's writes to the terminal
    os.write(2, b"the last words\n")
    os.abort()


@pytest.fixture
def outcomes(tmp_path, monkeypatch):
    def run(*pieces, seconds=60.0, at_once=2):
        monkeypatch.chdir(tmp_path)
        return _children.run_in_children(pieces, seconds=seconds, at_once=at_once)

    return run


@pytest.mark.parametrize("at_once", [0, 1, 3])
def test_results_come_in_the_order_of_the_pieces(outcomes, at_once):
    made = outcomes(*(lambda k=k: {"number": k} for k in range(7)), at_once=at_once)
    assert [(data, failure) for data, failure, _ in made] == [({"number": k}, None) for k in range(7)]


def test_a_crash_leaves_the_others_alone(outcomes):
    first, crashed, last = outcomes(lambda: 1, crash, lambda: 3)
    assert (first[0], last[0]) == (1, 3)
    data, failure, log = crashed
    assert data is None
    assert failure.kind is FailureKind.SIGNAL
    assert "crashed with SIGABRT: the last words" in failure.message
    assert "the last words" in log


def test_what_hangs_is_stopped(outcomes):
    start = time.monotonic()
    stuck, good = outcomes(lambda: time.sleep(60), lambda: 2, seconds=0.5)
    assert time.monotonic() - start < 20
    assert stuck[1].kind is FailureKind.TIMEOUT
    assert "did not finish in 0.5 s" in stuck[1].message
    assert good[0] == 2


def test_a_refusal_is_a_failure_in_words(outcomes):
    ((data, failure, _),) = outcomes(refuse)
    assert data is None
    assert (failure.kind, failure.message) == (FailureKind.ERROR, "not with me")


def test_a_child_that_leaves_without_a_result(outcomes):
    ((data, failure, _),) = outcomes(lambda: os._exit(0))
    assert data is None
    assert failure.kind is FailureKind.NO_RESULT


def test_nothing_to_do(outcomes):
    assert outcomes() == []
