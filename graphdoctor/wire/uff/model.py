"""A UFF file in memory: plain values, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from graphdoctor.wire.uff.data import Blob, Data

CORE_VERSION = 1
"""Format and core version of every file seen, whatever release wrote it."""
TENSORFLOW_EXTENSION, CUSTOM = "tensorflow_extension", "custom"
"""The descriptors of NVIDIA's converter: the second only where a node is a plugin's."""
MAIN = "main"
"""The id of the one graph that a file holds."""
MAX_REFERENCES = 16
"""How far a reference is followed; no converter writes one to another."""
MARK_OUTPUT, INPUT, CONST = "MarkOutput", "Input", "Const"


class Descriptor(NamedTuple):
    """A set of ops that the file needs."""

    id: str
    version: int = 1
    optional: bool = False


class Lost(NamedTuple):
    """Something the file has and the model in memory has not: where it is, and what."""

    where: str
    what: str


@dataclass(slots=True)
class UffNode:
    """One node. ``inputs`` are ids of nodes: UFF knows neither output numbers nor control edges."""

    id: str
    op: str
    inputs: list[str] = field(default_factory=list)
    fields: dict[str, Data] = field(default_factory=dict)
    extra_fields: dict[str, Data] = field(default_factory=dict)

    @property
    def is_custom(self) -> bool:
        """True where a plugin must know the op: ``_`` and its name."""
        return self.op.startswith("_")


@dataclass(slots=True)
class UffGraph:
    """Nodes in file order: NVIDIA's converter writes a node before what it reads, and the marked outputs last."""

    id: str = MAIN
    nodes: list[UffNode] = field(default_factory=list)
    extra_fields: dict[str, Data] = field(default_factory=dict)

    def by_id(self) -> dict[str, UffNode]:
        """The nodes by id; of several with one id the first."""
        found: dict[str, UffNode] = {}
        for node in self.nodes:
            found.setdefault(node.id, node)
        return found

    def inputs(self) -> list[UffNode]:
        """The Input nodes, in file order."""
        return [n for n in self.nodes if n.op == INPUT]

    def outputs(self) -> list[str]:
        """The ids that are marked as outputs, in file order, each as often as it is marked."""
        return [i for n in self.nodes if n.op == MARK_OUTPUT for i in n.inputs]


@dataclass(slots=True)
class UffModel:
    """A file.

    Attributes:
        references: weights and orders by key, in file order.
        lost: what reading left out; a file without such entries is written back byte for byte.
    """

    version: int = CORE_VERSION
    core_version: int = CORE_VERSION
    descriptors: list[Descriptor] = field(default_factory=list)
    graphs: list[UffGraph] = field(default_factory=list)
    references: dict[str, Data] = field(default_factory=dict)
    extra_fields: dict[str, Data] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    digests: dict[int, tuple[Blob, str]] = field(default_factory=dict, repr=False, compare=False)
    """Blobs with their digests, by identity: many constants may share one that is large."""

    @property
    def graph(self) -> UffGraph:
        """The first graph; an empty one where the file has none."""
        return self.graphs[0] if self.graphs else UffGraph()

    def nodes(self) -> Iterator[UffNode]:
        """The nodes of all graphs."""
        for graph in self.graphs:
            yield from graph.nodes

    def resolve(self, data: Data | None) -> Data | None:
        """``data``, or what it refers to; ``None`` where that is missing, refers to itself, or is too far away."""
        for _ in range(MAX_REFERENCES):
            if data is None or data.member != "ref":
                return data
            data = self.references.get(data.value)
        return None

    def field(self, node: UffNode, name: str) -> Data | None:
        """The field ``name`` of ``node`` with references followed; ``None`` where it or its reference is missing."""
        return self.resolve(node.fields.get(name))

    def value(self, node: UffNode, name: str, member: str) -> object:
        """The value of a field if it is of the type ``member``, else ``None``."""
        data = self.field(node, name)
        return data.value if data is not None and data.member == member else None

    def blob(self, node: UffNode) -> Blob | None:
        """The bytes of a Const."""
        data = self.field(node, "values")
        return data.value if data is not None and data.member == "blob" else None
