"""Applying one proposal to the graph, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphdoctor.ir import Graph, Node, Value
from graphdoctor.match.frames import SWITCH_OPS
from graphdoctor.surgery.proposal import (
    Awaited,
    DropAttrs,
    ForgetInput,
    Make,
    New,
    Proposal,
    Ref,
    Rename,
    ReplaceValue,
    SetAttr,
    SetInputs,
    SetOp,
    SetOutputs,
    StandFor,
    Step,
    TakeOver,
)


class NotApplicableError(Exception):
    """The proposal cannot be applied as it stands; the text says why. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of a graph that :func:`restore` goes back to: a place in its edit log, its inputs and outputs."""

    mark: int
    inputs: tuple[Node, ...]
    outputs: tuple[Value, ...]

    @classmethod
    def of(cls, graph: Graph) -> Snapshot:
        """The state of ``graph`` now."""
        return cls(graph.mark(), graph.inputs, graph.outputs)


def restore(graph: Graph, snapshot: Snapshot) -> None:
    """Take back everything that was done to ``graph`` since ``snapshot``."""
    graph.rollback(snapshot.mark)
    graph.inputs, graph.outputs = snapshot.inputs, snapshot.outputs


def apply_proposal(
    graph: Graph, proposal: Proposal, *, in_loop: Callable[[Node], bool] | None = None
) -> tuple[Node, ...]:
    """Apply the steps of ``proposal``; returns the nodes it made.

    Args:
        graph: changed in place.
        proposal: found on ``graph`` in its present state, or in one in which ``proposal.touches`` were the same.
        in_loop: whether a node lies in a while loop, where a node without inputs cannot be put.

    Raises:
        NotApplicableError: a step cannot be done; the graph is as it was.
    """
    before = Snapshot.of(graph)
    applier = _Applier(graph, proposal, in_loop)
    try:
        for step in proposal.steps:
            applier.step(step)
    except NotApplicableError:
        restore(graph, before)
        raise
    return tuple(applier.made.values())


class _Applier:
    def __init__(self, graph: Graph, proposal: Proposal, in_loop: Callable[[Node], bool] | None) -> None:
        self.graph = graph
        self.proposal = proposal
        self.in_loop = in_loop
        self.made: dict[str, Node] = {}
        self.origins = _origins(proposal)

    def step(self, step: Step) -> None:
        graph = self.graph
        if isinstance(step, Make):
            self._make(step)
        elif isinstance(step, ReplaceValue):
            self._present(step.old.node)
            self._replace(step.old, self._value(step.new))
        elif isinstance(step, SetOp):
            graph.set_op(self._present(step.node), step.op)
        elif isinstance(step, SetAttr):
            graph.set_attr(self._present(step.node), step.key, step.value)
        elif isinstance(step, DropAttrs):
            graph.drop_attrs(self._present(step.node), *step.keys)
        elif isinstance(step, SetInputs):
            self._set_inputs(step)
        elif isinstance(step, Rename):
            self._rename(self._present(step.node), step.name)
        elif isinstance(step, TakeOver):
            self._take_over(self._present(step.node), self._present(step.old))
        elif isinstance(step, StandFor):
            self._stand_for(self._present(step.node), *step.nodes)
        elif isinstance(step, SetOutputs):
            graph.outputs = tuple(self._values(step.outputs))
        elif isinstance(step, ForgetInput):
            graph.inputs = tuple(n for n in graph.inputs if n is not step.node)
        else:
            self._drop(self._present(step.node))

    def _make(self, step: Make) -> None:
        if not step.inputs and not step.controls and self.in_loop is not None and self.in_loop(self.proposal.node):
            raise NotApplicableError("it lies in a while loop, where a new constant would be outside of the frame")
        name, device = self._free_name(step.key), step.device or self.proposal.node.device
        inputs, controls = self._values(step.inputs), self._awaited(step.controls)
        self.made[step.key] = self.graph.add(
            step.op, name, inputs, step.attrs, controls=controls, device=device, origins=step.origins or self.origins
        )

    def _free_name(self, wanted: str) -> str:
        """``wanted`` or near it: no node's name, and none that something dangling refers to."""
        dangling = {n.name for n in self.graph.missing()}
        name, k = self.graph.unique_name(wanted), 0
        while name in dangling:
            k += 1
            name = self.graph.unique_name(f"{wanted}_new{k}")
        return name

    def _present(self, node: Node) -> Node:
        """``node`` if it is (still) in the graph; one that was missing from the start may be read as before."""
        known = node in self.graph.missing() if node.is_missing else self.graph.get(node.name) is node
        if not known:
            raise NotApplicableError(f"{node.name} is gone from the graph")
        return node

    def _value(self, ref: Ref) -> Value:
        if isinstance(ref, Value):
            self._present(ref.node)
            return ref
        return Value(self.made[ref.key], ref.index)

    def _values(self, refs: Sequence[Ref]) -> list[Value]:
        return [self._value(r) for r in refs]

    def _awaited(self, nodes: Sequence[Awaited]) -> list[Node]:
        return [self.made[n.key] if isinstance(n, New) else self._present(n) for n in nodes]

    def _set_inputs(self, step: SetInputs) -> None:
        controls = None if step.controls is None else self._awaited(step.controls)
        self.graph.set_inputs(self._present(step.node), self._values(step.inputs), controls)

    def _replace(self, old: Value, new: Value) -> None:
        """Data readers of ``old``, and its control readers when nothing else of the node is read."""
        graph = self.graph
        made = set(self.made.values())
        keep = made if new.node in made else set()
        graph.replace_uses(old, new, only=lambda use: use.node not in keep)
        if old in graph.outputs:
            self._take_over_output(old, new)
        uses = graph.uses(old.node)
        if not graph.is_output(old.node) and not any(u.slot >= 0 and u.node not in made for u in uses):
            waiting = [use.node for use in uses if use.slot < 0]
            if waiting and new.node.op in SWITCH_OPS:
                raise NotApplicableError(
                    f"{waiting[0].name} waits for {old.node.name}, in one branch of {new.node.name}"
                )
            for node in waiting:
                self._move_control(node, old.node, (new.node,))

    def _move_control(self, node: Node, old: Node, new: Sequence[Node]) -> None:
        """``node`` waits for ``new`` instead of ``old``; not for what it reads anyway, and not for itself."""
        if old not in node.controls:
            return
        read = {node, *(v.node for v in node.inputs)}
        at = node.controls.index(old)
        controls = [*node.controls[:at], *(n for n in new if n not in read), *node.controls[at + 1 :]]
        self.graph.set_inputs(node, node.inputs, tuple(dict.fromkeys(c for c in controls if c is not old)))

    def _take_over_output(self, old: Value, new: Value) -> None:
        """An output keeps its name, so the node made for it takes the name of the old one."""
        graph = self.graph
        if new.node not in self.made.values() or new.index != old.index:
            raise NotApplicableError(f"{old.name} is an output of the graph and must keep its name")
        if sum(v.node is old.node for v in graph.outputs) > 1:
            raise NotApplicableError(f"several outputs of {old.node.name} are outputs of the graph")
        name = old.node.name
        graph.rename(old.node, self._free_name(f"{name}/replaced"))
        graph.rename(new.node, name)
        graph.outputs = tuple(new if v == old else v for v in graph.outputs)

    def _take_over(self, node: Node, old: Node) -> None:
        graph = self.graph
        if graph.is_output(node) or node in graph.inputs:
            raise NotApplicableError(f"{node.name} is an input or output of the graph and must keep its name")
        if sum(v.node is old for v in graph.outputs) != 1 or old.out() not in graph.outputs:
            raise NotApplicableError(f"output 0 of {old.name} is not the only one that is an output of the graph")
        name = old.name
        graph.outputs = tuple(node.out() if v.node is old else v for v in graph.outputs)
        self._replace(old.out(), node.out())
        self._stand_for(node, old)
        self._drop(old)
        graph.rename(node, name)

    def _stand_for(self, node: Node, *nodes: Node) -> None:
        self.graph.set_origins(node, (name for n in (node, *nodes) for name in n.origins))

    def _rename(self, node: Node, name: str) -> None:
        if self.graph.is_output(node) or node in self.graph.inputs:
            raise NotApplicableError(f"{node.name} is an input or output of the graph and must keep its name")
        self.graph.rename(node, self._free_name(name))

    def _drop(self, node: Node) -> None:
        graph = self.graph
        if graph.is_output(node) or node in graph.inputs:
            raise NotApplicableError(f"{node.name} is an input or output of the graph")
        for use in graph.uses(node):
            if use.slot >= 0:
                raise NotApplicableError(f"{node.name} is still read by {use.node.name}")
            self._move_control(use.node, node, node.controls)
        graph.remove(node)


def _origins(proposal: Proposal) -> tuple[str, ...]:
    """Original nodes that what is made here stands for: the anchor's first, then those of what is replaced."""
    replaced = [s.old.node for s in proposal.steps if isinstance(s, ReplaceValue)]
    names = [name for node in (proposal.node, *replaced) for name in node.origins]
    return tuple(dict.fromkeys(names))
