"""Cases of a rewrite, each its whole promise on one graph.

A case file is ``<rewrite>.toml``::

    rewrite = "rename-addv2"
    [[case]]
    name = "plain"
    graph = '''...'''            # text form; T and N may be left out
    fixed = '''...'''            # the graph after it; left out: nothing must change
    refused = "part of it"       # a reason it must give, at the end
    held_back = true             # that reason must be one that --unsafe-fixes lifts
    also = ["remove-identities"] # rewrites that run with it, behind it
    target = "trt3"              # what --target says; left out: nothing
    unsafe = true                # --unsafe-fixes
    range = [-3.0, 3.0]          # of every fed value; or a table, placeholder to range
    feed = {x = [2, 3]}          # its shape, where a dimension must not be 2 (the first) or 3
    values = {keep = 1.0}        # what is fed, where no random numbers will do
    skip_run = "reason"          # TensorFlow is not asked; without it an unsafe one is not either
    same = true                  # an unsafe one that gives the same numbers all the same
    onednn = true                # TensorFlow's own CPU kernels lack it (NCHW): asked in a process with oneDNN
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from graphdoctor.config.reading import convert, parse, read_text
from graphdoctor.errors import InputError
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.surgery.engine import FixResult, run_rewrites
from graphdoctor.surgery.packs import LoadedRewrite
from graphdoctor.surgery.proposal import Rewrite
from graphdoctor.targets import load_target
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import ShapeValue
from graphdoctor.wire.tensors import Tensor

Described = dict[str, tuple[str, tuple[str, ...], dict[str, Any]]]
"""Node name to op, inputs and attributes."""


Book = Mapping[str, LoadedRewrite]
"""Rewrites by name."""


class CaseRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ``[[case]]``; the module's text says what the keys mean."""

    name: str
    graph: str
    fixed: str = ""
    refused: str = ""
    held_back: bool = False
    also: tuple[str, ...] = ()
    target: str = ""
    unsafe: bool = False
    range: tuple[float, ...] | dict[str, tuple[float, ...]] = (-3.0, 3.0)
    feed: dict[str, list[int]] = {}
    values: dict[str, Any] = {}
    skip_run: str = ""
    same: bool = False
    onednn: bool = False


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A case file."""

    rewrite: str
    case: list[CaseRow]


@dataclass(frozen=True, eq=False)
class Case:
    """One case of one file; the module's text says what the fields mean."""

    rewrite: str
    name: str
    graph: str
    fixed: str = ""
    refused: str = ""
    held_back: bool = False
    also: tuple[str, ...] = ()
    target: str = ""
    unsafe: bool = False
    range: Any = (-3.0, 3.0)
    feed: Mapping[str, list[int]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    skip_run: str = ""
    same: bool = False
    onednn: bool = False
    book: Book = field(default_factory=dict, repr=False)

    @property
    def id(self) -> str:
        """What pytest calls it."""
        return f"{self.rewrite}-{self.name}"

    @property
    def runs(self) -> bool:
        """True if the numbers before and after must be equal."""
        return bool(self.fixed) and not self.skip_run and (not self.unsafe or self.same)

    def parsed(self) -> Graph:
        """A new graph of the case, with all its attributes."""
        return completed(self.graph, self.id)

    def rewrites(self) -> list[Rewrite]:
        """The rewrite, and those that run with it."""
        return [self.book[name] for name in (self.rewrite, *self.also)]

    @property
    def rounds(self) -> bool:
        """True if a rewrite of the case folds constants, so that results are equal to rounding only."""
        return any(self.book[name].row.rounds_constants for name in (self.rewrite, *self.also))

    def apply(self, graph: Graph) -> FixResult:
        """Run the rewrites on ``graph``."""
        target = load_target(self.target) if self.target else None
        return run_rewrites(graph, self.rewrites(), target=target, unsafe=self.unsafe)

    def feeds(self) -> dict[str, Array]:
        """A value for each placeholder, the same on each call."""
        return {
            n.name: self._feed(n.name, n.attr("dtype"), n.attr("shape")) for n in self.parsed().by_op("Placeholder")
        }

    def _feed(self, name: str, dtype: DType, shape: Any) -> Array:
        kind = dtype.numpy
        if kind is None or dtype is DType.STRING:
            raise InputError(f"{name} is fed {dtype.label}", where=self.id, remedy="Feed numbers, or give skip_run")
        if name in self.values:
            return np.asarray(self.values[name], dtype=kind)
        known = shape.dims if isinstance(shape, ShapeValue) and shape.dims is not None else ()
        dims = tuple(self.feed.get(name, ())) or tuple((3 if i else 2) if d is None else d for i, d in enumerate(known))
        low, high = self.range[name] if isinstance(self.range, Mapping) else self.range
        rng = np.random.default_rng(zlib.crc32(f"{self.id}/{name}".encode()))
        if kind.kind in "iu":
            return rng.integers(max(int(low), 0) if kind.kind == "u" else int(low), int(high) + 1, dims).astype(kind)
        return rng.integers(0, 2, dims).astype(kind) if kind.kind == "b" else rng.uniform(low, high, dims).astype(kind)


def read_cases(path: Path, book: Book) -> tuple[Case, ...]:
    """The cases in the file ``path``; ``book`` has the rewrites that they name.

    Raises:
        InputError: it cannot be read, or a case has a key that there is not; names file and line.
    """
    text = read_text(path)
    file = convert(parse(text, str(path)), _File, str(path), text)
    named = [file.rewrite, *(name for row in file.case for name in row.also)]
    for name in named:
        if name not in book:
            near = get_close_matches(name, book, 1)
            remedy = f"Did you mean {near[0]!r}?" if near else "A case file is about a rewrite of the packs beside it"
            raise InputError(f"there is no rewrite {name!r}", where=str(path), remedy=remedy)
    return tuple(Case(file.rewrite, book=book, **msgspec.structs.asdict(row)) for row in file.case)


def completed(text: str, name: str) -> Graph:
    """The graph of ``text`` with the attributes that may be left out."""
    graph = parse_graph(text, name)
    complete_attrs(graph)
    for node in graph.by_op("FusedBatchNorm"):
        graph.drop_attrs(node, "U")  # only its later versions have it
    return graph


def described(graph: Graph) -> Described:
    """Everything that a comparison of two graphs looks at, order of nodes aside."""
    return {
        n.name: (
            n.op,
            (*(v.name for v in n.inputs), *(f"^{c.name}" for c in n.controls)),
            {key: plain(value) for key, value in n.attrs.items()},
        )
        for n in graph
    }


def plain(value: Any) -> Any:
    """An attribute so that two can be compared: floats in constants to seven digits."""
    if isinstance(value, Tensor):
        array = value.array()
        if array.dtype.kind == "f":
            return value.dtype.label, value.shape, tuple(float(f"{v:.6g}") for v in array.reshape(-1).tolist())
        return value.dtype.label, value.shape, tuple(array.reshape(-1).tolist())
    return float(f"{value:.6g}") if isinstance(value, float) else value
