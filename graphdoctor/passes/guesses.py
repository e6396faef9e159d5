"""Values for what a graph leaves open of its inputs: shapes, ranges of indices, contents of files, rates of dropout.

They are for trying a graph, and no promise: shapes that inference says cannot be are left out, and whoever runs the
graph has the last word.
"""

from __future__ import annotations

import io
import struct
import wave
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from graphdoctor.ir import GraphView, Node, TensorSpec, tensor_of
from graphdoctor.match.constants import source_of, uses_through
from graphdoctor.match.dropout import dropouts
from graphdoctor.match.learning_phase import learning_phases
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.types import Array, DType, Shape
from graphdoctor.wire.tensors import Tensor, TensorError

Shapes = Mapping[str, tuple[int, ...]]
"""Whole shapes by input."""
SIZES = (64, 300, 28, 16, 4, 1)
"""What a dimension that nothing tells becomes, one after the other; a detection model resizes, most nets bear 64."""
_RANKS = (2, 4, 1, 3, 0)
_MOST_NODES = 2000
"""In larger graphs no dimension is tried: one inference costs too much."""
_MOST_SIZES = 24
_MOST_GUESSES = 12
_INDEXING = {"Gather": (0, 1), "GatherV2": (0, 1), "ResourceGather": (0, 1)}
"""Op to its inputs: what is indexed, and the indices."""
_DECODE_IMAGE = frozenset({"DecodeJpeg", "DecodePng", "DecodeImage"})
_ALIKE = frozenset({"Identity", "Reshape", "Squeeze", "ExpandDims", "Cast", "StridedSlice"})
_RATE_WAY = frozenset({"Identity", "Sub", "Reshape", "Cast", "RealDiv"})
_IMAGE = 32
_LARGEST, _SHORT = 1 << 16, 8
"""Of a dimension, and of a constant that may hold dimensions."""


@dataclass(frozen=True, slots=True)
class Guesses:
    """What can be fed besides random values.

    Attributes:
        pinned: inputs that have one value: rates of dropout, the switch between training and inference.
        ranges: half-open, of integers that are used as indices.
        files: inputs that take the bytes of a file, with its kind: ``wav`` or ``png``.
    """

    pinned: Mapping[str, Array] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def guesses(graph: GraphView, specs: Specs) -> Guesses:
    """What the inputs of ``graph`` are used for, as far as it can be told."""
    return Guesses(
        {**_rates(graph, specs), **_phases(graph)},
        {n.name: (0, high) for n in graph.inputs if (high := _index_bound(graph, n, specs)) is not None},
        {n.name: kind for n in graph.inputs if (kind := _file_kind(graph, n))},
    )


def _rates(graph: GraphView, specs: Specs) -> dict[str, Array]:
    """1 for a keep_prob, 0 for a rate: nothing is dropped, so that two runs give the same."""
    found: dict[str, Array] = {}
    for match in dropouts(graph):
        value, turned = match.keep, False
        while value is not None and value.node not in graph.inputs:
            node = value.node
            turned |= node.op == "Sub"
            fed = [v for v in node.inputs if tensor_of(source_of(v).node) is None] if node.op in _RATE_WAY else []
            value = fed[0] if len(fed) == 1 else None
        dtype = specs.of(value).dtype.numpy if value is not None else None
        if value is not None and dtype is not None and specs.of(value).shape in (None, ()):
            found[value.node.name] = np.asarray(0 if turned else 1, dtype)
    return found


def _phases(graph: GraphView) -> dict[str, Array]:
    inputs = frozenset(graph.inputs)
    return {m.phase.name: np.asarray(False) for m in learning_phases(graph) if m.phase in inputs}


def _index_bound(graph: GraphView, node: Node, specs: Specs) -> int | None:
    """How many things the integers of an input choose among; ``None`` if they do not choose, or it is not known."""
    if not specs.output(node).dtype.is_integer:
        return None
    bounds = []
    for user, slot in uses_through(graph, node.out(), _ALIKE):
        if user.op in _INDEXING and slot == _INDEXING[user.op][1]:
            shape = specs.of(user.inputs[_INDEXING[user.op][0]]).shape
            bounds += [shape[0]] if shape and shape[0] else []
    return min(bounds, default=None)


def _file_kind(graph: GraphView, node: Node) -> str:
    if node.attr("dtype") is not DType.STRING:
        return ""
    ops = {user.op for user, _ in uses_through(graph, node.out(), _ALIKE)}
    return "wav" if "DecodeWav" in ops else "png" if ops & _DECODE_IMAGE else ""


# ---- shapes ----------------------------------------------------------------------------------------------


def guessed_shapes(graph: GraphView, specs: Specs, without: frozenset[str] = frozenset()) -> Iterator[Shapes]:
    """Whole shapes for the inputs that leave more open than the batch, those in ``without`` aside, the likelier first.

    Inputs of one kind get the same sizes, since they may have to agree. Inference contradicts none of them.
    """
    open_ = [n for n in graph.inputs if _is_open(specs.output(n).shape) and n.name not in without]
    if not open_:
        return
    told = _Told(graph, specs, open_)
    tried: list[Shapes] = []
    more = tuple(dict.fromkeys((*told.sizes, *SIZES))) if told.small else ()
    ways = [*((s, True, True) for s in SIZES), *((s, True, False) for s in more), *((s, False, True) for s in more)]
    for size, by_axis, batched in ways:
        for rank in _RANKS:
            shapes = {n.name: told.filled(n, rank, size, by_axis=by_axis, batched=batched) for n in open_}
            if shapes not in tried and len(tried) < _MOST_GUESSES and told.agrees(shapes):
                tried.append(shapes)
                yield shapes


def _is_open(shape: Shape) -> bool:
    return shape is None or any(d is None for d in shape[1:])


class _Told:
    """What inference tells of the open inputs when sizes are tried on it."""

    def __init__(self, graph: GraphView, specs: Specs, open_: list[Node]) -> None:
        self.graph, self.specs = graph, specs
        self.before = len(specs.conflicts)
        self.small = len(graph) <= _MOST_NODES
        self.sizes = _sizes(graph)
        self.ranks = {n: self._ranks(n) for n in open_}
        self.patterns: dict[tuple[Node, int], tuple[int | None, ...]] = {}

    def filled(self, node: Node, rank: int, size: int, *, by_axis: bool, batched: bool) -> tuple[int, ...]:
        """The shape of ``node``: its known rank or ``rank`` where that can be, known dimensions, ``size`` elsewhere.

        ``by_axis``: with the dimensions that inference takes in one size only. ``batched``: with 1 in front.
        """
        ranks = self.ranks[node]
        rank = rank if rank in ranks else ranks[0]
        if (node, rank) not in self.patterns:
            self.patterns[node, rank] = self._pattern(node, rank)
        dims = self.patterns[node, rank] if by_axis else self.specs.output(node).shape or (None,) * rank
        first = 1 if rank > 1 and batched else size
        return tuple(d if d is not None else size if i else first for i, d in enumerate(dims))

    def agrees(self, shapes: Mapping[str, Shape]) -> bool:
        """True if inference finds nothing wrong with ``shapes``."""
        given = {name: TensorSpec(self.specs.output(self.graph.node(name)).dtype, s) for name, s in shapes.items()}
        return len(infer_shapes(self.graph, given).conflicts) <= self.before

    def _ranks(self, node: Node) -> tuple[int, ...]:
        shape = self.specs.output(node).shape
        if shape is not None:
            return (len(shape),)
        fit = tuple(r for r in _RANKS if not self.small or self.agrees({node.name: (None,) * r}))
        return fit or _RANKS

    def _pattern(self, node: Node, rank: int) -> tuple[int | None, ...]:
        """The dimensions that inference takes in one size only, of those that the graph's constants have."""
        known = self.specs.output(node).shape or (None,) * rank
        dims = list(known)
        for axis, dim in enumerate(dims):
            if dim is None and self.small:
                fit = [s for s in self.sizes if self.agrees({node.name: _with(dims, axis, s)})]
                dims[axis] = fit[0] if len(fit) == 1 else None
        return tuple(dims)


def _with(dims: list[int | None], axis: int, size: int) -> tuple[int | None, ...]:
    return (*dims[:axis], size, *dims[axis + 1 :])


def _sizes(graph: GraphView) -> tuple[int, ...]:
    """Dimensions and small values of the graph's constants, the commonest first, and some that no net has."""
    counts: Counter[int] = Counter()
    for node in graph.by_op("Const"):
        tensor = tensor_of(node)
        if tensor is not None:
            counts.update(d for d in {*tensor.shape, *_values(tensor)} if 0 < d <= _LARGEST)
    return (*(d for d, _ in counts.most_common(_MOST_SIZES)), 61, 67)


def _values(tensor: Tensor) -> list[int]:
    """The elements of a short constant of integers: sizes, in a Reshape."""
    if not tensor.dtype.is_integer or len(tensor.shape) > 1 or tensor.element_count > _SHORT:
        return []
    try:
        return [int(v) for v in tensor.array().reshape(-1)]
    except TensorError:
        return []


# ---- files -----------------------------------------------------------------------------------------------


def file_bytes(kind: str, seed: int) -> bytes:
    """A file of random content: a second of sound at 16 kHz (``wav``), or a picture of 32 by 32 pixels (``png``)."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    return _wav(rng) if kind == "wav" else _png(rng)


def _wav(rng: np.random.Generator) -> bytes:
    samples = rng.integers(-12000, 12000, 16000).astype("<i2")
    samples[-1] = 0x0101  # texts of fixed width lose zeros at their end
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(samples.tobytes())
    return file.getvalue()


def _png(rng: np.random.Generator) -> bytes:
    pixels = rng.integers(0, 256, (_IMAGE, _IMAGE * 3), np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", _IMAGE, _IMAGE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
