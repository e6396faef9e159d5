"""What is known of a value before the graph runs: dtype, shape, and the value itself where it is small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphdoctor.types import Array, DType, Shape, dims_text

PARTIAL_LIMIT = 4096
"""Values of more elements are not carried through inference."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """dtype, shape and, for small tensors, the value.

    ``value`` is a numpy array of the tensor's dtype when every element is known, an array of dtype ``object`` with
    ``None`` at the unknown elements when some are, and ``None`` when nothing is known. Partial values let
    Shape/StridedSlice/Pack/Reshape chains resolve although the batch is unknown.
    """

    dtype: DType = DType.INVALID
    shape: Shape = None
    value: Array | None = None

    @property
    def rank(self) -> int | None:
        """Number of dimensions, ``None`` if unknown."""
        return None if self.shape is None else len(self.shape)

    @property
    def is_known(self) -> bool:
        """True if every element of the value is known."""
        return self.value is not None and self.value.dtype != object

    @property
    def constant(self) -> Array | None:
        """The value if every element is known, else ``None``."""
        return self.value if self.is_known else None

    @property
    def is_static(self) -> bool:
        """True if every dimension is known."""
        return self.shape is not None and all(d is not None for d in self.shape)

    def ints(self) -> tuple[int | None, ...] | None:
        """The elements of a small integer tensor in order, ``None`` at unknown ones; ``None`` if nothing is known."""
        if self.value is None:
            return None
        return tuple(None if v is None else int(v) for v in self.value.reshape(-1).tolist())

    def __str__(self) -> str:
        return f"{self.dtype.label}{dims_text(self.shape)}"


UNKNOWN_SPEC = TensorSpec()


def partial_ints(items: tuple[int | None, ...], dtype: DType = DType.INT32) -> Array:
    """A vector with possibly unknown elements, as :class:`TensorSpec` holds it."""
    if any(i is None for i in items):
        vector = np.empty(len(items), dtype=object)
        vector[:] = items
        return vector
    return np.asarray(items, dtype=dtype.numpy)
