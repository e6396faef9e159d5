"""How far two results may be apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Tolerance(NamedTuple):
    """``|a - b| <= atol + rtol * |b|``, with b the reference; ``atol`` is in the unit of the values."""

    rtol: float
    atol: float


EXACT = Tolerance(0.0, 0.0)

DEFAULTS: Mapping[str, Tolerance] = {
    "float16": Tolerance(1e-2, 1e-3),
    "float32": Tolerance(1e-3, 1e-5),
    "float64": Tolerance(1e-3, 1e-5),
    "complex64": Tolerance(1e-3, 1e-5),
    "complex128": Tolerance(1e-3, 1e-5),
}
"""By numpy's name of the dtype. Integers and booleans are compared exactly, whatever is asked for.

float64 is as loose as float32: engines compute in 32 bits.
"""


def tolerance_for(dtype: np.dtype[Any], rtol: float | None = None, atol: float | None = None) -> Tolerance:
    """The default tolerance for ``dtype``, with what was asked for in its place.

    Raises:
        ValueError: a tolerance is negative or not a number.
    """
    for value in (rtol, atol):
        if value is not None and not value >= 0:
            raise ValueError(f"a tolerance must be 0 or more, not {value}")
    if dtype.kind not in "fc":
        return EXACT
    default = DEFAULTS.get(dtype.name, DEFAULTS["float32"])
    return Tolerance(default.rtol if rtol is None else rtol, default.atol if atol is None else atol)
