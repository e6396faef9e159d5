"""Calls of functions whose body lies in the function library."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.wire.attrs import FuncRef

_CALLS = ("PartitionedCall", "StatefulPartitionedCall", "RemoteCall", "SymbolicGradient")


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live call: by a call op, or by a node whose op is a function of the library."""
    library = _functions(ctx)
    for node in ctx.live_nodes(*_CALLS):
        function = node.attr("f")
        name = function.name if isinstance(function, FuncRef) else "a function"
        yield Hit(node, f"it calls {name}")
    for node in ctx.live_nodes(*sorted(library - set(_CALLS))):
        yield Hit(node, f"its op {node.op} is a function of the library")


def _functions(ctx: CheckContext) -> set[str]:
    source = getattr(ctx.graph, "source", None)
    library = getattr(source, "library", None)
    return {f.signature.name for f in library.function} if library is not None else set()
