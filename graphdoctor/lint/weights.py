"""The magnitudes of a constant, read in pieces that fit the processor's cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphdoctor.types import Array
from graphdoctor.wire.tensors import Tensor

FP16_TINY = 2.0**-24
"""Smallest positive number of FP16; half of it and less becomes zero."""
_PIECE = 1 << 16


@dataclass(slots=True)
class WeightStats:
    """What a float constant holds.

    Attributes:
        size: number of values.
        nan: how many are NaN.
        infinite: how many are infinite.
        largest: the largest finite magnitude, 0 where there is none.
        nonzero: how many are finite and not zero.
        tiny: how many of those are below :data:`FP16_TINY`.
    """

    size: int
    nan: int = 0
    infinite: int = 0
    largest: float = 0.0
    nonzero: int = 0
    tiny: int = 0


def scan(tensor: Tensor) -> WeightStats:
    """Read ``tensor`` once, without a copy of it.

    Raises:
        TensorError: the constant is damaged.
    """
    array = tensor.array()
    if array.size and all(s == 0 for s, d in zip(array.strides, array.shape, strict=True) if d > 1):
        return _repeated(array)
    stats = WeightStats(array.size)
    flat = array.reshape(-1)
    buffer = np.empty(min(_PIECE, flat.size), flat.dtype)
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, _PIECE):
            piece = flat[start : start + _PIECE]
            _add(stats, np.abs(piece, out=buffer[: piece.size]))
    return stats


def _add(stats: WeightStats, magnitudes: Array) -> None:
    largest = float(magnitudes.max())
    if not largest < np.inf:  # infinite, or NaN
        nan = np.isnan(magnitudes)
        stats.nan += int(nan.sum())
        stats.infinite += int(np.isinf(magnitudes).sum())
        magnitudes = magnitudes[np.isfinite(magnitudes)]
        largest = float(magnitudes.max()) if magnitudes.size else 0.0
    stats.largest = max(stats.largest, largest)
    if not magnitudes.size:
        return
    if float(magnitudes.min()) >= FP16_TINY:
        stats.nonzero += magnitudes.size
        return
    nonzero = int(np.count_nonzero(magnitudes))
    stats.nonzero += nonzero
    stats.tiny += int(np.count_nonzero(magnitudes < FP16_TINY)) - (magnitudes.size - nonzero)


def _repeated(array: Array) -> WeightStats:
    """One value stands for all: it is looked at once."""
    stats = WeightStats(1)
    _add(stats, np.abs(array[(0,) * array.ndim].reshape(1)))
    n = array.size
    return WeightStats(n, stats.nan * n, stats.infinite * n, stats.largest, stats.nonzero * n, stats.tiny * n)
