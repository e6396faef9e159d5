"""A UFF file under the rules: its nodes as a graph, so that findings and fingerprints are as for graphs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphdoctor.ir import Graph, Node
from graphdoctor.lint.context import CheckContext
from graphdoctor.lint.plugins import SUFFIX, all_plugins
from graphdoctor.wire.uff import Data, UffModel, UffNode
from graphdoctor.wire.uff.model import INPUT, MARK_OUTPUT

KEY = "uff"
"""Where ``CheckContext.shared`` has the subject."""
_PLAIN = frozenset({"i", "d", "b", "s", "i_list", "d_list", "b_list", "s_list"})


@dataclass(slots=True)
class UffSubject:
    """A model and the graph of its nodes.

    Attributes:
        graph: the nodes under their ids, the first of several with one id; ``MarkOutput`` nodes are its outputs.
            A plugin's node has the plugin's name as op, and its fields as attributes.
        nodes: the same nodes in the file, by id.
        given: inputs whose dimensions were given.
        head: stands for the file as a whole where no node is to blame.
    """

    model: UffModel
    graph: Graph
    nodes: dict[str, UffNode] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    head: Node = field(default_factory=lambda: Node("", ""))

    def node(self, id_: str) -> Node:
        """The node of the graph with an id that the file has."""
        return self.graph.node(id_)


def subject_of(model: UffModel, given: frozenset[str] = frozenset()) -> UffSubject:
    """Make the graph of ``model``; inputs that the file does not have are left out of it."""
    subject = UffSubject(model, Graph(), given=given)
    for node in model.nodes():
        if node.id not in subject.nodes:
            subject.nodes[node.id] = node
            subject.graph.add(_op(node), node.id, attrs=_attrs(model, node))
    for node in subject.nodes.values():
        there = [subject.graph.node(i).out() for i in node.inputs if i in subject.nodes]
        subject.graph.set_inputs(subject.graph.node(node.id), there)
    subject.graph.inputs = tuple(subject.graph.by_op(INPUT))
    subject.graph.outputs = tuple(n.out() for n in subject.graph.by_op(MARK_OUTPUT))
    return subject


def _op(node: UffNode) -> str:
    name = node.op[1:]
    if node.is_custom and (name.endswith(SUFFIX) or name in all_plugins()):
        return name
    return node.op or "?"


def _attrs(model: UffModel, node: UffNode) -> dict[str, Any]:
    found = {key: model.resolve(data) for key, data in node.fields.items()}
    return {key: _value(data) for key, data in found.items() if data is not None and data.member in _PLAIN}


def _value(data: Data) -> Any:
    return data.value


def subject(ctx: CheckContext) -> UffSubject:
    """What a check is about."""
    found: UffSubject = ctx.shared[KEY]
    return found


def with_batch(ctx: CheckContext) -> frozenset[str]:
    """The ids of nodes whose first axis is the batch: what inputs lead to otherwise than by their shapes."""
    key = "uff with batch"
    if key not in ctx.shared:
        found = set(ctx.graph.inputs)
        waiting = list(found)
        while waiting:
            for reader in ctx.graph.consumers(waiting.pop()):
                if reader not in found and reader.op != "Shape":
                    found.add(reader)
                    waiting.append(reader)
        ctx.shared[key] = frozenset(n.name for n in found)
    ids: frozenset[str] = ctx.shared[key]
    return ids


def live_nodes(ctx: CheckContext, *ops: str) -> Iterator[tuple[UffNode, Node]]:
    """The nodes that the outputs depend on, of ``ops`` if any are named, in file order of each op."""
    by_op = _live(ctx)
    for op in ops or by_op:
        yield from by_op.get(op, ())


def _live(ctx: CheckContext) -> dict[str, list[tuple[UffNode, Node]]]:
    key = "uff live"
    if key not in ctx.shared:
        of, found = subject(ctx), dict[str, list[tuple[UffNode, Node]]]()
        for id_, node in of.nodes.items():
            place = of.node(id_)
            if place in ctx.live:
                found.setdefault(node.op, []).append((node, place))
        ctx.shared[key] = found
    live: dict[str, list[tuple[UffNode, Node]]] = ctx.shared[key]
    return live
