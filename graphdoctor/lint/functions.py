"""The function library of the graph that is checked, and the nodes that call its functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphdoctor.ir import GraphView, Node
from graphdoctor.lint.context import CheckContext
from graphdoctor.match.functions import Library, read_library
from graphdoctor.wire.attrs import FuncRef

_KEY = "function library"


def library_of(ctx: CheckContext) -> Library:
    """The library of the file that the graph is from, read once in a run; empty where there is none."""
    if _KEY not in ctx.shared:
        source: Any = getattr(ctx.graph, "source", None)
        ctx.shared[_KEY] = read_library(source.library.function) if source is not None else Library()
    found: Library = ctx.shared[_KEY]
    return found


def called_by(node: Node, library: Library) -> list[str]:
    """The functions that a node of the graph calls: as its op, or by an attribute."""
    if node.op in library.calls:
        return [node.op]
    names = [ref.name for value in node.attrs for ref in _references(node.attr(value))]
    return [name for name in names if name in library.calls]


def callers(graph: GraphView, library: Library, names: set[str]) -> Iterator[Node]:
    """The nodes of the graph from which one of ``names`` is reached."""
    for node in graph if library.calls else ():
        called = called_by(node, library)
        if called and library.reached(called) & names:
            yield node


def _references(value: object) -> Iterator[FuncRef]:
    if isinstance(value, FuncRef):
        yield value
    elif isinstance(value, tuple):
        yield from (v for v in value if isinstance(v, FuncRef))
