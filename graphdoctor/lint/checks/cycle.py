"""Cycles other than those of TensorFlow 1 loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit

_SHOWN = 4
_MOST = 20
"""Cycles that are told apart; a graph made to hold thousands is refused as well by the first ones."""


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each cycle, at its first node in file order."""
    cyclic = ctx.graph.order().cyclic
    waiting = set(cyclic)
    place = {node: i for i, node in enumerate(cyclic)}
    found = 0
    for node in cyclic:
        if node in waiting and found < _MOST:
            cycle = _cycle_from(node, waiting)
            waiting.difference_update(cycle)
            if cycle:
                found += 1
                yield Hit(min(cycle, key=place.__getitem__), _told(cycle), covers=tuple(cycle))


def _cycle_from(start: Node, among: set[Node]) -> Sequence[Node]:
    """A cycle that is reached from ``start`` by going to producers in ``among``; empty if there is none."""
    path: list[Node] = []
    place: dict[Node, int] = {}
    node: Node | None = start
    while node is not None and node not in place:
        place[node] = len(path)
        path.append(node)
        producers = (*(v.node for v in node.inputs), *node.controls)
        node = next((p for p in producers if p in among), None)
    if node is None:
        among.difference_update(path)
        return ()
    return path[place[node] :]


def _told(cycle: Sequence[Node]) -> str:
    names = [n.name for n in reversed(cycle[:_SHOWN])]
    rest = f" ({len(cycle)} nodes in all)" if len(cycle) > _SHOWN else ""
    return f"it depends on itself through {', '.join(names)}{rest}"
