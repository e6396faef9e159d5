"""What the models of a comparison are fed: the user's values, random ones, and guesses at what a graph leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from graphdoctor.compare import load_npz_inputs, seeded_pair
from graphdoctor.findings import TensorInfo
from graphdoctor.ir import Graph, TensorSpec
from graphdoctor.passes.guesses import Guesses, file_bytes, guessed_shapes, guesses
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.types import Array, dims_text

Arrays = Mapping[str, Array]
WIDER = ((-1.0, 1.0), (-4.0, 4.0), (0.0, 256.0))
"""Ranges of float inputs, tried in turn while the outputs hardly move: a saturated net may need larger values."""


@dataclass(frozen=True, slots=True)
class Feeding:
    """How the inputs get values.

    Attributes:
        specs: the inputs; with ``guessed``, all their dimensions but the batch are known.
        guessed: shapes that were made up, as a text; empty if none was.
        guesses: what else was told by what the inputs are used for.
        seed, data, ranges: as the options of ``verify``.
    """

    specs: tuple[TensorInfo, ...]
    guessed: str = ""
    guesses: Guesses = field(default_factory=Guesses)
    seed: int = 0
    data: str = ""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def sets(self) -> Iterator[tuple[str, list[Arrays]]]:
        """Pairs of different sets and what they are; the user's own data is the first of its pair.

        Raises:
            InputError: the data does not fit, or values cannot be made up.
        """
        given = load_npz_inputs(self.data, self.specs) if self.data else {}
        specs = [TensorInfo(s.name, s.dtype, given[s.name].shape) if s.name in given else s for s in self.specs]
        told = self.guesses
        random = [s for s in specs if s.name not in told.files and s.name not in self._pinned]
        floats = [s.name for s in random if s.dtype.is_float and s.name not in self.ranges]
        for low, high in WIDER if floats and not self.data else WIDER[:1]:
            ranges = {**told.ranges, **dict.fromkeys(floats, (low, high)), **self.ranges}
            pair = [dict(one) for one in seeded_pair(random, self.seed, ranges=ranges)]
            for k, one in enumerate(pair):
                one |= self._pinned
                files = [s for s in specs if s.name in told.files]
                one |= {s.name: _text(file_bytes(told.files[s.name], self.seed + k), s) for s in files}
            text = f"seeded random values, seed {self.seed}"
            text += f", floats in [{low:g}, {high:g})" if floats else ""
            yield self._said(text), [given or pair[0], pair[1]]

    @property
    def _pinned(self) -> dict[str, Array]:
        """Of the guessed values those that the user says nothing of, if something else can vary."""
        names = {s.name for s in self.specs}
        found = {n: v for n, v in self.guesses.pinned.items() if n in names and n not in self.ranges and not self.data}
        return found if len(found) < len(names) else {}

    def _said(self, text: str) -> str:
        if self.data:
            return self.data
        told = [f"{name} = {value}".lower() for name, value in self._pinned.items()]
        told += [f"{name} is a made-up {kind} file" for name, kind in self.guesses.files.items()]
        return "; ".join([text, *told, *([f"sizes guessed: {self.guessed}"] if self.guessed else [])])


def feedings(graph: Graph | None, plain: Feeding) -> Iterator[Feeding]:
    """Ways to feed the inputs of ``plain``, the likelier first; several only where sizes have to be guessed.

    ``graph``: of the reference, where it can be looked into.
    """
    if graph is None:
        yield plain
        return
    specs = infer_shapes(graph, {i.name: TensorSpec(i.dtype, i.shape) for i in plain.specs if i.name in graph})
    told = Feeding(plain.specs, "", guesses(graph, specs), plain.seed, plain.data, plain.ranges)
    without = frozenset((*told.guesses.files, *told.guesses.pinned))
    found = False
    for wanted in () if plain.data else guessed_shapes(graph, specs, without):
        found = True
        whole = tuple(TensorInfo(s.name, s.dtype, wanted.get(s.name, s.shape)) for s in plain.specs)
        text = ", ".join(f"{n} {dims_text(s)}" for n, s in wanted.items())
        yield Feeding(whole, text, told.guesses, plain.seed, plain.data, plain.ranges)
    if not found:
        yield told


def _text(data: bytes, info: TensorInfo) -> Array:
    """A text of fixed width for a string input: one, or a batch of one."""
    return np.asarray(data, f"S{len(data)}").reshape((1,) * len(info.shape or ()))
