"""Values made up for tensors within a graph, from those that it had there: what no input at hand would bring about."""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np

from graphdoctor.types import Array

Kind = Literal["few", "others"]
_FEW = 0.02
"""The share of values that are not zero: hardly anything is left to choose from."""


def made_up(kind: Kind, name: str, value: Array, seed: int) -> Array:
    """Of the float tensor ``name`` with ``value``: with most elements zero, or with others of like size.

    The same for the same kind, name and seed.
    """
    rng = np.random.default_rng([seed & 0xFFFF_FFFF, zlib.crc32(name.encode("utf-8", "surrogatepass"))])
    if kind == "few":
        return np.asarray(np.where(rng.random(value.shape) < _FEW, value, 0), value.dtype)
    finite = value[np.isfinite(value)]
    size = float(np.abs(finite).mean()) if finite.size else 0.0
    return np.asarray(value + rng.uniform(0, size or 1.0, value.shape), value.dtype)
