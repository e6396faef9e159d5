"""What a Const of a UFF file holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphdoctor.errors import InputError
from graphdoctor.types import Array, DType
from graphdoctor.wire.uff.data import Blob
from graphdoctor.wire.uff.dtypes import dtype_of, dtype_text
from graphdoctor.wire.uff.model import UffModel, UffNode


@dataclass(frozen=True, slots=True)
class UffConstant:
    """A Const: ``number`` is UFF's type number, ``shape`` as the file says it, ``blob`` in C order, little-endian."""

    id: str
    number: int
    shape: tuple[int, ...]
    blob: Blob

    @property
    def dtype(self) -> DType:
        """INVALID where UFF has no name for the type."""
        return dtype_of(self.number)

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return memoryview(self.blob).nbytes

    @property
    def expected(self) -> int | None:
        """Bytes that type and shape ask for; ``None`` for a type without a name or a negative dimension."""
        numpy = self.dtype.numpy
        if numpy is None or any(d < 0 for d in self.shape):
            return None
        return math.prod(self.shape) * numpy.itemsize

    def array(self) -> Array:
        """The values, not copied.

        Raises:
            InputError: the type has no name, or the bytes are not as many as type and shape ask for.
        """
        import numpy as np

        if self.expected is None or self.expected != self.size:
            what = f"{dtype_text(self.number)}{list(self.shape)}"
            raise InputError(
                f"Const {self.id!r} is {what} and has {self.size:,} bytes",
                remedy="Convert the graph again; the values cannot be told from this file",
            )
        return np.frombuffer(self.blob, np.dtype(self.dtype.numpy).newbyteorder("<")).reshape(self.shape)


def constant_of(model: UffModel, node: UffNode) -> UffConstant | None:
    """What ``node``, a Const, holds; ``None`` where type, shape or values are missing or of another kind."""
    number, shape = model.value(node, "dtype", "dtype"), model.value(node, "shape", "i_list")
    blob = model.blob(node)
    if not isinstance(number, int) or not isinstance(shape, tuple) or blob is None:
        return None
    return UffConstant(node.id, number, shape, blob)
