"""The narrowest place behind the weights of an engine: where the fewest tensors leave it.

Nodes behind the last op with weights may as well run on the host. What moves is a minimum cut: each value that the host
reads of the engine costs one. Of cuts that are equally narrow the last is taken, so that the engine does the most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import pairwise

from graphdoctor.ir import GraphView, Node, Value

_SOURCE, _SINK = "source", "sink"
_Vertex = Node | Value | str
_MANY = 1 << 30


def narrowest(
    graph: GraphView, nodes: Iterable[Node], fixed: AbstractSet[Node], outside: Callable[[Node], bool]
) -> set[Node]:
    """Those of ``nodes`` that are better on the host.

    Args:
        graph: where they are.
        nodes: of one engine, producers first.
        fixed: those of them that stay, and what they need.
        outside: True for a reader that is on the host, whatever is chosen.
    """
    listed = list(nodes)
    network = _Network()
    inside = frozenset(listed)
    for node in listed:
        if node in fixed:
            network.edge(_SOURCE, node, _MANY)
        for use in graph.uses(node):
            if use.slot < 0 or not (use.node in inside or outside(use.node)):
                continue
            value = Value(node, use.index)
            network.edge(node, value, 1)
            if use.node in inside:
                network.edge(value, use.node, _MANY)
                network.edge(use.node, node, _MANY)
            else:
                network.edge(value, _SINK, _MANY)
    network.fill()
    behind = network.reaches_sink()
    return {n for n in listed if n in behind and n not in fixed}


class _Network:
    """A flow network with whole capacities; augmented along shortest paths (Edmonds and Karp)."""

    def __init__(self) -> None:
        self._left: dict[_Vertex, dict[_Vertex, int]] = {_SOURCE: {}, _SINK: {}}

    def edge(self, start: _Vertex, end: _Vertex, capacity: int) -> None:
        """An edge; the same again changes nothing."""
        out = self._left.setdefault(start, {})
        self._left.setdefault(end, {}).setdefault(start, 0)
        out[end] = max(out.get(end, 0), capacity)

    def fill(self) -> None:
        """As much flow as goes through."""
        while path := self._path():
            for start, end in pairwise(path):
                self._left[start][end] -= 1
                self._left[end][start] += 1

    def _path(self) -> list[_Vertex]:
        came: dict[_Vertex, _Vertex] = {_SOURCE: _SOURCE}
        waiting: deque[_Vertex] = deque([_SOURCE])
        while waiting:
            vertex = waiting.popleft()
            for following, left in self._left[vertex].items():
                if left > 0 and following not in came:
                    came[following] = vertex
                    if following == _SINK:
                        return _back(came)
                    waiting.append(following)
        return []

    def reaches_sink(self) -> set[_Vertex]:
        """The vertices from which more could flow to the sink, were they fed: those behind the last minimum cut."""
        found: set[_Vertex] = {_SINK}
        waiting: deque[_Vertex] = deque([_SINK])
        while waiting:
            vertex = waiting.popleft()
            for before in self._left[vertex]:  # every edge is known from both of its ends
                if before not in found and self._left[before].get(vertex, 0) > 0:
                    found.add(before)
                    waiting.append(before)
        return found


def _back(came: Mapping[_Vertex, _Vertex]) -> list[_Vertex]:
    path: list[_Vertex] = [_SINK]
    while path[-1] != _SOURCE:
        path.append(came[path[-1]])
    return path[::-1]
