"""Collapsing: one node takes the place of a namespace."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from graphdoctor.graphsurgeon.graphdef import GraphDef
from graphdoctor.graphsurgeon.index import Index, base_name, is_control
from graphdoctor.graphsurgeon.nodedef import NodeDef, copied


def collapse(
    graph: GraphDef, index: Index, namespaces: Mapping[str, Any], excluded: Iterable[str], *, unique: bool
) -> None:
    """Put the nodes of ``namespaces`` at the end of ``graph``, each in the place of its members.

    Raises:
        ValueError: one has the name of a node that stays; nothing is changed.
    """
    plugins = {node.name: copied(node) for node in namespaces.values()}
    members = _members(graph, namespaces, frozenset(excluded))
    clash = next((n for n in plugins if index.node(n) is not None and n not in members), None)
    if clash is not None:
        raise ValueError(f"the graph has another node {clash!r}: give the plugin node a name of its own")
    fed: dict[str, list[str]] = {name: list(plugin.input) for name, plugin in plugins.items()}
    readers = _outside_readers(graph, index, members)
    for node in [n for n in graph.nodes() if n.name in members]:
        own = members[node.name]
        fed[own] += [r for r in _renamed(node.input, members) if base_name(r) != own]
        graph.discard([node])
    for reader in readers:
        reader.input[:] = _without_repeats(_renamed(reader.input, members), plugins.keys())
    for name, plugin in plugins.items():
        plugin.input[:] = _ordered(fed[name], unique)
    graph.take(plugins.values())
    _warn_of_cycles(graph, index, plugins)


def _members(graph: GraphDef, namespaces: Mapping[str, Any], excluded: frozenset[str]) -> dict[str, str]:
    """Name of every node that is in a namespace to the name of the node that takes its place."""
    names = {path: str(node.name) for path, node in namespaces.items()}
    found = {}
    for node in graph.nodes():
        path = node.name
        while path and path not in names:
            path = path.rpartition("/")[0]
        if path and node.name not in excluded:
            found[node.name] = names[path]
    return found


def _outside_readers(graph: GraphDef, index: Index, members: Mapping[str, str]) -> list[NodeDef]:
    found = {id(r): r for name in members for r in index.readers(name) if r.name not in members}
    return list(found.values())


def _renamed(inputs: Iterable[str], members: Mapping[str, str]) -> list[str]:
    """``inputs`` with a member's reference replaced by its new node; what is waited for stays waited for."""
    result = []
    for reference in inputs:
        new = members.get(base_name(reference))
        result.append(reference if new is None else f"^{new}" if is_control(reference) else new)
    return result


def _without_repeats(inputs: list[str], plugins: Iterable[str]) -> list[str]:
    """Each of ``plugins`` once; waited for only where it is not read anyhow."""
    names = frozenset(plugins)
    result: list[str] = []
    for reference in inputs:
        name = base_name(reference)
        repeated = reference in result or (is_control(reference) and name in inputs)
        if name not in names or not repeated:
            result.append(reference)
    return result


def _ordered(inputs: list[str], unique: bool) -> list[str]:
    """Values first, in the order found; then what is waited for and not read anyhow."""
    data = [r for r in inputs if not is_control(r)]
    read = set(map(base_name, data))
    controls = dict.fromkeys(r for r in inputs if is_control(r) and base_name(r) not in read)
    return [*(dict.fromkeys(data) if unique else data), *controls]


def _warn_of_cycles(graph: GraphDef, index: Index, plugins: Iterable[str]) -> None:
    looping = _on_cycles(graph, index)
    for name in plugins:
        if name in looping:
            through = next((r.name for r in index.readers(name) if r.name in looping), name)
            warnings.warn(
                f"{name} reads what reads it, through {through}, which lies between two members of its namespace",
                stacklevel=4,
            )
            return


def _on_cycles(graph: GraphDef, index: Index) -> set[str]:
    """Names of the nodes on a cycle, or between two."""
    reads = {n.name: {base_name(r) for r in n.input if index.node(base_name(r)) is not None} for n in graph.nodes()}
    read_by: dict[str, set[str]] = {name: set() for name in reads}
    for name, others in reads.items():
        for other in others:
            read_by[other].add(name)
    left = set(reads)
    for forwards, backwards in ((reads, read_by), (read_by, reads)):
        waits = {name: len(forwards[name] & left) for name in left}
        free = [name for name, count in waits.items() if not count]
        while free:
            done = free.pop()
            left.discard(done)
            for name in backwards[done] & left:
                waits[name] -= 1
                if not waits[name]:
                    free.append(name)
    return left
