"""The verdict over all outputs: same, different, or a comparison that could not have failed."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphdoctor.compare.arrays import Comparison, compare_arrays
from graphdoctor.compare.tolerance import tolerance_for
from graphdoctor.types import Array

FACTOR = 10.0
"""How many tolerances a reference must move between two inputs for a comparison to mean something."""

Outputs = Mapping[str, Array]


class Verdict3(enum.Enum):
    """INCONCLUSIVE: equal, but the output hardly depends on the input, so that equality shows nothing."""

    SAME = "same"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Whether an output moves between two different inputs.

    ``tolerances`` is the largest move of an element in units of its own tolerance (infinite where the tolerance is
    zero), ``share`` the part of the elements that move by `FACTOR` tolerances.
    """

    moves: bool
    tolerances: float
    share: float
    reason: str


@dataclass(frozen=True, slots=True)
class OutputJudgement:
    """One output: its verdict, why, how far it is off, and whether it moves (``None``: there was nothing to ask)."""

    name: str
    verdict: Verdict3
    reason: str
    comparison: Comparison | None
    sensitivity: Sensitivity | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict over all outputs: one that differs decides; else one that does not move."""

    verdict: Verdict3
    reason: str
    outputs: tuple[OutputJudgement, ...]


def sensitivity(
    reference_a: Array, reference_b: Array, rtol: float | None = None, atol: float | None = None
) -> Sensitivity:
    """Whether the reference moves by `FACTOR` tolerances or more between two different inputs.

    Elements that are not finite on both sides do not count as moved. Integers and booleans move when they change.

    Raises:
        ValueError: a tolerance is negative or not a number.
    """
    a, b = np.asarray(reference_a), np.asarray(reference_b)
    if a.shape != b.shape:
        return Sensitivity(True, np.inf, 1.0, "its shape depends on the input")
    if a.size == 0:
        return Sensitivity(False, 0.0, 0.0, "it has no elements")
    moved = _moves(a, b, rtol, atol)
    largest, share = float(moved.max()), float(np.mean(moved >= FACTOR))
    if largest >= FACTOR:
        return Sensitivity(True, largest, share, f"it moves by up to {largest:.3g} tolerances")
    text = f"it moves by at most {largest:.3g} tolerances between two inputs, {FACTOR:g} are needed"
    return Sensitivity(False, largest, share, text)


def _moves(a: Array, b: Array, rtol: float | None, atol: float | None) -> Array:
    """By how many tolerances each element moves."""
    tolerance = tolerance_for(a.dtype, rtol, atol)
    finite = np.isfinite(a) & np.isfinite(b)
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    x, y = np.where(finite, a, 0).astype(wide), np.where(finite, b, 0).astype(wide)
    allowed = tolerance.atol + tolerance.rtol * np.maximum(np.abs(x), np.abs(y))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        moved = np.abs(x - y) / allowed
    return np.where(finite & (a != b), np.where(allowed == 0, np.inf, moved), 0.0)


def judge(
    references: Sequence[Outputs],
    candidates: Sequence[Outputs],
    *,
    rtol: float | None = None,
    atol: float | None = None,
) -> Judgement:
    """Compare a candidate's outputs with the reference's, on inputs that must make a difference.

    Args:
        references: the reference's outputs for each of two or more different inputs.
        candidates: the candidate's, for the same inputs in the same order; it may have stopped after the first.
            Outputs are matched by name.

    Raises:
        ValueError: there is no candidate run, fewer than two of the reference, or more candidates than references.
    """
    if len(references) < 2 or not 1 <= len(candidates) <= len(references):
        raise ValueError("two reference runs and one to as many candidate runs are needed")
    names = list(dict.fromkeys([*references[0], *candidates[0]]))
    outputs = tuple(_judge_output(name, references, candidates, rtol, atol) for name in names)
    return Judgement(*_overall(outputs), outputs)


def _judge_output(
    name: str,
    references: Sequence[Outputs],
    candidates: Sequence[Outputs],
    rtol: float | None,
    atol: float | None,
) -> OutputJudgement:
    pairs = list(zip(references, candidates, strict=False))
    for who, position in (("reference", 0), ("candidate", 1)):
        if any(name not in pair[position] for pair in pairs):
            return OutputJudgement(name, Verdict3.DIFFERENT, f"the {who} has no such output", None, None)
    comparisons = [compare_arrays(ref[name], cand[name], rtol, atol) for ref, cand in pairs]
    worst = min(comparisons, key=lambda c: (c.passed, -c.n_mismatched, -c.max_abs))
    moves = sensitivity(references[0][name], references[1][name], rtol, atol)
    if not worst.passed:
        return OutputJudgement(name, Verdict3.DIFFERENT, worst.reason, worst, moves)
    if not moves.moves:
        text = f"equal, but {moves.reason}: equality shows nothing"
        return OutputJudgement(name, Verdict3.INCONCLUSIVE, text, worst, moves)
    return OutputJudgement(name, Verdict3.SAME, "", worst, moves)


def _overall(outputs: Sequence[OutputJudgement]) -> tuple[Verdict3, str]:
    if not outputs:
        return Verdict3.INCONCLUSIVE, "no output was compared"
    for verdict in (Verdict3.DIFFERENT, Verdict3.INCONCLUSIVE):
        hit = [o for o in outputs if o.verdict is verdict]
        if hit:
            return verdict, f"{hit[0].name}: {hit[0].reason}"
    return Verdict3.SAME, ""
