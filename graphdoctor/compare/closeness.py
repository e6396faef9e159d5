"""Rounding told from error, for tensors within a graph: small against how far a tensor moves, not its size alone.

A signal of 1 on top of 1000 can be lost within a thousandth, and behind a subtraction it is all there is.
"""

from __future__ import annotations

import numpy as np

from graphdoctor.types import Array

SHARE = 1e-3
"""Of the root mean square of its moves, what a tensor may be off."""
ULPS = 16
"""What it may be off beside that, in units of the last place of its largest element."""


def spread_of(first: Array, second: Array) -> float:
    """How far a float tensor moves between two inputs, root mean square; its values, where its shape moves."""
    if first.dtype.kind != "f" or not first.size:
        return 0.0
    moves = first.astype(np.float64) - second if first.shape == second.shape else first - np.mean(first)
    finite = moves[np.isfinite(moves)]
    return float(np.sqrt(np.mean(np.square(finite, dtype=np.float64)))) if finite.size else 0.0


def rounding_of(reference: Array, spread: float) -> float:
    """What each element of a float tensor may be off, in its unit, if it moves by ``spread``; 0 for other tensors.

    An element near zero may be the difference of two large ones, so it is not asked to be closer than those are.
    """
    if reference.dtype.kind != "f":
        return 0.0
    largest = float(np.abs(reference[np.isfinite(reference)]).max(initial=0.0))
    return SHARE * spread + ULPS * float(np.finfo(reference.dtype).eps) * largest
