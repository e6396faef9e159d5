"""Applying one proposal to the graph, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.ir import Graph, Node, Value
from graphdoctor.surgery.proposal import (
    Drop,
    DropAttrs,
    Make,
    Proposal,
    Ref,
    ReplaceValue,
    SetAttr,
    SetInputs,
    SetOp,
    Step,
)


class NotApplicableError(Exception):
    """The proposal cannot be applied as it stands; the text says why. Nothing was changed."""


def apply_proposal(graph: Graph, proposal: Proposal) -> tuple[Node, ...]:
    """Apply the steps of ``proposal``; returns the nodes it made.

    Raises:
        NotApplicableError: a step cannot be done; the graph is as it was.
    """
    mark, outputs = graph.mark(), graph.outputs
    applier = _Applier(graph, proposal)
    try:
        for step in proposal.steps:
            applier.step(step)
    except NotApplicableError:
        graph.rollback(mark)
        graph.outputs = outputs
        raise
    return tuple(applier.made.values())


class _Applier:
    def __init__(self, graph: Graph, proposal: Proposal) -> None:
        self.graph = graph
        self.proposal = proposal
        self.made: dict[str, Node] = {}
        self.origins = _origins(proposal)

    def step(self, step: Step) -> None:
        graph = self.graph
        if isinstance(step, Make):
            name = graph.unique_name(step.key)
            self.made[step.key] = graph.add(
                step.op, name, self._values(step.inputs), step.attrs, device=self.proposal.node.device, origins=self.origins
            )
        elif isinstance(step, ReplaceValue):
            self._replace(step.old, self._value(step.new))
        elif isinstance(step, SetOp):
            graph.set_op(step.node, step.op)
        elif isinstance(step, SetAttr):
            graph.set_attr(step.node, step.key, step.value)
        elif isinstance(step, DropAttrs):
            graph.drop_attrs(step.node, *step.keys)
        elif isinstance(step, SetInputs):
            graph.set_inputs(step.node, self._values(step.inputs), step.controls)
        else:
            self._drop(step.node)

    def _value(self, ref: Ref) -> Value:
        return ref if isinstance(ref, Value) else Value(self.made[ref.key], ref.index)

    def _values(self, refs: Sequence[Ref]) -> list[Value]:
        return [self._value(r) for r in refs]

    def _replace(self, old: Value, new: Value) -> None:
        """Data readers of ``old``, and its control readers when nothing else of the node is read."""
        graph = self.graph
        made = set(self.made.values())
        keep = made if new.node in made else set()
        graph.replace_uses(old, new, only=lambda use: use.node not in keep)
        if old in graph.outputs:
            self._take_over_output(old, new)
        if not any(u.slot >= 0 and u.node not in made for u in graph.uses(old.node)):
            for use in graph.uses(old.node):
                if use.slot < 0:
                    controls = tuple(dict.fromkeys(new.node if c is old.node else c for c in use.node.controls))
                    graph.set_inputs(use.node, use.node.inputs, controls)

    def _take_over_output(self, old: Value, new: Value) -> None:
        """An output keeps its name, so the node made for it takes the name of the old one."""
        graph = self.graph
        if new.node not in self.made.values() or new.index != old.index:
            raise NotApplicableError(f"{old.name} is an output of the graph and must keep its name")
        if sum(v.node is old.node for v in graph.outputs) > 1:
            raise NotApplicableError(f"several outputs of {old.node.name} are outputs of the graph")
        name = old.node.name
        graph.rename(old.node, graph.unique_name(f"{name}/replaced"))
        graph.rename(new.node, name)
        graph.outputs = tuple(new if v == old else v for v in graph.outputs)

    def _drop(self, node: Node) -> None:
        graph = self.graph
        if graph.is_output(node) or node in graph.inputs:
            raise NotApplicableError(f"{node.name} is an input or output of the graph")
        for use in graph.uses(node):
            if use.slot >= 0:
                raise NotApplicableError(f"{node.name} is still read by {use.node.name}")
            controls = [c for c in use.node.controls if c is not node]
            controls += [c for c in node.controls if c not in controls]
            graph.set_inputs(use.node, use.node.inputs, controls)
        graph.remove(node)


def _origins(proposal: Proposal) -> tuple[str, ...]:
    """Original nodes that what is made here stands for: the anchor's first, then those of what is replaced."""
    replaced = [s.old.node for s in proposal.steps if isinstance(s, ReplaceValue)]
    names = [name for node in (proposal.node, *replaced) for name in node.origins]
    return tuple(dict.fromkeys(names))
