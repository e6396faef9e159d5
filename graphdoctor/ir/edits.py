"""The edit log: every structural change, with what is needed to take it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphdoctor.ir.attrs import Attrs
from graphdoctor.ir.node import Node, Value


@dataclass(frozen=True, slots=True)
class Added:
    """``node`` came into the graph."""

    node: Node


@dataclass(frozen=True, slots=True)
class Removed:
    """``node`` left the graph."""

    node: Node


@dataclass(frozen=True, slots=True)
class Changed:
    """One field of ``node`` (``name op inputs controls attrs device origins``) went from ``before`` to ``after``."""

    node: Node
    field: str
    before: Any
    after: Any


Edit = Added | Removed | Changed


def inverse(edit: Edit) -> Edit:
    """The edit that takes ``edit`` back."""
    if isinstance(edit, Added):
        return Removed(edit.node)
    if isinstance(edit, Removed):
        return Added(edit.node)
    return Changed(edit.node, edit.field, edit.after, edit.before)


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node was at one time; the unit of a diff."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attrs: Attrs


@dataclass(frozen=True, slots=True)
class NodeDiff:
    """A node before and after; ``None`` where it did not or does not exist."""

    before: NodeState | None
    after: NodeState | None

    @property
    def name(self) -> str:
        """The node's name, the later one if it was renamed."""
        state = self.after or self.before
        return state.name if state else ""


def input_names(inputs: tuple[Value, ...], controls: tuple[Node, ...]) -> tuple[str, ...]:
    """Inputs as a GraphDef writes them: ``a``, ``b:1``, ``^c``."""
    return tuple(v.name for v in inputs) + tuple(f"^{c.name}" for c in controls)


def state_of(node: Node) -> NodeState:
    """The state of ``node`` now."""
    return NodeState(node.name, node.op, input_names(node.inputs, node.controls), node.attrs)


def diff_of(edits: list[Edit]) -> list[NodeDiff]:
    """Node-level differences that ``edits`` made, by node name; what was changed and changed back is left out."""
    first: dict[Node, dict[str, Any] | None] = {}
    alive: dict[Node, bool] = {}
    for edit in edits:
        if isinstance(edit, Added):
            first.setdefault(edit.node, None)
            alive[edit.node] = True
        elif isinstance(edit, Removed):
            first.setdefault(edit.node, {})
            alive[edit.node] = False
        else:
            before = first.setdefault(edit.node, {})
            if before is not None:
                before.setdefault(edit.field, edit.before)
            alive.setdefault(edit.node, True)
    diffs = [_diff(node, before, alive[node]) for node, before in first.items()]
    return sorted((d for d in diffs if d.before != d.after), key=lambda d: d.name)


def _diff(node: Node, before: dict[str, Any] | None, alive: bool) -> NodeDiff:
    after = state_of(node) if alive else None
    if before is None:
        return NodeDiff(None, after)
    old = NodeState(
        before.get("name", node.name),
        before.get("op", node.op),
        input_names(before.get("inputs", node.inputs), before.get("controls", node.controls)),
        before.get("attrs", node.attrs),
    )
    return NodeDiff(old, after)


def diff_graphs(before: Iterable[Node], after: Iterable[Node]) -> list[NodeDiff]:
    """Node-level differences of two graphs, nodes told by name; by node name."""
    old, new = ({n.name: state_of(n) for n in nodes} for nodes in (before, after))
    diffs = (NodeDiff(old.get(name), new.get(name)) for name in sorted({*old, *new}))
    return [d for d in diffs if d.before != d.after]
