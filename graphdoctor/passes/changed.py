"""Which nodes of a repaired graph compute something else than the original has, whatever they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from graphdoctor.ir import Graph, Node, tensor_of
from graphdoctor.match.choosing import Enclosed
from graphdoctor.match.constants import PASS_THROUGH, source_of

_Digest = Mapping[Node, bytes]


def changed_nodes(before: Graph, after: Graph, inside: Enclosed, inside_after: Enclosed) -> set[Node]:
    """The nodes of ``after`` that its outputs need and that are new or differ in op, attributes, or what they read.

    A node that reads an equal constant, an equal node, or the same through an Identity does not count.

    Args:
        before, after: the graph and the repaired one.
        inside, inside_after: their loops and branches.
    """
    old, new = _digests(before, inside), _digests(after, inside_after)
    known = {d for n, d in old.items() if n not in inside}
    found = set()
    for node in after.live(controls=False):
        same = node in new and node not in inside_after and new[node] in known
        if not same and node.op not in PASS_THROUGH and not _unchanged(before.get(node.name), node, old, new):
            found.add(node)
    return found


def _unchanged(was: Node | None, node: Node, old: _Digest, new: _Digest) -> bool:
    if was is None or _own(was) != _own(node) or len(was.inputs) != len(node.inputs):
        return False
    pairs = zip(map(source_of, was.inputs), map(source_of, node.inputs), strict=True)
    return all(a.index == b.index and (a.node.name == b.node.name or old[a.node] == new[b.node]) for a, b in pairs)


def _digests(graph: Graph, inside: Enclosed) -> dict[Node, bytes]:
    """What each node computes: of its op, attributes and inputs, down to constants; in a loop, its name."""
    found: dict[Node, bytes] = {}
    for node in graph.order().nodes:
        if node in inside or any(source_of(v).node not in found for v in node.inputs):
            found[node] = hashlib.sha256(b"\0" + node.name.encode("utf-8", "surrogatepass")).digest()
            continue
        total = hashlib.sha256(_own(node))
        for value in map(source_of, node.inputs):
            total.update(found[value.node] + str(value.index).encode())
        found[node] = total.digest()
    return found


def _own(node: Node) -> bytes:
    """Op and attributes, without those that only describe the node; its name where it has no inputs."""
    tensor = tensor_of(node)
    keys = [k for k in node.attrs if not k.startswith("_") and not (tensor is not None and k == "value")]
    parts = [f"{k}={node.attr(k)!r}" for k in keys]
    parts += [tensor.digest()] if tensor is not None else [] if node.inputs else [node.name]
    return "\n".join([node.op, *parts]).encode("utf-8", "surrogatepass")


def covered(nodes: set[Node], compared: set[Node], inside: Enclosed) -> set[Node]:
    """Those of ``nodes`` that are in ``compared``, or in a loop of which a node is."""
    loops = {inside.loops[n] for n in compared if n in inside.loops}
    return {n for n in nodes if n in compared or inside.loops.get(n) in loops}
