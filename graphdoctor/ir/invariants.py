"""What must hold of every graph after every round of rewrites."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.ir.graph import Graph


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold, and the node where it fails."""

    invariant: str
    node: str
    detail: str


def broken_invariants(graph: Graph, *, allow_missing: frozenset[str] = frozenset()) -> list[Broken]:
    """The invariants that do not hold: every input exists, no illegal cycle, inputs and outputs are still there.

    Args:
        graph: the graph to look at.
        allow_missing: names that dangled before the first edit, and may still.
    """
    found = [
        Broken("inputs-exist", user.name, f"reads {node.name!r}, which is not in the graph")
        for node in graph.missing()
        if node.name not in allow_missing
        for user in graph.consumers(node)
    ]
    found += [Broken("acyclic", n.name, "lies on a cycle or behind one") for n in graph.order().cyclic[:5]]
    found += [Broken("keeps-inputs", n.name, "is an input and was lost") for n in graph.inputs if n.name not in graph]
    found += [
        Broken("keeps-outputs", v.name, "is an output and was lost")
        for v in graph.outputs
        if v.node.name not in graph or graph.get(v.node.name) is not v.node
    ]
    return found
