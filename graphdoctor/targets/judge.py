"""Holds one node against one row: a broken condition is a NO or an UNKNOWN, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from graphdoctor.targets.rows import Confidence, EngineTypes, OpRow, SpecLike
from graphdoctor.types import Answer, DType, Support

Specs = Sequence[SpecLike | None]
"""One entry per input; ``None`` is an optional input that is absent."""


class Problem(NamedTuple):
    """A condition that does not hold (``sure``) or of which it cannot be told whether it does."""

    sure: bool
    text: str


def judge(row: OpRow, specs: Specs, attrs: Mapping[str, Any], outputs: int, engine: EngineTypes) -> Support:
    """The answer of ``row`` for a node with these inputs and attributes, whose first ``outputs`` outputs are used."""
    if row.confidence is Confidence.LOW:
        return Support(Answer.UNKNOWN, row.reason or row.note or "known from a weak source only", row.source)
    if row.support is not Answer.YES:
        return Support(row.support, row.reason or row.error, row.source)
    problems = list(_problems(row, specs, attrs, outputs, engine))
    worst = next((p for p in problems if p.sure), problems[0] if problems else None)
    if worst is None:
        return Support(Answer.YES, row.note, row.source)
    return Support(Answer.NO if worst.sure else Answer.UNKNOWN, worst.text, row.source)


def _problems(
    row: OpRow, specs: Specs, attrs: Mapping[str, Any], outputs: int, engine: EngineTypes
) -> Iterator[Problem]:
    yield from _dtypes(row, specs, attrs, engine)
    yield from _dimensions(row, specs)
    yield from _known(row, specs)
    yield from _constants(row, specs)
    yield from _attributes(row, attrs)
    if row.outputs is not None and outputs > row.outputs:
        yield Problem(row.is_sure, f"only {row.outputs} of its outputs exist there, and {outputs} are used")


def _dtypes(row: OpRow, specs: Specs, attrs: Mapping[str, Any], engine: EngineTypes) -> Iterator[Problem]:
    judged = None if row.inputs is None else _positions(row.inputs, len(specs))
    for index, spec in enumerate(specs):
        if spec is None:
            continue
        if spec.dtype in engine.not_constant and _is_constant(spec) and not row.any_constant:
            yield Problem(row.is_sure, f"input {index} is a constant of {spec.dtype.label}, which the target refuses")
        if spec.dtype in engine.border and not _is_constant(spec) and not getattr(spec, "at_border", False):
            yield Problem(row.is_sure, f"input {index} is {spec.dtype.label}, which the target takes only from outside")
        if spec.dtype is DType.INVALID:
            yield Problem(False, f"the dtype of input {index} is not known")
        elif judged is None or index in judged:
            yield from _dtype(spec.dtype, _is_constant(spec), f"input {index}", row, engine)
    if row.dtype_attr:
        dtype = attrs.get(row.dtype_attr, DType.INVALID)
        if not isinstance(dtype, DType) or dtype is DType.INVALID:
            yield Problem(False, f"the dtype in attribute {row.dtype_attr} is not known")
        else:
            yield from _dtype(dtype, False, f"attribute {row.dtype_attr}", row, engine)


def _dtype(dtype: DType, constant: bool, where: str, row: OpRow, engine: EngineTypes) -> Iterator[Problem]:
    allowed = engine.dtypes if row.dtypes is None else row.dtypes
    if dtype in allowed:
        return
    names = ", ".join(d.label for d in sorted(allowed))
    text = f"{where} is {dtype.label}, and the target takes {names}"
    if dtype in engine.refused:
        yield Problem(True, text)
    elif dtype in row.refused:
        yield Problem(row.is_sure, text)
    elif engine.narrowed.get(dtype) in allowed:
        if not constant:
            small = engine.narrowed[dtype].label
            yield Problem(False, f"{where} is {dtype.label}: narrowed to {small} in constants, elsewhere not known")
    else:
        yield Problem(row.is_sure and row.dtypes is not None and not row.open, text)


def _dimensions(row: OpRow, specs: Specs) -> Iterator[Problem]:
    first = specs[0] if specs else None
    if first is None:
        return
    shape = first.shape
    if (row.rank or row.doubt_rank) and shape is None:
        yield Problem(False, "the rank of input 0 is not known")
    elif shape is not None and row.rank and len(shape) not in row.rank:
        ranks = " or ".join(map(str, row.rank))
        yield Problem(row.is_sure, f"input 0 has rank {len(shape)}, and rank {ranks} is needed")
    elif shape is not None and len(shape) in row.doubt_rank:
        yield Problem(False, f"input 0 has rank {len(shape)}, of which it is not known whether it works")
    if row.static and (shape is None or None in shape):
        yield Problem(False, "every dimension of input 0 must be known")


def _known(row: OpRow, specs: Specs) -> Iterator[Problem]:
    given = [spec for spec in specs if spec is not None]
    if row.static_alone and len(given) == 1 and (given[0].shape is None or None in given[0].shape):
        yield Problem(False, "every dimension of input 0 must be known where it is the only input")
    for index in sorted(_positions(row.known, len(specs))):
        spec = specs[index]
        if spec is not None and (spec.shape is None or None in spec.shape):
            yield Problem(False, f"every dimension of input {index} must be known")
    for index in sorted(_positions(row.known_last, len(specs))):
        spec = specs[index]
        if spec is not None and (not spec.shape or spec.shape[-1] is None):
            yield Problem(False, f"the last dimension of input {index} must be known")


def _constants(row: OpRow, specs: Specs) -> Iterator[Problem]:
    needed = _positions(row.constant, len(specs))
    if row.rest_constant and row.inputs is not None:
        needed |= set(range(len(specs))) - _positions(row.inputs, len(specs))
    for index in sorted(needed):
        spec = specs[index]
        if spec is not None and not _is_constant(spec):
            yield Problem(False, f"input {index} must be a constant, and is not known to be one")
    for index in sorted(_positions(row.zero, len(specs))):
        spec = specs[index]
        if spec is not None:
            yield from _zero(row, index, getattr(spec, "constant", None))


def _zero(row: OpRow, index: int, value: Any) -> Iterator[Problem]:
    if value is None:
        yield Problem(False, f"input {index} must be zero, and its value is not known")
    elif bool(value.any()):
        yield Problem(row.is_sure, f"input {index} must be zero")


def _attributes(row: OpRow, attrs: Mapping[str, Any]) -> Iterator[Problem]:
    for key, allowed in row.attrs.items():
        if key in attrs and _plain(attrs[key]) not in allowed:
            choice = " or ".join(map(str, allowed))
            yield Problem(row.is_sure, f"{key} is {_plain(attrs[key])}, and only {choice} is supported")
    for key in row.unset:
        if key in attrs:
            yield Problem(row.is_sure, f"attribute {key} is not supported")
    for key, doubtful in row.doubt.items():
        if key in attrs and (not doubtful or _plain(attrs[key]) in doubtful):
            yield Problem(False, f"{key} is {_plain(attrs[key])}, of which it is not known whether it works")


def _positions(positions: Sequence[int], count: int) -> set[int]:
    """Positions that exist among ``count`` inputs; -1 is the last one."""
    return {p % count for p in positions if -count <= p < count} if count else set()


def _is_constant(spec: SpecLike) -> bool:
    return getattr(spec, "constant", None) is not None


def _plain(value: Any) -> Any:
    """An attribute value as TOML would have it: text for bytes, a list for a tuple."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return list(value) if isinstance(value, tuple) else value
