"""Loops, and conditionals of TensorFlow 1, one hit for each instead of one for each of their nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.bodies import Bodies
from graphdoctor.match.constants import source_of
from graphdoctor.match.learning_phase import MERGE_OPS, SWITCH_OPS, learning_phases
from graphdoctor.passes.loops import (
    WHILE_OPS,
    Effects,
    Loop,
    LoopError,
    frames_of,
    loop_of,
    loop_of_while,
    unroll,
    why_kept,
)
from graphdoctor.words import plural

_ENTER = ("Enter", "RefEnter")
_LEAVE = frozenset({"Exit", "RefExit"})
_PARTS = frozenset({*_ENTER, *_LEAVE, *SWITCH_OPS, *MERGE_OPS, "NextIteration", "RefNextIteration", "LoopCond"})


def check(ctx: CheckContext, *, loops: bool = True) -> Iterator[Hit]:
    """The loops (one hit for each frame), or the conditionals (one for each predicate; a constant one is a case).

    UFF and TF-TRT have neither; of the way through ONNX it cannot be told, as graphdoctor does not lower them.
    """
    frames = _frames(ctx)
    found = _loops(ctx, frames) if loops else _conditionals(ctx, {n for nodes in frames.values() for n in nodes})
    for node, reason, covers, case in found:
        for target in ctx.targets:
            kept = why_kept(target, covers) if loops else ""
            said = f"{reason}, but {kept}" if kept and case else reason
            yield Hit(node, said, target.parser != "onnx", target, "" if kept else case, covers)


Found = Iterator[tuple[Node, str, tuple[Node, ...], str]]
"""Where, what, further nodes, and which of the rule's fixes applies."""


def _loops(ctx: CheckContext, frames: dict[str, list[Node]]) -> Found:
    effects = Effects(ctx.graph)
    rank = {node: i for i, node in enumerate(ctx.graph.order().nodes)} if frames else {}
    read = {f.name: partial(loop_of, ctx.graph, f, rank) for f in (frames_of(ctx.graph) if frames else ())}
    for frame, nodes in frames.items():
        parts = sum(n.op in _PARTS for n in nodes)
        end, case = _end(ctx, read[frame], effects)
        yield nodes[0], f"the loop {frame!r} has {plural(parts, 'node')} of control flow; {end}", tuple(nodes[1:]), case
    calls = list(ctx.live_nodes(*WHILE_OPS))
    read_call = partial(loop_of_while, bodies=Bodies(ctx.graph)) if calls else loop_of_while
    for node in calls:
        end, case = _end(ctx, partial(read_call, node), effects)
        yield node, f"the loop {node.name!r} calls functions; {end}", (), case


def _end(ctx: CheckContext, read: Callable[[], Loop], effects: Effects) -> tuple[str, str]:
    """How often a loop runs, or why it cannot be unrolled; and which of the rule's fixes applies."""
    try:
        trips = unroll(ctx.graph, read(), ctx.specs, acts=effects).trips
        return f"it runs {plural(trips, 'time')} and can be unrolled", "unrolled"
    except LoopError as e:
        return f"it cannot be unrolled: {e}", ""


def _frames(ctx: CheckContext) -> dict[str, list[Node]]:
    """The nodes of each frame, its first Enter first: its control flow and its body, which goes where the loop goes."""
    frames: dict[str, list[Node]] = {}
    for node in ctx.live_nodes(*_ENTER):
        frames.setdefault(str(node.attr("frame_name", node.scope)), []).append(node)
    for nodes in frames.values():
        nodes += list(_inside(ctx, nodes))
    return frames


def _inside(ctx: CheckContext, entries: list[Node]) -> Iterator[Node]:
    """Nodes behind ``entries`` up to the exits of the frame, loops inside it included, and the arrays it fills."""
    depth = dict.fromkeys(entries, 0)
    stack = list(entries)
    while stack:
        node = stack.pop()
        inner = depth[node] - (node.op in _LEAVE)
        if inner < 0:
            yield from _arrays(ctx.graph.consumers(node), ctx, depth)
            continue
        for user in ctx.graph.consumers(node):
            if user not in depth and user in ctx.live:
                depth[user] = inner + (user.op in _ENTER)
                yield user
                stack.append(user)
    for entry in entries:
        yield from _arrays((v.node for v in entry.inputs), ctx, depth)


def _arrays(nodes: Iterable[Node], ctx: CheckContext, seen: dict[Node, int]) -> Iterator[Node]:
    """Those of ``nodes`` that handle the array of a loop, with their like."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node not in seen and node in ctx.live and node.op.startswith("TensorArray"):
            seen[node] = 0
            yield node
            stack += [*ctx.graph.consumers(node), *(v.node for v in node.inputs)]


def _conditionals(ctx: CheckContext, in_loops: set[Node]) -> Found:
    taken = in_loops | {n for p in learning_phases(ctx.graph) for n in (*p.switches, *p.merges)}
    groups: dict[Node, list[Node]] = {}
    for node in ctx.live_nodes(*sorted(SWITCH_OPS)):
        if node not in taken and len(node.inputs) > 1:
            groups.setdefault(source_of(node.inputs[1]).node, []).append(node)
    for predicate, switches in groups.items():
        nodes = [*switches, *_merges(ctx, switches)]
        count = plural(len(switches), "Switch node")
        case = "constant" if ctx.judge.is_constant(predicate) else ""
        yield switches[0], f"{count} choose a branch by {predicate.name}", tuple(nodes[1:]), case


def _merges(ctx: CheckContext, switches: list[Node]) -> Iterator[Node]:
    stack, seen = list(switches), set(switches)
    while stack:
        for user in ctx.graph.consumers(stack.pop()):
            if user not in seen and user in ctx.live:
                seen.add(user)
                if user.op in MERGE_OPS:
                    yield user
                else:
                    stack.append(user)
