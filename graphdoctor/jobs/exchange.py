"""The folder that parent and worker share: ``request.json``, ``inputs.npz``, ``result.json``,
``outputs.npz``.

Tensor names may hold ``/`` and ``:`` and anything else, so the members of an .npz are numbered (``a0``,
``a1``, ...) and the JSON beside it has the names in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from graphdoctor.errors import InputError, WorkerError
from graphdoctor.jobs.spec import Envelope

if TYPE_CHECKING:
    from graphdoctor.types import Array

T = TypeVar("T")

MAX_JSON = 64 << 20
"""Largest ``result.json`` the parent reads, in bytes."""
MAX_ARRAYS = 8 << 30
"""Largest ``outputs.npz`` the parent reads, in bytes."""


def write_request(folder: Path, request: Any, arrays: Mapping[str, Array]) -> None:
    """Write ``request.json`` and, when there are arrays, ``inputs.npz``.

    Raises:
        InputError: an array is of objects, or a text is not Unicode.
        OSError: the disk is full or the folder is gone.
    """
    import msgspec

    try:
        text = msgspec.json.encode({"data": request, "arrays": list(arrays)})
    except UnicodeEncodeError as e:
        raise InputError(
            f"the name {e.object!r} is not valid Unicode and cannot be handed to a worker process",
            remedy="Rename the file or tensor",
        ) from e
    if arrays:
        _write_arrays(folder / "inputs.npz", arrays)
    (folder / "request.json").write_bytes(text)


def read_request(folder: Path, kind: type[T]) -> tuple[T, dict[str, Array]]:
    """The worker's side of `write_request`."""
    import msgspec

    raw = msgspec.json.decode((folder / "request.json").read_bytes())
    return msgspec.convert(raw["data"], kind), _read_arrays(folder / "inputs.npz", raw["arrays"])


def write_result(folder: Path, envelope: Envelope, arrays: Mapping[str, Array]) -> None:
    """Write ``outputs.npz``, then ``result.json``, which so never speaks of arrays that are not there."""
    import msgspec

    if arrays:
        _write_arrays(folder / "outputs.npz", arrays)
    draft = folder / "result.json.part"
    draft.write_bytes(msgspec.json.encode(envelope))
    draft.replace(folder / "result.json")


def read_result(folder: Path) -> tuple[Envelope, dict[str, Array]]:
    """The parent's side of `write_result`.

    Raises:
        WorkerError: there is no result, or it is damaged or too large.
    """
    import zipfile

    import msgspec

    path = folder / "result.json"
    if not path.is_file():
        raise WorkerError("ended without writing a result")
    _check_size(path, MAX_JSON)
    try:
        envelope = msgspec.json.decode(path.read_bytes(), type=Envelope)
        return envelope, _read_arrays(folder / "outputs.npz", envelope.arrays)
    except (msgspec.MsgspecError, zipfile.BadZipFile, OSError, ValueError, KeyError, EOFError) as e:
        raise WorkerError(f"wrote a damaged result: {e}") from e


def _check_size(path: Path, limit: int) -> None:
    size = path.stat().st_size
    if size > limit:
        raise WorkerError(f"wrote {size} bytes to {path.name}, more than the {limit} that are read back")


def _write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    import numpy as np

    for name, array in arrays.items():
        if array.dtype.kind not in "biufcSU":
            raise InputError(
                f"a tensor of dtype {array.dtype} cannot be handed between processes",
                where=name,
                remedy="Use numbers, booleans or fixed-width strings",
            )
    members: dict[str, Any] = {f"a{i}": array for i, array in enumerate(arrays.values())}
    np.savez(path, **members)


def _read_arrays(path: Path, names: Sequence[str]) -> dict[str, Array]:
    if not names:
        return {}
    import numpy as np

    _check_size(path, MAX_ARRAYS)
    with np.load(path, allow_pickle=False) as members:
        return {name: members[f"a{i}"] for i, name in enumerate(names)}
