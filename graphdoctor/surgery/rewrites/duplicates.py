"""What a graph stores or computes twice: equal constants, and equal nodes that read the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Literal

import msgspec

from graphdoctor.ir import GraphView, Node, Value, tensor_of
from graphdoctor.match.frames import FLOW_OPS
from graphdoctor.match.names import REF_SOURCES
from graphdoctor.ops import find_op
from graphdoctor.surgery.finder import Finder, Found
from graphdoctor.surgery.proposal import Drop, Facts, Proposal, Refusal, ReplaceValue, StandFor, Step, propose
from graphdoctor.types import Array
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.wire.tensors import Tensor, TensorError

_HINTS = frozenset({"_class", "_output_shapes"})
"""Private attributes that say nothing about the result."""
_CALLS = frozenset(
    "If StatelessIf While StatelessWhile Case StatelessCase PartitionedCall StatefulPartitionedCall".split()
)
_EDGE = 64
"""Bytes at either end of a constant that are compared before all of it is."""
Twins = dict[Node, Node]
"""A node to the equal one that takes its place."""


class MergeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``merge-duplicates``: constants among each other, or nodes that compute."""

    what: Literal["constants", "computations"]


def merge_duplicates(graph: GraphView, facts: Facts, options: MergeOptions) -> Found:
    """Let the readers of equal nodes read one of them; those that follow from each other go at once.

    Equal are nodes of one op that gives the same for the same, with the same attributes, inputs, control inputs and
    device. Constants are equal bit by bit.
    """
    if options.what == "constants":
        twins, named = _equal_constants(graph)
    else:
        twins, named = _equal_computations(graph)
    yield from (Refusal(n, f"{first.name} is equal, but both are outputs and keep their names") for n, first in named)
    for nodes in _families(twins):
        yield _merged(graph, nodes, twins)


def _equal_constants(graph: GraphView) -> tuple[Twins, list[tuple[Node, Node]]]:
    rough: dict[Hashable, list[tuple[Node, Tensor]]] = {}
    for node in graph.by_op("Const"):
        tensor = tensor_of(node)
        sketch = None if tensor is None or node.controls or node.inputs else _sketch(tensor)
        if tensor is not None and sketch is not None:
            rough.setdefault((node.device, _private(node), sketch), []).append((node, tensor))
    exact: dict[Hashable, list[Node]] = {}
    for key, found in rough.items():
        for node, tensor in found if len(found) > 1 else ():
            exact.setdefault((key, tensor.digest()), []).append(node)
    return _paired(graph, exact.values())


def _sketch(tensor: Tensor) -> Hashable:
    """Equal for equal constants, and cheap; ``None`` for what cannot be read."""
    try:
        array: Array = tensor.array()
        if tensor.is_splat or array.dtype.kind == "O":
            return tensor.dtype, tensor.shape, tensor.nbytes_stored
        flat = array.reshape(-1)
        return tensor.dtype, tensor.shape, flat[:_EDGE].tobytes(), flat[-_EDGE:].tobytes()
    except TensorError:
        return None


def _equal_computations(graph: GraphView) -> tuple[Twins, list[tuple[Node, Node]]]:
    """One walk, producers first: what reads equal nodes is compared as if it read one."""
    twins: Twins = {}
    named: list[tuple[Node, Node]] = []
    seen: dict[Hashable, Node] = {}
    for node in graph.order().nodes:
        if not _gives_the_same(node):
            continue
        first = seen.setdefault(_key(node, twins), node)
        if first is node:
            continue
        pairs, both = _paired(graph, [[first, node]])
        twins.update(pairs)
        named += both
        if first in pairs:
            seen[_key(node, twins)] = node
            twins.update({n: node for n, t in twins.items() if t is first})
    return twins, named


def _gives_the_same(node: Node) -> bool:
    op = find_op(node.op)
    if op is None or op.stateful or op.side_effect or not node.inputs:
        return False
    if node.op in FLOW_OPS or node.op in _CALLS or node.is_missing:
        return False
    return not any(v.node.is_missing or v.node.op in REF_SOURCES for v in node.inputs)


def _key(node: Node, twins: Twins) -> Hashable:
    inputs = tuple((twins.get(v.node, v.node), v.index) for v in node.inputs)
    controls = frozenset(twins.get(c, c) for c in node.controls)
    attrs = tuple(sorted((k, _plain(v)) for k, v in node.attrs.items() if k not in _HINTS))
    return node.op, node.device, attrs, inputs, controls


def _private(node: Node) -> Hashable:
    return tuple(sorted((k, _plain(v)) for k, v in node.attrs.items() if k.startswith("_") and k not in _HINTS))


def _plain(value: AttrPy) -> tuple[str, str]:
    """``value`` so that two are equal only if nobody can tell them apart: 0.0 is not -0.0, and 1 is not true."""
    text = value.digest() if isinstance(value, Tensor) else repr(value)
    if isinstance(value, tuple):
        text = repr([_plain(v) for v in value])
    return type(value).__name__, text


def _paired(graph: GraphView, groups: Iterable[list[Node]]) -> tuple[Twins, list[tuple[Node, Node]]]:
    """Of each group the one that stays, for the others; and outputs that are equal, each with the first of them."""
    twins: Twins = {}
    named: list[tuple[Node, Node]] = []
    for group in groups:
        stays = next((n for n in group if _keeps_name(graph, n)), group[0])
        for node in group:
            if node is stays:
                continue
            if _keeps_name(graph, node):
                named.append((node, stays))
            else:
                twins[node] = stays
    return twins, named


def _keeps_name(graph: GraphView, node: Node) -> bool:
    return graph.is_output(node) or node in graph.inputs


def _families(twins: Twins) -> Iterator[list[Node]]:
    """The nodes of ``twins``, those together that have one twin or of which one reads another. Linear but for log."""
    leader: dict[Node, Node] = {}

    def find(node: Node) -> Node:
        while leader.setdefault(node, node) is not node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for node, stays in twins.items():
        leader[find(node)] = find(stays)
        for producer in (*(v.node for v in node.inputs), *node.controls):
            if producer in twins:
                leader[find(node)] = find(producer)
    families: dict[Node, list[Node]] = {}
    for node in twins:
        families.setdefault(find(node), []).append(node)
    yield from families.values()


def _merged(graph: GraphView, nodes: list[Node], twins: Twins) -> Proposal:
    steps: list[Step] = []
    for node in nodes:
        stays = twins[node]
        used = sorted({u.index for u in graph.uses(node) if u.slot >= 0} | {0})
        steps += [ReplaceValue(node.out(i), Value(stays, i)) for i in used]
        steps += [Drop(node), StandFor(stays, (node,))]
    first, *rest = nodes
    more = f", and {len(rest)} more that follow" if rest else ""
    producers = [v.node for n in nodes for v in (*n.inputs, *twins[n].inputs)]
    note = f"{first.op} {first.name} is equal to {twins[first].name}{more}"
    return propose(first, *steps, touches=tuple(producers), note=note, also=tuple(rest))


FINDERS = {"merge-duplicates": Finder(merge_duplicates, MergeOptions)}
