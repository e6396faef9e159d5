"""Nodes that only pass their input on."""

from __future__ import annotations

import msgspec

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.names import PIVOT, marks_branch, why_kept, why_no_name
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Drop, Facts, Proposal, Refusal, ReplaceValue, Step, TakeOver, propose
from graphdoctor.surgery.rewrites.common import (
    IDENTITIES,
    become,
    dtype_of,
    has_limit,
    lacks,
)


class ForwardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``forward-input``: ``ops`` give input 0 on unchanged as output 0."""

    ops: tuple[str, ...]


def forward_input(graph: GraphView, facts: Facts, options: ForwardOptions) -> Found:
    """Let the readers of nodes of ``ops`` read what comes before; a whole run of them goes at once.

    One whose name must stay (an output) or whose control inputs must becomes an Identity; an Identity stays.
    """
    going: dict[Node, None] = {}
    for node in graph.by_op(*options.ops):
        if not node.inputs or node.inputs[0].node.is_missing:
            continue
        reason = why_kept(graph, node)
        if reason is None:
            going[node] = None
        elif node.op not in IDENTITIES:
            yield _as_identity(node, facts) if node not in graph.inputs else Refusal(node, reason)
        elif reason:
            yield Refusal(node, reason)
    for root, nodes in _runs(going).items():
        staying = {n: None for n in nodes if marks_branch(graph, n, root)}
        for node in staying:
            reason = PIVOT
            yield Refusal(node, reason) if node.op in IDENTITIES else _as_identity(node, facts)
        if len(staying) < len(nodes):
            yield _collapsed(root, [n for n in nodes if n not in staying])


def _as_identity(node: Node, facts: Facts) -> Proposal:
    dtype = dtype_of(node, facts.specs.of(node.inputs[0]))
    steps = become(node, "Identity", node.inputs[:1], {"T": dtype})
    return propose(node, *steps, touches=(node.inputs[0].node,), note=f"{node.op} -> Identity, to keep its name")


def _runs(going: dict[Node, None]) -> dict[Value, list[Node]]:
    """The nodes that go, by what the readers of each will read. Nodes on a cycle of their own kind are left out."""
    roots: dict[Node, Value | None] = {}
    for start in going:
        walked: list[Node] = []
        value: Value | None = start.out()
        while value is not None and value.node in going and value.index == 0 and value.node not in roots:
            roots[value.node] = None  # on the way: met again, it is a cycle
            walked.append(value.node)
            value = value.node.inputs[0]
        if value is not None and value.node in going and value.index == 0:
            value = roots[value.node]
        roots.update(dict.fromkeys(walked, value))
    runs: dict[Value, list[Node]] = {}
    for node in going:
        root = roots[node]
        if root is not None:
            runs.setdefault(root, []).append(node)
    return runs


def _collapsed(root: Value, nodes: list[Node]) -> Proposal:
    first, *rest = nodes
    steps: tuple[Step, ...] = (*(ReplaceValue(n.out(), root) for n in nodes), *(Drop(n) for n in nodes))
    note = f"{first.op} removed; its readers read {root.name}"
    return propose(first, *steps, touches=(root.node,), note=note, also=tuple(rest))


def split_identity_n(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Let the readers of an IdentityN read its inputs."""
    for node in graph.by_op("IdentityN"):
        if graph.is_output(node) or not node.inputs or any(v.node.is_missing for v in node.inputs):
            continue
        kept = why_kept(graph, node)
        if kept is not None or any(u.index >= len(node.inputs) for u in graph.uses(node)):
            yield Refusal(node, kept or "an output is read that it does not have")
            continue
        sources = tuple(v.node for v in node.inputs)
        if node in sources:
            continue
        replaced = (ReplaceValue(node.out(i), v) for i, v in enumerate(node.inputs))
        steps: tuple[Step, ...] = (*replaced, Drop(node))
        yield propose(node, *steps, touches=sources, note="IdentityN removed")


def output_identity(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Let what an Identity at the end of the graph reads take its place and its name, where the target has no layer.

    The same for a StopGradient, a PreventGradient and a Snapshot.
    """
    for node in dict.fromkeys(v.node for v in graph.outputs):
        if node.op not in IDENTITIES or len(node.inputs) != 1 or node.inputs[0].node.is_missing:
            continue
        if not (
            has_limit(facts, "identity-layer", without_target=True) if node.op == "Identity" else lacks(facts, node)
        ):
            continue
        producer = node.inputs[0].node
        reason = why_no_name(graph, node, dtype_of(node, facts.specs.of(node.inputs[0])))
        note = f"{producer.name} takes over the name {node.name}; its readers follow"
        yield Refusal(node, reason) if reason else propose(node, TakeOver(producer, node), note=note)


FINDERS = {
    "forward-input": Finder(forward_input, ForwardOptions),
    "split-identity-n": Finder(split_identity_n),
    "output-identity": Finder(output_identity),
}
