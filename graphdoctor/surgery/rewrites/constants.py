"""Constant subgraphs, computed ahead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from graphdoctor.ir import Graph, GraphView, Node
from graphdoctor.match.constants import PASS_THROUGH, source_of
from graphdoctor.match.frames import FLOW_OPS
from graphdoctor.passes.fold_constants import Folded, find_foldable
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Refusal, propose
from graphdoctor.surgery.rewrites.common import become, takes_range_for_empty
from graphdoctor.surgery.waiting import Waiting
from graphdoctor.types import dims_text
from graphdoctor.wire.tensors import Tensor, TensorError


def fold_constants(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Replace what can be computed ahead by constants, at the end of each constant part only."""
    found: dict[Node, Folded] = {}
    try:
        # A view that is handed to a finder is the (frozen) graph.
        for folded in find_foldable(cast(Graph, graph), facts.specs):
            found[folded.node] = folded
    except TensorError as e:
        yield from (Refusal(n, f"a constant is damaged: {e.message}") for n in _damaged(graph))
    for node in found:
        if takes_range_for_empty(node):
            yield Refusal(node, "TensorFlow takes the range of its values for empty and gives NaN")
    going = {f.node: f for f in _without_conditions(graph, found)}
    for folded in going.values():
        if _is_end(graph, folded.node, going):
            tensor = folded.tensor
            steps = become(folded.node, "Const", (), {"dtype": tensor.dtype, "value": tensor})
            sources = tuple(v.node for v in folded.node.inputs)
            note = f"{folded.node.op} computed: {tensor.dtype.label}{dims_text(tensor.shape)}"
            yield propose(folded.node, *steps, touches=sources, note=note)


def _damaged(graph: GraphView) -> Iterator[Node]:
    """The constants whose values cannot be read."""
    for node in graph.by_op("Const"):
        tensor = node.attr("value")
        try:
            if isinstance(tensor, Tensor):
                tensor.array()
        except TensorError:
            yield node


def _without_conditions(graph: GraphView, found: dict[Node, Folded]) -> Iterator[Folded]:
    """Those of ``found`` that run always: a constant would also run where a branch or a loop does not.

    Left out too is what TensorFlow computes otherwise than arithmetic does.
    """
    waiting = Waiting(graph) if graph.by_op(*FLOW_OPS) else None
    bound: set[Node] = set()
    for node in graph.order().nodes:
        if node.controls or takes_range_for_empty(node) or any(v.node in bound for v in node.inputs):
            bound.add(node)
        elif node in found and (waiting is None or waiting.runs_always(node)):
            yield found[node]


def _is_end(graph: GraphView, node: Node, going: dict[Node, Folded]) -> bool:
    """True if something that is not folded itself reads ``node``; copies of constants are left to others."""
    if node.op in PASS_THROUGH and source_of(node.out()).node.op == "Const":
        return False
    return graph.is_output(node) or any(u.slot >= 0 and u.node not in going for u in graph.uses(node))


FINDERS = {"fold-constants": Finder(fold_constants)}
