"""What is done after rewrites were applied, whatever they were."""

from __future__ import annotations

from collections.abc import Set

from graphdoctor.ir import Graph, Node
from graphdoctor.ir.edits import Changed

_COLOCATION = "_class"
_PREFIX = "loc:@"


def remove_orphans(graph: Graph, candidates: Set[Node]) -> int:
    """Remove those of ``candidates`` that no output needs and nothing else reads; returns how many.

    What was dead before stays as it is, with everything that it reads. Without outputs nothing is removed.
    """
    if not graph.outputs or not candidates:
        return 0
    roots = [v.node for v in graph.outputs] + list(graph.inputs)
    roots += [n for n in graph if n not in candidates]
    kept = graph.live(roots)
    orphans = [n for n in graph if n not in kept]
    for node in orphans:
        graph.set_inputs(node, (), ())
    for node in orphans:
        graph.remove(node)
    return len(orphans)


def remove_unread(graph: Graph, mark: int, alive: Set[Node]) -> int:
    """Remove nodes that lost their last reader since ``mark``, and what only they read; returns how many.

    Costs what was changed, not what the graph is long. Nodes that are not in ``alive`` nobody needed before: they stay.
    """
    kept = {*graph.inputs, *(v.node for v in graph.outputs)}
    waiting = [p for e in graph.edits(mark) if isinstance(e, Changed) for p in _producers(e)]
    count = 0
    while waiting:
        node = waiting.pop()
        if node in kept or node not in alive or graph.get(node.name) is not node or graph.consumers(node):
            continue
        waiting += [*(v.node for v in node.inputs), *node.controls]
        graph.set_inputs(node, (), ())
        graph.remove(node)
        count += 1
    return count


def _producers(edit: Changed) -> tuple[Node, ...]:
    """The nodes that were read before ``edit``."""
    if edit.field == "inputs":
        return tuple(v.node for v in edit.before)
    return edit.before if edit.field == "controls" else ()


def drop_stale_colocation(graph: Graph) -> int:
    """Drop colocation hints that name a node which is gone; returns how many nodes had one.

    TensorFlow refuses to import a node that is to be colocated with an unknown one.
    """
    stale = [(n, kept) for n in graph if _COLOCATION in n.attrs and (kept := _kept(graph, n)) is not None]
    for node, kept in stale:
        if kept:
            graph.set_attr(node, _COLOCATION, kept)
        else:
            graph.drop_attrs(node, _COLOCATION)
    return len(stale)


def _kept(graph: Graph, node: Node) -> tuple[str, ...] | None:
    """The hints of ``node`` that still mean something; ``None`` if all do."""
    hints = node.attr(_COLOCATION)
    if not isinstance(hints, tuple):
        return None
    kept = [h for h in hints if not str(h).startswith(_PREFIX) or str(h).removeprefix(_PREFIX) in graph]
    return None if len(kept) == len(hints) else tuple(map(str, kept))
