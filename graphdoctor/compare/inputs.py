"""Input values: seeded, or from the user's .npz file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphdoctor.errors import InputError
from graphdoctor.findings import TensorInfo
from graphdoctor.types import Array, Shape, dims_text, element_count

MAX_ELEMENTS = 1 << 28
"""Most elements that are made up for one input."""
_TRIES = 16
Ranges = Mapping[str, tuple[float, float]]


def seeded_inputs(
    specs: Iterable[TensorInfo], seed: int, *, unknown_batch: int = 1, ranges: Ranges | None = None
) -> dict[str, Array]:
    """Random values for each input: the same for the same name, dtype, shape and ``seed``, in any order.

    Floats are uniform in [-1, 1), integers in [0, 10), uint8 in [0, 256), booleans even; ``ranges`` gives another
    half-open range by input name.

    Args:
        unknown_batch: what an unknown first dimension becomes; other unknown dimensions are errors.

    Raises:
        InputError: a dtype or shape for which values cannot be made up.
    """
    return {spec.name: _values(spec, seed, unknown_batch, ranges or {}) for spec in specs}


def seeded_pair(
    specs: Sequence[TensorInfo], seed: int, *, unknown_batch: int = 1, ranges: Ranges | None = None
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Two sets of inputs, the second different from the first in every input that has elements.

    Raises:
        InputError: as `seeded_inputs`, and where a range leaves no second value.
    """
    first = seeded_inputs(specs, seed, unknown_batch=unknown_batch, ranges=ranges)
    second = {}
    for spec in specs:
        for step in range(1, _TRIES + 1):
            values = _values(spec, seed + step, unknown_batch, ranges or {})
            if not values.size or not np.array_equal(values, first[spec.name]):
                break
        else:
            raise InputError("no second, different value lies in its range", where=spec.name, remedy="Widen the range")
        second[spec.name] = values
    return first, second


def _values(spec: TensorInfo, seed: int, unknown_batch: int, ranges: Ranges) -> Array:
    dtype = _numpy_dtype(spec)
    shape = _known_shape(spec, unknown_batch)
    rng = np.random.default_rng([seed & 0xFFFF_FFFF, zlib.crc32(spec.name.encode("utf-8", "surrogatepass"))])
    low, high = _range(spec.name, dtype, ranges)
    if dtype.kind == "b":
        return np.asarray(rng.integers(0, 2, shape), dtype)
    if dtype.kind in "iu":
        return np.asarray(rng.integers(int(low), int(high), shape, dtype=dtype))
    real = rng.uniform(low, high, shape)
    if dtype.kind == "c":
        return np.asarray(real + 1j * rng.uniform(low, high, shape), dtype)
    return np.asarray(real, dtype)


def _range(name: str, dtype: np.dtype[Any], ranges: Ranges) -> tuple[float, float]:
    if name not in ranges:
        return (-1.0, 1.0) if dtype.kind in "fc" else (0, 256) if dtype == np.uint8 else (0, 10)
    low, high = ranges[name]
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    if not low < high or (limits and not (limits.min <= int(low) < int(high) <= int(limits.max) + 1)):
        raise InputError(
            f"the range {low:g} to {high:g} holds no value of dtype {dtype}",
            where=name,
            remedy="Give a lower and a higher bound that the dtype can hold",
        )
    return low, high


def _numpy_dtype(spec: TensorInfo) -> np.dtype[Any]:
    dtype = spec.dtype.numpy
    if dtype is None or dtype.kind not in "biufc":
        raise InputError(
            f"values of dtype {spec.dtype.label} cannot be made up",
            where=spec.name,
            remedy="Cut the graph behind it with --input, at a tensor of numbers",
        )
    return dtype


def _known_shape(spec: TensorInfo, unknown_batch: int) -> tuple[int, ...]:
    shape: Shape = spec.shape
    if shape and shape[0] is None:
        shape = (unknown_batch, *shape[1:])
    size = element_count(shape)
    if shape is None or size is None:
        raise InputError(
            f"the shape {dims_text(spec.shape)} has unknown dimensions beside the batch",
            where=spec.name,
            remedy=f"Give it with --input '{spec.name}[{example_dims(spec.shape)}]'",
        )
    if size > MAX_ELEMENTS:
        raise InputError(
            f"the shape {dims_text(shape)} has {size} elements, more than the {MAX_ELEMENTS} that are made up",
            where=spec.name,
            remedy="Give a smaller shape with --input, or values with --data",
        )
    return tuple(d for d in shape if d is not None)


def example_dims(shape: Shape) -> str:
    """How ``--input`` could say ``shape``."""
    if shape is None:
        return "1,..."
    return ",".join("1" if d is None and i == 0 else "N" if d is None else str(d) for i, d in enumerate(shape))


def load_npz_inputs(path: str | Path, specs: Sequence[TensorInfo]) -> dict[str, Array]:
    """The user's values by input name, checked against ``specs``; a name may be written ``input`` or ``input:0``.

    Raises:
        InputError: the file is no .npz, or a value is missing, not asked for, or of another dtype or shape.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {_tensor_name(name): name for name in archive.namelist()}
            _check_names(path, list(members), specs)
            return {spec.name: _load(path, archive, members[_plain(spec.name)], spec) for spec in specs}
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, MemoryError) as e:
        raise InputError(
            f"cannot be read as an .npz file of plain arrays: {e}",
            where=str(path),
            remedy="Write it with numpy.savez, one array for each input",
        ) from e


def _plain(name: str) -> str:
    return name.removesuffix(":0")


def _tensor_name(member: str) -> str:
    return _plain(member.removesuffix(".npy"))


def _check_names(path: str | Path, given: list[str], specs: Sequence[TensorInfo]) -> None:
    wanted = [_plain(spec.name) for spec in specs]
    missing = [name for name in wanted if name not in given]
    extra = [name for name in given if name not in wanted]
    if missing:
        raise InputError(
            f"has no values for the input {missing[0]}",
            where=str(path),
            remedy=f"It has {', '.join(given) or 'nothing'}; give {', '.join(wanted)}",
        )
    if extra:
        raise InputError(
            f"has values for {extra[0]}, which is no input",
            where=str(path),
            remedy=f"The inputs are {', '.join(wanted) or 'none'}",
        )


def _load(path: str | Path, archive: zipfile.ZipFile, member: str, spec: TensorInfo) -> Array:
    """One array. Its header is checked first, so that a file cannot ask for more memory than the input has."""
    with archive.open(member) as file:
        shape, dtype = _header(file)
    _check_form(path, spec, shape, dtype)
    with archive.open(member) as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _check_form(path: str | Path, spec: TensorInfo, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    wanted = _numpy_dtype(spec)
    if dtype != wanted:
        text = f"the values of {spec.name} are {dtype} and not {wanted}"
        raise InputError(text, where=str(path), remedy=f"Convert them with .astype({wanted.name!r})")
    fits = spec.shape is None or (
        len(spec.shape) == len(shape) and all(want in (None, has) for want, has in zip(spec.shape, shape, strict=True))
    )
    if not fits:
        text = f"the values of {spec.name} have shape {dims_text(shape)} and not {dims_text(spec.shape)}"
        raise InputError(text, where=str(path), remedy="Give values of the input's shape")
