"""While loops whose number of iterations is known: every iteration in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.bodies import Bodies
from graphdoctor.passes.loops import (
    READING,
    WHILE_OPS,
    Effects,
    Loop,
    LoopError,
    Out,
    Ref,
    Unrolled,
    frames_of,
    loop_of,
    loop_of_while,
    read_arrays,
    unroll,
    why_kept,
)
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    Awaited,
    Facts,
    Make,
    New,
    Proposal,
    Refusal,
    ReplaceValue,
    SetInputs,
    Step,
    propose,
)
from graphdoctor.surgery.proposal import Ref as StepRef
from graphdoctor.surgery.rewrites.common import become, dtype_of
from graphdoctor.surgery.waiting import Waiting
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.words import plural


def unroll_loops(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Put the iterations of a loop in its place, one behind the other, inner loops first."""
    frames, calls, reading = list(frames_of(graph)), graph.by_op(*WHILE_OPS), graph.by_op(*READING)
    if not frames and not calls and not reading:
        return
    waiting, effects = Waiting(graph), Effects(graph)
    rank = {node: i for i, node in enumerate(graph.order().nodes)} if frames else {}
    bodies = Bodies(graph) if calls else None
    for node, read in (
        *((f.entries[0], partial(loop_of, graph, f, rank)) for f in frames),
        *((n, partial(loop_of_while, n, bodies)) for n in calls if bodies is not None),
    ):
        try:
            yield _unrolled(graph, facts, read(), waiting, effects)
        except LoopError as e:
            yield Refusal(node, str(e))
    for node in reading:
        found = read_arrays(graph, node, facts.specs) if waiting.runs_always(node) else None
        if found is not None:
            steps = (*_made(found), *_ended(graph, facts, *found.results[0]))
            yield propose(node, *steps, touches=found.looked_at, note="an array that no loop fills")


def _unrolled(graph: GraphView, facts: Facts, loop: Loop, waiting: Waiting, effects: Effects) -> Proposal:
    """The proposal.

    Raises:
        LoopError: the loop cannot be unrolled.
    """
    kept = why_kept(facts.target, loop.nodes)
    if kept:
        raise LoopError(kept)
    idle = {c for n in loop.nodes for c in waiting.idle(n)}
    loop = replace(loop, controls=tuple(c for c in loop.controls if c not in idle))
    found = unroll(graph, loop, facts.specs, acts=effects, guard=waiting.guard_of)
    freed = [SetInputs(node, node.inputs, tuple(map(_awaited, controls))) for node, controls in found.freed]
    steps = [*_made(found), *freed, *(step for old, ref in found.results for step in _ended(graph, facts, old, ref))]
    note = f"{plural(found.trips, 'iteration')} of {loop.name}, {plural(len(found.copies), 'node')}"
    return propose(loop.anchor, *steps, touches=(*loop.nodes, *found.looked_at), note=note)


def _made(found: Unrolled) -> Iterator[Step]:
    for copy in found.copies:
        controls: tuple[Awaited, ...] = tuple(map(_awaited, copy.controls))
        inputs = tuple(map(_ref, copy.inputs))
        yield Make(copy.key, copy.op, inputs, copy.attrs, controls, copy.origin.device, copy.origin.origins)


def _ended(graph: GraphView, facts: Facts, old: Value, ref: Ref) -> Iterator[Step]:
    """What reads ``old`` reads ``ref``; an output of the graph keeps its name."""
    if not graph.is_output(old.node):
        yield ReplaceValue(old, _ref(ref))
        return
    if old.node.op in WHILE_OPS:
        raise LoopError(f"{old.name} is an output of the graph")
    attrs: dict[str, AttrPy] = {"T": dtype_of(old.node, facts.specs.of(old))}
    yield from become(old.node, "Identity", (_ref(ref),), attrs)


def _awaited(control: Node | str) -> Awaited:
    return control if isinstance(control, Node) else New(control)


def _ref(ref: Ref) -> StepRef:
    return New(ref.key, ref.number) if isinstance(ref, Out) else ref


FINDERS = {"unroll-loops": Finder(unroll_loops)}
