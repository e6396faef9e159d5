"""Topological order that knows TensorFlow's loops."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from graphdoctor.ir.node import MISSING_OP, Node

BACK_EDGE_OPS = frozenset({"NextIteration", "RefNextIteration"})
"""The output of these ops runs backwards into a Merge: the one legal cycle of a TensorFlow 1 graph."""
_UNAWAITED = BACK_EDGE_OPS | {MISSING_OP}


@dataclass(frozen=True, slots=True)
class Order:
    """Producers before consumers; ``cyclic`` are the nodes on or behind an illegal cycle, in file order."""

    nodes: tuple[Node, ...]
    cyclic: tuple[Node, ...]


def topological_order(nodes: Iterable[Node]) -> Order:
    """Order ``nodes`` so that producers come first, otherwise as in the file. Linear and without recursion."""
    listed = list(nodes)
    waiting: dict[Node, int] = {}
    readers: dict[Node, list[Node]] = {}
    for node in listed:
        producers = [p for p, _ in node.inputs if p.op not in _UNAWAITED]
        if node.controls:
            producers += [p for p in node.controls if p.op not in _UNAWAITED]
        waiting[node] = len(producers)  # one that is read twice is waited for twice, and comes twice
        for p in producers:
            if p in readers:
                readers[p].append(node)
            else:
                readers[p] = [node]
    ready = deque(n for n in listed if waiting[n] == 0)
    done: list[Node] = []
    while ready:
        node = ready.popleft()
        done.append(node)
        for reader in readers.get(node, ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    cyclic = () if len(done) == len(listed) else tuple(n for n in listed if waiting[n] > 0)
    return Order(tuple(done), cyclic)
