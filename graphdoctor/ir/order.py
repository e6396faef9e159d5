"""Topological order that knows TensorFlow's loops."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from graphdoctor.ir.node import Node

BACK_EDGE_OPS = frozenset({"NextIteration", "RefNextIteration"})
"""The output of these ops runs backwards into a Merge: the one legal cycle of a TensorFlow 1 graph."""


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
        producers = _producers(node)
        waiting[node] = len(producers)
        for p in producers:
            readers.setdefault(p, []).append(node)
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


def _producers(node: Node) -> set[Node]:
    found = {v.node for v in node.inputs}
    found.update(node.controls)
    return {p for p in found if not p.is_missing and p.op not in BACK_EDGE_OPS}
