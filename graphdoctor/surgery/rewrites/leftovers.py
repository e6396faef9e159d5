"""What training and debugging leave behind: dead nodes, checks, prints, NoOps, control edges without a purpose."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.bodies import Bodies
from graphdoctor.match.frames import FLOW_OPS, SWITCH_OPS
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Drop, Facts, ForgetInput, Proposal, Refusal, SetInputs, Step, propose
from graphdoctor.surgery.waiting import Waiting
from graphdoctor.wire.attrs import FuncRef
from graphdoctor.words import plural


class DropOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``drop-effects``: ``ops`` have no outputs, only an effect."""

    ops: tuple[str, ...]


def dead_nodes(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Remove what no output depends on, by data or control; inputs of the graph stay."""
    if not graph.outputs:
        return
    live = _live(graph)
    dead = {n: None for n in graph if n not in live}
    for part in _parts(graph, dead):
        steps: tuple[Step, ...] = (*(SetInputs(n, (), ()) for n in part), *(Drop(n) for n in part))
        first, *rest = part
        yield propose(first, *steps, note="no output depends on it", also=tuple(rest))


def _live(graph: GraphView) -> set[Node]:
    waiting = [v.node for v in graph.outputs] + list(graph.inputs)
    live = set(waiting)
    while waiting:
        node = waiting.pop()
        for producer in (*(v.node for v in node.inputs), *node.controls):
            if producer not in live:
                live.add(producer)
                waiting.append(producer)
    return live


def _parts(graph: GraphView, dead: dict[Node, None]) -> list[list[Node]]:
    """The dead nodes in connected parts, each in file order."""
    part_of: dict[Node, int] = {}
    for start in dead:
        if start in part_of:
            continue
        number, waiting = len(part_of), [start]
        part_of[start] = number
        while waiting:
            node = waiting.pop()
            near = (*(v.node for v in node.inputs), *node.controls, *graph.consumers(node))
            for other in near:
                if other in dead and other not in part_of:
                    part_of[other] = number
                    waiting.append(other)
    parts: dict[int, list[Node]] = {}
    for node in dead:
        parts.setdefault(part_of[node], []).append(node)
    return list(parts.values())


def _guards(graph: GraphView, ops: tuple[str, ...]) -> Iterator[Node]:
    """Conditionals that call functions which do no more than ``ops`` do: what Assert is in TensorFlow 2."""
    nodes = graph.by_op("If", "StatelessIf", "Case", "StatelessCase")
    bodies = Bodies(graph) if nodes else None
    for node in nodes:
        called = [v for value in node.attrs.values() for v in (value if isinstance(value, tuple) else (value,))]
        names = [v.name for v in called if isinstance(v, FuncRef)]
        if bodies is not None and names and all(bodies.effects(name) <= set(ops) for name in names):
            yield node


def drop_effects(graph: GraphView, facts: Facts, options: DropOptions) -> Found:
    """Remove nodes of ``ops``; who waited for one waits for what it waited for.

    The same with a conditional whose branches do nothing else, where nobody reads its results. In a branch or a loop
    that is also what it reads: a constant that waited for nothing else would leave its place.
    """
    waiting = Waiting(graph) if graph.by_op(*FLOW_OPS) else None
    for node in (*graph.by_op(*options.ops), *_guards(graph, options.ops)):
        if graph.is_output(node) or any(u.slot >= 0 for u in graph.uses(node)):
            continue
        note, readers = f"{node.op} removed", graph.consumers(node)
        if waiting is None or waiting.runs_always(node) or not readers:
            yield propose(node, Drop(node), touches=node.controls, note=note)
            continue
        anchors = _anchors(node, waiting)
        if anchors is None:
            yield Refusal(node, f"{readers[0].name} waits for it, and with it for the branch that it reads from")
        else:
            steps: tuple[Step, ...] = (*(_waits_for(r, node, anchors) for r in readers), Drop(node))
            yield propose(node, *steps, touches=(*node.controls, *anchors), note=note)


def _anchors(node: Node, waiting: Waiting) -> tuple[Node, ...] | None:
    """What runs when ``node`` runs, of what it reads; ``None`` where that is one side of a Switch itself."""
    if any(v.node.op in SWITCH_OPS for v in node.inputs):
        return None
    producers = dict.fromkeys(v.node for v in node.inputs if not waiting.runs_always(v.node))
    alike = [p for p in producers if waiting.guard(p) == waiting.guard(node)]
    return tuple(alike[:1] or producers)


def _waits_for(reader: Node, node: Node, anchors: tuple[Node, ...]) -> SetInputs:
    kept = (c for c in reader.controls if c is not node)
    return SetInputs(reader, reader.inputs, tuple(dict.fromkeys((*kept, *node.controls, *anchors))))


def no_ops(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Remove NoOps between control edges, unless that would make more edges than it takes away."""
    for node in graph.by_op("NoOp"):
        readers = graph.consumers(node)
        if graph.is_output(node) or node.inputs or not readers:
            continue
        before, after = len(node.controls) + len(readers), len(node.controls) * len(readers)
        if after > before:
            yield Refusal(
                node,
                f"it stands for {plural(after, 'control edge')} between {plural(len(node.controls), 'node')} before it "
                f"and {len(readers)} behind",
            )
        else:
            yield propose(node, Drop(node), touches=node.controls, note="NoOp removed")


def idle_controls(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Remove control inputs that constrain nothing: from nodes that only compute, outside of branches and loops."""
    controlled = [n for n in graph if n.controls]
    if not controlled:
        return
    waiting = Waiting(graph)
    for node in controlled:
        idle = set(waiting.idle(node))
        if idle:
            kept = tuple(c for c in dict.fromkeys(node.controls) if c not in idle)
            names = ", ".join(sorted(c.name for c in idle)[:3])
            more = f" and {len(idle) - 3} more" if len(idle) > 3 else ""
            yield propose(node, SetInputs(node, node.inputs, kept), note=f"no longer waits for {names}{more}")


def unread_inputs(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Remove inputs of the graph that nothing reads."""
    for node in graph.inputs:
        if len(graph.inputs) > 1 and not graph.consumers(node) and not graph.is_output(node):
            yield _forgotten(node)


def _forgotten(node: Node) -> Proposal:
    steps = (ForgetInput(node), SetInputs(node, (), ()), Drop(node))
    return propose(node, *steps, note="the input is removed, since nothing reads it")


FINDERS = {
    "dead-nodes": Finder(dead_nodes),
    "drop-effects": Finder(drop_effects, DropOptions),
    "no-ops": Finder(no_ops),
    "idle-controls": Finder(idle_controls),
    "unread-inputs": Finder(unread_inputs),
}
