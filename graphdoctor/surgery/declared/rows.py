"""What a pattern and its replacement are in a pack file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from graphdoctor.ops import find_op
from graphdoctor.types import DType

Number = bool | int | float
ANYTHING = "*"
"""An input that may be any value."""
_DTYPE_KEY = re.compile(r"T\w*|\w+T|dtype|out_type|output_type|out_dtype|index_type|Index|element_dtype")
"""Attributes of TensorFlow that hold a dtype are called so."""


class PatternRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """One entry of a pattern: a node if it has ``op``, else a value that a node of the pattern reads.

    Attributes:
        op: the op type, or those that fit.
        inputs: what the node reads, in order: entries of the pattern (``name`` or ``name:1``), ``*`` for anything, and
            other names, which stand for whatever is there, the same wherever the name is. Left out: any inputs.
        commutative: its two inputs may come in either order.
        attrs: attributes that it must have; those of TensorFlow's defaults need not be written in the graph. Several
            dtypes are alternatives.
        constant: true for any constant; a number that all elements must be; or all elements, as nested lists.
        above, below: bounds that no element of the constant may reach.
        dtype: of output 0, or of the value; several are alternatives.
        rank: number of dimensions, likewise.
        only: nothing but the pattern may read the node.
    """

    op: str | list[str] = []
    inputs: list[str] | None = None
    commutative: bool = False
    attrs: dict[str, Any] = {}
    constant: Number | list[Any] | None = None
    above: float | None = None
    below: float | None = None
    dtype: str | list[str] = []
    rank: int | list[int] = []
    only: bool = False

    @property
    def ops(self) -> tuple[str, ...]:
        """The op types that fit; none for a value."""
        return listed(self.op)

    @property
    def dtypes(self) -> frozenset[DType | None]:
        """The dtypes that fit; empty for any."""
        return frozenset(DType.parse(word) for word in listed(self.dtype))

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks that fit; empty for any."""
        return (self.rank,) if isinstance(self.rank, int) else tuple(self.rank)

    @property
    def is_constant(self) -> bool:
        """True if the value must be a constant."""
        return self.constant is not None or self.above is not None or self.below is not None


class NewRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """One node of a replacement.

    Attributes:
        op: the op type; not for a constant.
        inputs: other nodes of the replacement, nodes of the pattern, or what the pattern calls its inputs.
        attrs: its attributes. Type attributes that follow from the inputs can be left out; ``$node.key`` is an
            attribute of a node of the pattern, ``$name`` the one number that a constant of the pattern holds.
        constant: a number or nested lists of them.
        dtype: of the constant; left out, that of the result.
    """

    op: str = ""
    inputs: list[str] = []
    attrs: dict[str, Any] = {}
    constant: Number | list[Any] | None = None
    dtype: str = ""


def listed(words: str | list[str]) -> tuple[str, ...]:
    """One word or several, as several."""
    return ((words,) if words else ()) if isinstance(words, str) else tuple(words)


def reference(text: str) -> tuple[str, int]:
    """Name and output of ``name`` or ``name:1``; output -1 if it is neither."""
    name, colon, index = text.partition(":")
    if not colon:
        return name, 0
    return name, int(index) if index.isdecimal() and len(index) < 4 else -1


def is_dtype_key(op: str, key: str) -> bool:
    """True if attribute ``key`` of ``op`` holds a dtype."""
    known = find_op(op)
    return (known is not None and key in known.types) or bool(_DTYPE_KEY.fullmatch(key))


def sink(pattern: Mapping[str, PatternRow], anchor: str) -> str:
    """The node that a match stands for: the one named, or the only one that no other reads; empty if several."""
    read = {reference(text)[0] for row in pattern.values() for text in row.inputs or ()}
    ends = [name for name, row in pattern.items() if row.ops and name not in read]
    return anchor or (ends[0] if len(ends) == 1 else "")


def captures(pattern: Mapping[str, PatternRow]) -> Iterator[str]:
    """Names in inputs that stand for a value: entries without op, and names that are no entry."""
    for row in pattern.values():
        for name in (reference(text)[0] for text in row.inputs or ()):
            if name != ANYTHING and (name not in pattern or not pattern[name].ops):
                yield name
