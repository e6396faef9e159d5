"""One output against its reference, element by element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdoctor.compare.tolerance import Tolerance, tolerance_for
from graphdoctor.types import Array

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far a candidate is from its reference.

    It passes when every element has ``|candidate - reference| <= atol + rtol * |reference|``, NaNs and infinities
    (with their sign) stand at the same places, and dtype and shape are equal; ``reason`` says what failed.

    The errors are over the elements finite on both sides; ``max_rel`` is infinite where the reference is zero and
    the candidate is not. ``worst_index`` is the element that is furthest beyond its tolerance, or closest to it.
    ``needed_atol`` is the smallest ``atol`` that would pass at this ``rtol``, ``needed_rtol`` the smallest ``rtol``
    at this ``atol``; ``None`` where none would.
    """

    passed: bool
    reason: str
    tolerance: Tolerance
    size: int = 0
    n_mismatched: int = 0
    max_abs: float = 0.0
    mean_abs: float = 0.0
    max_rel: float = 0.0
    worst_index: Index | None = None
    worst_reference: float | complex | None = None
    worst_candidate: float | complex | None = None
    needed_atol: float | None = None
    needed_rtol: float | None = None


def compare_arrays(
    reference: Array, candidate: Array, rtol: float | None = None, atol: float | None = None
) -> Comparison:
    """Compare ``candidate`` with ``reference``; a tolerance left out is the dtype's default.

    Integers and booleans must be equal, whatever the tolerance.

    Raises:
        ValueError: a tolerance is negative or not a number.
    """
    reference, candidate = np.asarray(reference), np.asarray(candidate)
    tolerance = tolerance_for(reference.dtype, rtol, atol)
    reason = _form_reason(reference, candidate)
    if reason:
        return Comparison(False, reason, tolerance, reference.size, n_mismatched=reference.size)
    if reference.size == 0:
        return Comparison(True, "", tolerance, needed_atol=0.0, needed_rtol=0.0)
    return _compare(reference, candidate, tolerance)


def _form_reason(reference: Array, candidate: Array) -> str:
    if reference.dtype != candidate.dtype:
        return f"the dtype is {candidate.dtype} and not {reference.dtype}"
    if reference.shape != candidate.shape:
        return f"the shape is {list(candidate.shape)} and not {list(reference.shape)}"
    if reference.dtype.kind not in "biufc":
        return f"values of dtype {reference.dtype} cannot be compared"
    return ""


def _compare(reference: Array, candidate: Array, tolerance: Tolerance) -> Comparison:
    finite = np.isfinite(reference) & np.isfinite(candidate)
    odd = ~finite & ~_same_odd(reference, candidate)
    size_b, error = _magnitudes(reference, candidate, finite)
    allowed = tolerance.atol + tolerance.rtol * size_b
    beyond = finite & ((error > allowed) | (_unequal(reference, candidate) & (allowed == 0)))
    mismatched = int(np.count_nonzero(beyond) + np.count_nonzero(odd))
    hopeless = bool(odd.any()) or (mismatched > 0 and reference.dtype.kind in "biu")
    worst = _worst(odd, finite, error - allowed)
    return Comparison(
        passed=mismatched == 0,
        reason=_reason(reference, candidate, mismatched, worst, bool(odd.any())),
        tolerance=tolerance,
        size=reference.size,
        n_mismatched=mismatched,
        max_abs=float(error.max()),
        mean_abs=float(error.sum() / max(1, np.count_nonzero(finite))),
        max_rel=float(_ratio(error, size_b).max()),
        worst_index=worst,
        worst_reference=reference[worst].item(),
        worst_candidate=candidate[worst].item(),
        needed_atol=None if hopeless else _needed_atol(error, size_b, tolerance.rtol),
        needed_rtol=None if hopeless else _needed_rtol(error, size_b, tolerance.atol),
    )


def _unequal(reference: Array, candidate: Array) -> Array:
    """Two 64-bit integers can differ where their float64 difference is rounded to nothing."""
    return np.asarray(reference != candidate)


def _same_odd(reference: Array, candidate: Array) -> Array:
    return np.asarray((reference == candidate) | (np.isnan(reference) & np.isnan(candidate)))


def _magnitudes(reference: Array, candidate: Array, finite: Array) -> tuple[Array, Array]:
    """|reference| and |candidate - reference| in float64, zero where either side is not finite."""
    wide: Any = np.complex128 if reference.dtype.kind == "c" else np.float64
    b = np.where(finite, reference, 0).astype(wide)
    a = np.where(finite, candidate, 0).astype(wide)
    with np.errstate(over="ignore"):  # two float64 of opposite sign can be further apart than float64 reaches
        return np.abs(b), np.abs(a - b)


def _worst(odd: Array, finite: Array, excess: Array) -> Index:
    place = np.argmax(odd) if odd.any() else np.argmax(np.where(finite, excess, -np.inf))
    return tuple(int(i) for i in np.unravel_index(int(place), odd.shape))


def _ratio(error: Array, size: Array) -> Array:
    """error / size, with 0 / 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(error == 0, 0.0, error / size)


def _needed_atol(error: Array, size_b: Array, rtol: float) -> float | None:
    needed = max(0.0, float((error - rtol * size_b).max()))
    return _grown(needed, lambda atol: _all_within(error, size_b, Tolerance(rtol, atol)))


def _needed_rtol(error: Array, size_b: Array, atol: float) -> float | None:
    needed = max(0.0, float(_ratio(np.maximum(error - atol, 0.0), size_b).max()))
    return _grown(needed, lambda rtol: _all_within(error, size_b, Tolerance(rtol, atol)))


def _all_within(error: Array, size_b: Array, tolerance: Tolerance) -> bool:
    with np.errstate(over="ignore"):
        return bool((error <= tolerance.atol + tolerance.rtol * size_b).all())


def _grown(value: float, passes: Callable[[float], bool]) -> float | None:
    """``value``, made larger by what rounding took from it; ``None`` when no finite value passes."""
    for _ in range(8):
        if not np.isfinite(value):
            return None
        if passes(value):
            return value
        value = float(np.nextafter(value * (1 + 1e-15), np.inf))
    return None


def _reason(reference: Array, candidate: Array, mismatched: int, worst: Index, odd: bool) -> str:
    if not mismatched:
        return ""
    values = f"{candidate[worst]} and not {reference[worst]} at {list(worst)}"
    share = f"{mismatched} of {reference.size} elements"
    return f"{share} {'differ in NaN or infinity or' if odd else 'are'} beyond the tolerance, first {values}"
