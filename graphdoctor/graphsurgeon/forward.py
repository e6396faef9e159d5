"""Forwarding: a node goes, and its readers read its inputs in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphdoctor.graphsurgeon.graphdef import GraphDef
from graphdoctor.graphsurgeon.index import Index, base_name, is_control, output_index
from graphdoctor.graphsurgeon.nodedef import NodeDef

MOST_INPUTS = 1_000_000
"""Inputs beyond which forwarding gives up: n layers of ``F(a, a)`` would give 2^n."""


def forward(graph: GraphDef, index: Index, nodes: Iterable[NodeDef]) -> None:
    """Forward every one of ``nodes`` that can be.

    Raises:
        ValueError: a reader would get more than :data:`MOST_INPUTS` inputs; nothing is changed.
    """
    going = {n.name: n for n in nodes if _can_go(n, index)}
    _keep_cycles(going)
    instead = _replacements(going)
    readers = {id(r): r for name in going for r in index.readers(name) if going.get(r.name) is not r}
    graph.discard([n for name in going for n in index.named(name)])
    for reader in readers.values():
        reader.input[:] = replaced(reader.input, instead)


def replaced(inputs: Iterable[str], instead: Mapping[str, list[str]]) -> list[str]:
    """``inputs`` with what ``instead`` has for a name in its place; what is waited for stays waited for.

    Raises:
        ValueError: there would be more than :data:`MOST_INPUTS`.
    """
    result: list[str] = []
    for reference in inputs:
        new = instead.get(base_name(reference))
        if new is None:
            result.append(reference)
        elif is_control(reference):
            waited = (f"^{base_name(r)}" for r in new)
            result += [c for c in dict.fromkeys(waited) if c not in result]
        else:
            result += new
        if len(result) > MOST_INPUTS:
            raise ValueError(f"a node would get more than {MOST_INPUTS:,} inputs")
    return result


def _can_go(node: NodeDef, index: Index) -> bool:
    if any(map(is_control, node.input)):
        return False
    return not any(
        base_name(r) == node.name and output_index(r) > 0 for reader in index.readers(node.name) for r in reader.input
    )


def _keep_cycles(going: dict[str, NodeDef]) -> None:
    """Take the nodes on and behind a cycle of nodes that all go out of ``going``."""
    waits = {name: {base_name(r) for r in node.input} & going.keys() for name, node in going.items()}
    readers: dict[str, list[str]] = {}
    for name, names in waits.items():
        for other in names:
            readers.setdefault(other, []).append(name)
    free = [name for name, names in waits.items() if not names]
    settled = set(free)
    while free:
        done = free.pop()
        for name in readers.get(done, ()):
            waits[name].discard(done)
            if not waits[name] and name not in settled:
                settled.add(name)
                free.append(name)
    for name in going.keys() - settled:
        del going[name]


def _replacements(going: Mapping[str, NodeDef]) -> dict[str, list[str]]:
    """What stands for each node that goes, in references to nodes that stay."""
    done: dict[str, list[str]] = {}
    for start in going:
        stack = [start]
        while stack:
            name = stack[-1]
            open_ = [b for b in map(base_name, going[name].input) if b in going and b not in done]
            if name not in done and open_:
                stack += open_
                continue
            stack.pop()
            if name not in done:
                done[name] = replaced(going[name].input, done)
    return done
