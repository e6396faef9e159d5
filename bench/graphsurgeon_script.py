"""One graphsurgeon script over a large graph, a line a step: load, find, forward, remove, collapse, write."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import graphdoctor.graphsurgeon as gs


def main(path: str, out: str) -> None:
    """Run every step over the graph at ``path``; seconds of each on standard output."""
    with timed("load"):
        graph = gs.DynamicGraph(path)
    scopes = dict.fromkeys(node.name.partition("/")[0] for node in graph if "/" in node.name)
    with timed("find_nodes_by_op"):
        identities = graph.find_nodes_by_op("Identity")
    with timed(f"forward_inputs, {len(identities):,}"):
        graph.forward_inputs(identities)
    relus = graph.find_nodes_by_op("Relu6")
    names = [node.name for node in relus[:: max(len(relus) // 100, 1)]][:100]
    with timed(f"remove, {len(names)} times"):
        for name in names:
            graph.remove(name)
    plugins = {scope: gs.create_plugin_node(f"plugin_{scope}") for scope in scopes}
    with timed(f"collapse_namespaces, {len(plugins):,}"):
        graph.collapse_namespaces(plugins)
    with timed("write"):
        graph.write(out)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block took."""
    start = time.perf_counter()
    yield
    print(f"  {what:28} {time.perf_counter() - start:8.4f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
