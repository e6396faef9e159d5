"""What a target says of one op, and the limits that rules switch on: frozen values."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphdoctor.types import Answer, DType, Shape


class SpecLike(Protocol):
    """What is known of a tensor: its element type and its dimensions.

    A spec may also have ``constant``: the value (an array) where it is known, else ``None``. Rows that ask for
    a constant operand, or for one that is zero, use it; a spec without it gives ``UNKNOWN`` there. A spec may have
    ``at_border``, true for an input of the engine itself.
    """

    @property
    def dtype(self) -> DType:
        """Element type; ``INVALID`` when it is not known."""

    @property
    def shape(self) -> Shape:
        """Dimensions, ``None`` when even the rank is not known."""


class Confidence(enum.Enum):
    """How far a row can be trusted. LOW is a lead: it decides nothing."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Limit:
    """Something a target cannot do that no single op row can say; a rule of the same name looks for it.

    Attributes:
        name: kebab-case, permanent.
        ops: the op types concerned; ``*`` is any.
        reason: what the limit is.
        error: what NVIDIA's tools print when it is broken, empty when no text is known.
        remedy: what to do.
        source: where the fact is from.
        confidence: with LOW a rule may only warn that it cannot tell.
        hand: True if it is not derived from the tables of facts.
    """

    name: str
    reason: str
    source: str
    confidence: Confidence
    ops: tuple[str, ...] = ()
    error: str = ""
    remedy: str = ""
    hand: bool = False


@dataclass(frozen=True, slots=True)
class OpRow:
    """What a target says of one op type. Input positions count from 0; -1 is the last input.

    Attributes:
        support: what the table says of the op as such.
        confidence: LOW makes every answer UNKNOWN.
        source: where the fact is from.
        reason: why not, or why it cannot be told.
        note: what to know although it is supported.
        error: what users see when it is not.
        dtypes: element types of the inputs; ``None`` where the target's own types hold.
        open: True when types outside ``dtypes`` were not examined: they give UNKNOWN, not NO.
        refused: types that were seen to be refused.
        inputs: positions that ``dtypes`` speaks of; ``None`` is all.
        dtype_attr: an attribute whose dtype must be in ``dtypes`` too.
        rank: allowed ranks of input 0.
        doubt_rank: ranks of input 0 with which it cannot be told.
        static: True when every dimension of input 0 must be known.
        constant: positions that must be constants.
        rest_constant: True when every input outside ``inputs`` must be a constant.
        known: positions of which every dimension must be known.
        known_last: positions of which the last dimension must be known.
        static_alone: True when every dimension of input 0 must be known where it is the only input (no axes are given).
        any_constant: True if a constant may be of a type that no other op takes as one (weights to dequantize).
        zero: positions that must be absent or zero.
        outputs: how many leading outputs may be used.
        attrs: attribute -> allowed values; an absent attribute is at its default, which is allowed.
        unset: attributes that must be absent.
        doubt: attribute -> values with which it cannot be told (none listed: any value).
        hand: True if the row is not derived from the tables of facts.
    """

    support: Answer
    confidence: Confidence
    source: str
    reason: str = ""
    note: str = ""
    error: str = ""
    dtypes: frozenset[DType] | None = None
    open: bool = False
    refused: frozenset[DType] = frozenset()
    inputs: tuple[int, ...] | None = None
    dtype_attr: str = ""
    rank: tuple[int, ...] = ()
    doubt_rank: tuple[int, ...] = ()
    static: bool = False
    constant: tuple[int, ...] = ()
    rest_constant: bool = False
    known: tuple[int, ...] = ()
    known_last: tuple[int, ...] = ()
    static_alone: bool = False
    any_constant: bool = False
    zero: tuple[int, ...] = ()
    outputs: int | None = None
    attrs: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    doubt: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    hand: bool = False

    @property
    def is_sure(self) -> bool:
        """True if a broken condition of this row is a NO rather than an UNKNOWN."""
        return self.confidence is Confidence.HIGH


@dataclass(frozen=True, slots=True)
class EngineTypes:
    """Element types of a target as a whole.

    Attributes:
        dtypes: types that tensors in the engine can have.
        refused: types that no tensor of the file may have.
        narrowed: type -> smaller type that the parser makes of a constant.
        border: types that only inputs and outputs of the engine can have, no tensor between two ops.
        not_constant: types that no constant can have.
        max_rank: the most dimensions a tensor can have; 0 where no bound is known.
    """

    dtypes: frozenset[DType] = frozenset()
    refused: frozenset[DType] = frozenset()
    narrowed: Mapping[DType, DType] = field(default_factory=dict)
    border: frozenset[DType] = frozenset()
    not_constant: frozenset[DType] = frozenset()
    max_rank: int = 0


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """How TF-TRT cuts a graph into segments, each of which becomes one engine.

    Attributes:
        minimum: a segment with fewer nodes stays in TensorFlow.
        engines: at most so many segments are kept, the largest; ``None`` is all.
        uncounted: ops that do not count towards ``minimum``.
    """

    minimum: int
    engines: int | None = None
    uncounted: frozenset[str] = frozenset()
