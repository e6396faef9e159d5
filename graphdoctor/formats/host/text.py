"""Names and numbers of a graph as Python text; nothing that a file says can become code."""

from __future__ import annotations

import base64
import builtins
import keyword
import re
import zlib

import numpy as np

from graphdoctor.formats.host import library
from graphdoctor.formats.host.call import CannotWriteError, numpy_name, real_text
from graphdoctor.types import Array, DType

RESERVED = frozenset({"preprocess", "postprocess", "run", "between", "Array", "STEPS", "OUTPUTS"})
_TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *dir(library), "np", *RESERVED})
_READABLE = 64
"""Constants of so many elements are written out; larger ones are packed."""
_WIDTH = 100


class Names:
    """Python names, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, wanted: str, *, upper: bool = False) -> str:
        """A name like the last part of ``wanted`` that was not given before; ``upper`` for a constant of the file."""
        base = re.sub(r"[^0-9a-z]+", "_", _words(wanted.rsplit("/", 1)[-1])).strip("_") or "value"
        base = f"v_{base}" if base[0].isdigit() else base
        base = base.upper() if upper else base
        name, k = base, 1
        while name in self._given or name in _TAKEN:
            k += 1
            name = f"{base}_{k}"
        self._given.add(name)
        return name


def _words(name: str) -> str:
    """``TensorArrayV3`` -> ``tensor_array_v3``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def plain(text: str) -> str:
    """``text`` for a comment or a docstring: one line, and nothing that ends either."""
    return re.sub(r"[^\w./:>\[\],?*(){}= +-]", "?", text, flags=re.ASCII)


def scalar_text(value: Array) -> str:
    """A scalar in its own dtype: ``np.float32(0.5)``."""
    item = value.reshape(()).item()
    kind = numpy_name(DType.from_numpy(value.dtype))
    if isinstance(item, bool | int):
        return f"{kind}({item})"
    short = float(str(value.reshape(())[()]))
    return f"{kind}({real_text(short if value.dtype.type(short) == value else item)})"


def array_text(value: Array) -> str:
    """A constant, readable where it is small."""
    kind = numpy_name(DType.from_numpy(value.dtype))
    if value.size <= _READABLE and np.isfinite(value).all() and value.dtype.kind != "c":
        listed = f"np.array({_listed(value)}, {kind})"
        if len(listed) <= _WIDTH and value.size:
            return listed
        if not value.size:
            return f"np.zeros({tuple(value.shape)}, {kind})"
    packed = base64.b85encode(zlib.compress(np.ascontiguousarray(value).tobytes(), 9)).decode()
    lines = [packed[i : i + _WIDTH] for i in range(0, len(packed), _WIDTH)]
    body = "".join(f'\n    "{line}"' for line in lines)
    return f'constant(\n    "{value.dtype.str}",\n    {tuple(value.shape)},{body},\n)'


def _listed(value: Array) -> str:
    if value.dtype.kind != "f":
        return str(value.tolist())
    if value.ndim == 0:
        short = float(str(value[()]))
        return repr(short if value.dtype.type(short) == value else value.item())
    return f"[{', '.join(_listed(v) for v in np.asarray(value))}]"


def check_constant(dtype: DType) -> None:
    """Refuse constants that numpy does not have.

    Raises:
        CannotWriteError: it is one.
    """
    if dtype.numpy is None or dtype.numpy.kind not in "biufc":
        raise CannotWriteError(f"it is a constant of {dtype.label}")
