"""Calls of functions, and conditionals that call one of several: the body in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.bodies import MOST_NODES, Bodies, BodyError
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.inlining import Call, inlined
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, propose
from graphdoctor.surgery.rewrites.common import known_array, looked_at
from graphdoctor.surgery.waiting import Waiting
from graphdoctor.types import Array
from graphdoctor.wire.attrs import FuncRef
from graphdoctor.words import plural

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_IFS = ("If", "StatelessIf")
_CASES = ("Case", "StatelessCase")
Choose = Callable[[Node, Facts], FuncRef | str]
"""The function that a node runs, or why that is not known."""


def inline_functions(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Put the body of a function in the place of each of its calls, one level in a round."""
    bodies = Bodies(graph)
    calls: list[tuple[Node, Choose]] = [(n, _called) for n in graph.by_op(*_CALLS)]
    calls += [(n, _by_op) for n in graph.by_op(*(name for name in bodies.names if name not in _CALLS))]
    yield from _inlined(graph, facts, bodies, calls)


def resolve_ifs(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Put the branch that runs in the place of a conditional, where the predicate is constant."""
    nodes = [n for n in graph.by_op(*_IFS, *_CASES) if n.inputs]
    if nodes:
        yield from _inlined(graph, facts, Bodies(graph), [(n, _branch) for n in nodes])


def _called(node: Node, facts: Facts) -> FuncRef | str:
    function = node.attr("f")
    return function if isinstance(function, FuncRef) else "it names no function"


def _by_op(node: Node, facts: Facts) -> FuncRef | str:
    return FuncRef(node.op, dict(node.attrs))


def _branch(node: Node, facts: Facts) -> FuncRef | str:
    known = known_array(facts, node.inputs[0])
    if known is None or (node.op in _CASES and known.size != 1):
        return "which branch runs depends on what is fed"
    if node.op in _IFS:
        chosen = node.attr("then_branch" if _is_true(known) else "else_branch")
    else:
        branches, index = node.attr("branches", ()), int(known.reshape(-1)[0])
        branches = branches if isinstance(branches, tuple) else ()
        chosen = branches[index if 0 <= index < len(branches) else -1] if branches else None
    return chosen if isinstance(chosen, FuncRef) else "it names no function for it"


def _is_true(value: Array) -> bool:
    """What If takes for true: a scalar that is not 0 or empty, and any other tensor that has elements (ops/If)."""
    return bool(value.reshape(-1)[0]) if value.ndim == 0 else value.size > 0


def _inlined(graph: GraphView, facts: Facts, bodies: Bodies, calls: Sequence[tuple[Node, Choose]]) -> Found:
    chosen = [(node, choose(node, facts)) for node, choose in calls]
    total = sum(bodies.size(c.name) for _, c in chosen if isinstance(c, FuncRef))
    waiting = Waiting(graph) if chosen else None
    for node, function in chosen:
        if waiting is None or isinstance(function, str):
            yield Refusal(node, str(function))
        elif total > MOST_NODES:
            yield Refusal(node, f"all calls together come to {total:.3g} nodes")
        else:
            yield _one(graph, bodies, node, function, guarded=not waiting.runs_always(node))


def _one(graph: GraphView, bodies: Bodies, node: Node, function: FuncRef, *, guarded: bool) -> Proposal | Refusal:
    is_branch = node.op in (*_IFS, *_CASES)
    call = Call(node, function.name, function.attrs, node.inputs[1:] if is_branch else node.inputs)
    if node in graph.inputs:
        return Refusal(node, "it is an input of the graph")
    try:
        body = bodies.body(function.name)
        steps = inlined(graph, call, body, guarded=guarded)
    except BodyError as e:
        return Refusal(node, str(e))
    touched = [*(v.node for v in node.inputs), *node.controls, *(looked_at(node.inputs[0]) if is_branch else ())]
    note = f"{plural(len(body.nodes), 'node')} of {function.name}"
    return propose(node, *steps, touches=tuple(touched), note=note)


FINDERS = {"inline-functions": Finder(inline_functions), "resolve-ifs": Finder(resolve_ifs)}
