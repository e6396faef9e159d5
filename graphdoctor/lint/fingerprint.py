"""Where a finding is, said without names: the next export of the same graph has the same fingerprints.

A node's label is its op, its attributes, the shapes it gives, and in rounds (Weisfeiler-Lehman) the labels of what it
reads and of what reads it. What changes from one export to the next is left out: names, the order of nodes, dead
nodes, weights, the batch, attributes at their defaults, and those that begin with an underscore.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from graphdoctor.findings import Finding
from graphdoctor.ir import Graph, Node
from graphdoctor.ops import find_op
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.types import DType, dims_text
from graphdoctor.wire.attrs import AttrOpaque, FuncRef, RefDType, ShapeValue, UnknownDType
from graphdoctor.wire.tensors import Tensor, TensorError

ROUNDS = 2
"""How far a fingerprint looks: an edit farther away leaves it."""
_NAMES = frozenset({"shared_name", "container", "message", "summarize", "element_name", "tensor_name"})
"""Attributes that hold names and words for people."""
_SMALL = 16
"""Integer constants of so many elements are arguments (axes, permutations), and count; others are weights."""


def fingerprinted(findings: Iterable[Finding], graph: Graph, specs: Specs) -> tuple[Finding, ...]:
    """``findings`` with their fingerprints; equal ones are told apart by a number behind a dot.

    Linear in the nodes near a finding; the rest of the graph is not looked at.
    """
    labels = _Labels(graph, specs)
    seen: Counter[str] = Counter()
    found = []
    for finding in findings:
        mark = labels.mark(finding)
        seen[mark] += 1
        found.append(finding.marked(mark if seen[mark] == 1 else f"{mark}.{seen[mark]}"))
    return tuple(found)


class _Labels:
    """Labels of nodes by round, each worked out once."""

    def __init__(self, graph: Graph, specs: Specs) -> None:
        self._graph = graph
        self._specs = specs
        self._live = graph.live() if graph.outputs else set(graph)
        self._outputs = {v.node for v in graph.outputs}
        self._rounds: list[dict[Node, bytes]] = [{} for _ in range(ROUNDS + 1)]
        self._places: dict[tuple[str, ...], bytes] = {}

    def mark(self, finding: Finding) -> str:
        """The fingerprint of ``finding``, of which others may have the same."""
        names = (finding.node, *finding.covers)
        places = self._places.get(names)
        if places is None:
            places = self._places[names] = self._place(names)
        head = f"{finding.code} {finding.target} {finding.certain}".encode()
        return _hash(head, places or finding.message.encode(errors="replace"), size=16).hex()

    def _place(self, names: Iterable[str]) -> bytes:
        """What is around the nodes of ``names``, empty where the graph has none of them."""
        nodes = [n for name in set(names) if (n := self._graph.get(name)) is not None]
        return b"".join(sorted(self._around(n, ROUNDS) for n in nodes))

    def _label(self, node: Node, rounds: int) -> bytes:
        """A constant is known by itself alone: exports share constants in different ways."""
        if rounds and node.op != "Const":
            return self._around(node, rounds)
        known = self._rounds[0]
        if node not in known:
            known[node] = _hash(*self._own(node))
        return known[node]

    def _around(self, node: Node, rounds: int) -> bytes:
        known = self._rounds[rounds]
        if node not in known:
            known[node] = _hash(self._label(node, rounds - 1), *self._neighbours(node, rounds - 1))
        return known[node]

    def _neighbours(self, node: Node, rounds: int) -> Iterable[bytes]:
        yield from (b"in %d " % v.index + self._label(v.node, rounds) for v in node.inputs)
        yield from sorted(b"after " + self._label(n, rounds) for n in node.controls)
        uses = (u for u in self._graph.uses(node) if node not in self._live or u.node in self._live)
        yield from sorted(b"out %d %d " % (u.index, u.slot) + self._label(u.node, rounds) for u in uses)

    def _own(self, node: Node) -> Iterable[bytes]:
        yield node.op.encode(errors="replace")
        yield b"output" if node in self._outputs else b""
        for spec in self._specs.table.get(node, ()):
            shape = spec.shape if node.op == "Const" or not spec.shape else (None, *spec.shape[1:])
            yield f"{spec.dtype.label}{dims_text(shape)}".encode()
        op = find_op(node.op)
        defaults = {} if op is None else op.defaults
        for key in node.attrs:
            if key.startswith("_") or key in _NAMES or (key in ("shape", "value") and node.op.startswith("Place")):
                continue
            value = node.attr(key)
            if key not in defaults or value != defaults[key]:
                yield f"{key}={_text(value)}".encode(errors="replace")


def _text(value: object) -> str:
    """An attribute's value, the same in every process."""
    if isinstance(value, (DType, RefDType, UnknownDType)):
        return value.label
    if isinstance(value, ShapeValue):
        return dims_text(value.dims)
    if isinstance(value, Tensor):
        return _tensor_text(value)
    if isinstance(value, tuple):
        return f"[{','.join(_text(v) for v in value)}]"
    if isinstance(value, FuncRef):
        return "function"
    return value.data.hex() if isinstance(value, AttrOpaque) else repr(value)


def _tensor_text(tensor: Tensor) -> str:
    try:
        text = f"{tensor.dtype.label}{dims_text(tensor.shape)}"
        if tensor.dtype.is_integer and tensor.element_count <= _SMALL:
            text += str(tensor.array().tolist())
    except TensorError:
        return "damaged"
    return text


def _hash(*parts: bytes, size: int = 8) -> bytes:
    return blake2b(b"".join([b"%d %b" % (len(part), part) for part in parts]), digest_size=size).digest()


def unnumbered(fingerprint: str) -> str:
    """``fingerprint`` without the number that tells equal ones apart."""
    return fingerprint.partition(".")[0]


def place_name(node: str, prefixes: Sequence[str] = ("StatefulPartitionedCall/", "PartitionedCall/", "import/")) -> str:
    """``node`` without what wraps a whole graph when it is frozen or imported."""
    while True:
        shorter = next((node.removeprefix(p) for p in prefixes if node.startswith(p)), node)
        if shorter == node:
            return node
        node = shorter
