"""What differs between two UFF models, by meaning: not the order of nodes or fields, nor where values are filed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphdoctor.wire.uff import UffModel, UffNode
from graphdoctor.wire.uff.model import MARK_OUTPUT
from graphdoctor.wire.uff.notation import format_node


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node before and after as text; empty where it is not there."""

    id: str
    before: str
    after: str

    @property
    def kind(self) -> str:
        """``changed``, ``removed`` or ``added``."""
        if not self.before:
            return "added"
        return "changed" if self.after else "removed"


@dataclass(frozen=True, slots=True)
class UffDiff:
    """Differences: ``head`` of the model as a whole, a line each; nodes, worst first; ids that only are others."""

    head: tuple[str, ...]
    nodes: tuple[NodeChange, ...]
    renamed: tuple[tuple[str, str], ...]

    @property
    def is_empty(self) -> bool:
        """True if both say the same of the same ids."""
        return not (self.head or self.nodes or self.renamed)


def compare_uff(before: UffModel, after: UffModel) -> UffDiff:
    """Compare node by node; marked outputs by what they mark, in their order."""
    old, new = _nodes(before), _nodes(after)
    renamed = _renamed(before, after, old, new)
    changes = list(_changes(before, after, (old, new), renamed))
    changes.sort(key=lambda c: (("changed", "removed", "added").index(c.kind), c.id))
    return UffDiff(tuple(_head(before, after, renamed)), tuple(changes), tuple(sorted(renamed.items())))


def _nodes(model: UffModel) -> dict[str, UffNode]:
    """By id; a second node of one id is told apart by a number."""
    found: dict[str, UffNode] = {}
    for node in model.nodes():
        if node.op == MARK_OUTPUT:
            continue
        key, number = node.id, 2
        while key in found:
            key, number = f"{node.id} ({number})", number + 1
        found[key] = node
    return found


def _changes(
    before: UffModel, after: UffModel, nodes: tuple[dict[str, UffNode], dict[str, UffNode]], renamed: Mapping[str, str]
) -> Iterator[NodeChange]:
    old, new = nodes
    for key, node in old.items():
        text, other = format_node(before, node, rename=renamed), new.get(renamed.get(key, key))
        if other is None:
            yield NodeChange(key, format_node(before, node), "")
        elif text != (now := format_node(after, other)):
            yield NodeChange(key, text, now)
    kept = {renamed.get(key, key) for key in old}
    for key, node in new.items():
        if key not in kept:
            yield NodeChange(key, "", format_node(after, node))


def _renamed(
    before: UffModel, after: UffModel, old: Mapping[str, UffNode], new: Mapping[str, UffNode]
) -> dict[str, str]:
    """Nodes that are gone and come back under another id with the same values behind them, alike ones in file order."""
    gone, come = ([k for k in a if k not in b] for a, b in ((old, new), (new, old)))
    if not gone or not come:
        return {}
    left, right = structure(before), structure(after)
    by_mark: dict[bytes, list[str]] = {}
    for key in come:
        by_mark.setdefault(right[new[key].id], []).append(key)
    pairs: dict[str, str] = {}
    for key in gone:
        same = by_mark.get(left[old[key].id])
        if same:
            pairs[key] = same.pop(0)
    return pairs


def structure(model: UffModel) -> dict[str, bytes]:
    """For each id a mark of the node and of all that it depends on, ids left out; linear in the nodes."""
    nodes = {node.id: node for node in reversed(list(model.nodes()))}
    marks: dict[str, bytes] = {}
    for start in nodes:
        path = [start]
        entered: set[str] = set()
        while path:
            node = nodes[path[-1]]
            waiting = [i for i in node.inputs if i in nodes and i not in marks and i not in entered]
            if node.id not in entered and node.id not in marks and waiting:
                entered.add(node.id)
                path += waiting
                continue
            path.pop()
            marks.setdefault(node.id, _mark(model, node, marks))
    return marks


def _mark(model: UffModel, node: UffNode, marks: Mapping[str, bytes]) -> bytes:
    """Of an input on a cycle there is no mark yet: then it counts by its place alone."""
    own = format_node(model, UffNode("", node.op, [], node.fields, node.extra_fields))
    parts = b"".join(marks.get(i, b"?") + b"," for i in node.inputs)
    return hashlib.sha256(own.encode(errors="replace") + parts).digest()


def _head(before: UffModel, after: UffModel, renamed: Mapping[str, str]) -> Iterator[str]:
    for name, old, new in (
        ("version", before.version, after.version),
        ("core version", before.core_version, after.core_version),
        ("graphs", len(before.graphs), len(after.graphs)),
    ):
        if old != new:
            yield f"{name} is {new} and was {old}"
    old_sets, new_sets = ({(d.id, d.version) for d in m.descriptors} for m in (before, after))
    yield from (f"descriptor {name} {version} is gone" for name, version in sorted(old_sets - new_sets))
    yield from (f"descriptor {name} {version} is new" for name, version in sorted(new_sets - old_sets))
    was = [renamed.get(i, i) for g in before.graphs for i in g.outputs()]
    now = [i for g in after.graphs for i in g.outputs()]
    if was != now:
        yield f"outputs are {', '.join(now) or 'none'} and were {', '.join(was) or 'none'}"
