"""Removal of what the outputs do not need."""

from __future__ import annotations

from graphdoctor.ir import Graph, Node


def dead_nodes(graph: Graph) -> list[Node]:
    """Nodes that no output of the graph depends on, by data or control; inputs of the graph are kept."""
    live = graph.live()
    kept = set(graph.inputs)
    return [n for n in graph if n not in live and n not in kept]


def prune(graph: Graph) -> int:
    """Remove the dead nodes, consumers first; returns how many."""
    dead = dead_nodes(graph)
    for node in dead:
        graph.set_inputs(node, (), ())
    for node in dead:
        graph.remove(node)
    return len(dead)
