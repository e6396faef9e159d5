"""What must hold of a node for a row's answer, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from graphdoctor.targets.rows import OpRow
from graphdoctor.types import DType
from graphdoctor.words import plural

Quote = Callable[[str], str]
"""How a name or a value is written: as it is, or marked up."""


def _plain(text: str) -> str:
    return text


def conditions(row: OpRow, name: Quote = _plain, value: Quote = _plain) -> Iterator[str]:
    """Each condition of ``row``; ``name`` writes attributes, ``value`` their values."""
    if row.dtypes is not None and row.inputs != ():
        whose = f" for {_inputs(row.inputs)}" if row.inputs else ""
        yield f"{dtype_list(row.dtypes) or 'no type'}{whose}{' (others not examined)' if row.open else ''}"
    if row.dtype_attr:
        yield f"{name(row.dtype_attr)} of such a type"
    if row.refused:
        yield f"not {dtype_list(row.refused)}"
    if row.rank:
        yield f"rank {_list(row.rank, 'or')}"
    if row.doubt_rank:
        yield f"cannot be told for rank {_list(row.doubt_rank, 'or')}"
    if row.static:
        yield "all dimensions known"
    yield from _operands(row)
    yield from _attributes(row, name, value)


def _operands(row: OpRow) -> Iterator[str]:
    if row.constant:
        yield f"{_inputs(row.constant)} constant"
    if row.known:
        yield f"all dimensions of {_inputs(row.known)} known"
    if row.static_alone:
        yield "all dimensions known where there is one input"
    if row.known_last:
        yield f"the last dimension of {_inputs(row.known_last)} known"
    if row.rest_constant:
        yield "all other inputs constant"
    if row.zero:
        yield f"{_inputs(row.zero)} absent or zero"
    if row.outputs is not None:
        yield f"only {plural(row.outputs, 'output')}"


def _attributes(row: OpRow, name: Quote, value: Quote) -> Iterator[str]:
    for key, values in row.attrs.items():
        yield f"{name(key)} {_list(values, 'or', value)}"
    for key in row.unset:
        yield f"no {name(key)}"
    for key, values in row.doubt.items():
        yield f"cannot be told for {name(key)}" + (f" {_list(values, 'or', value)}" if values else "")


def _inputs(positions: Sequence[int]) -> str:
    return _list(["the last input" if p < 0 else f"input {p}" for p in positions], "and")


def _list(values: Iterable[object], last: str, value: Quote = _plain) -> str:
    texts = [value(str(v)) for v in values]
    return f" {last} ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def dtype_list(dtypes: Iterable[DType]) -> str:
    """The labels of ``dtypes``."""
    return ", ".join(d.label for d in sorted(dtypes, key=lambda d: d.value))
