"""Calls of functions whose body lies in the function library."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.match.bodies import MOST_NODES, Bodies, BodyError
from graphdoctor.wire.attrs import FuncRef

_INLINED = ("PartitionedCall", "StatefulPartitionedCall")
_CALLS = (*_INLINED, "RemoteCall", "SymbolicGradient")


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live call: by a call op, or by a node whose op is a function of the library.

    The case of one whose function has a body that fits the call is ``inlines``.
    """
    bodies = Bodies(ctx.graph)
    names = {n: _called(n) for n in ctx.live_nodes(*_CALLS)}
    names |= {n: n.op for n in ctx.live_nodes(*sorted(set(bodies.names) - set(_CALLS)))}
    fits = sum(map(bodies.size, names.values())) <= MOST_NODES
    for node, name in names.items():
        by_op = node.op not in _CALLS
        reason = f"its op {node.op} is a function of the library" if by_op else f"it calls {name or 'a function'}"
        can = fits and (by_op or node.op in _INLINED) and _has_body(bodies, name, node)
        yield Hit(node, reason, case="inlines" if can else "")


def _called(node: Node) -> str:
    function = node.attr("f")
    return function.name if isinstance(function, FuncRef) else ""


def _has_body(bodies: Bodies, name: str, node: Node) -> bool:
    try:
        return len(bodies.body(name).arguments) == len(node.inputs)
    except BodyError:
        return False
