"""The graph as a networkx digraph. A module of its own, since importing networkx takes as long as checking a model."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx

from graphdoctor.ir.node import Node
from graphdoctor.ir.readers import Readers


def digraph_of(nodes: Iterable[Node], readers: Readers) -> nx.MultiDiGraph[Node]:
    """A frozen digraph with ``nodes`` and their edges; nodes that are only referred to are in it too."""
    digraph: nx.MultiDiGraph[Node] = nx.MultiDiGraph()
    digraph.add_nodes_from(nodes)
    for producer, uses in readers.items():
        for (consumer, slot), port in uses.items():
            digraph.add_edge(producer, consumer, key=slot, port=port)
    nx.freeze(digraph)
    return digraph
