"""The function library of a graph: which function calls which, and what each is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphdoctor.ir import GraphView, Node
from graphdoctor.lint.context import CheckContext
from graphdoctor.wire.attrs import FuncRef

_KEY = "function library"


@dataclass(slots=True)
class Library:
    """Functions by name.

    Attributes:
        ops: the ops of the nodes of each function, calls of other functions left out.
        calls: the functions that each calls, once for each node that does.
    """

    ops: dict[str, list[str]] = field(default_factory=dict)
    calls: dict[str, list[str]] = field(default_factory=dict)

    def reached(self, names: Iterable[str]) -> set[str]:
        """The functions called from ``names``, through each other, themselves included."""
        found: set[str] = set()
        stack = [n for n in names if n in self.calls]
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack += self.calls[name]
        return found

    def circles(self) -> set[str]:
        """The functions that call themselves, through each other or not, and those that call such a one."""
        return set(self.calls) - set(self.order())

    def order(self) -> list[str]:
        """Functions with those that they call first; without those of :meth:`circles`."""
        waiting = {name: len(set(calls)) for name, calls in self.calls.items()}
        callers: dict[str, list[str]] = {}
        for name, calls in self.calls.items():
            for called in set(calls):
                callers.setdefault(called, []).append(name)
        done = [name for name, count in waiting.items() if not count]
        for name in done:
            for caller in callers.get(name, ()):
                waiting[caller] -= 1
                if not waiting[caller]:
                    done.append(caller)
        return done

    def sizes(self) -> Mapping[str, int]:
        """The nodes that each function comes to with all calls inlined; without those of :meth:`circles`."""
        found: dict[str, int] = {}
        for name in self.order():
            found[name] = len(self.ops[name]) + sum(found[called] for called in self.calls[name])
        return found


def library_of(ctx: CheckContext) -> Library:
    """The library of the file that the graph is from, read once in a run; empty where there is none."""
    if _KEY not in ctx.shared:
        source: Any = getattr(ctx.graph, "source", None)
        ctx.shared[_KEY] = _read(source.library.function) if source is not None else Library()
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


def _read(functions: Iterable[Any]) -> Library:
    library = Library()
    known = {f.signature.name for f in functions}
    for function in functions:
        name = function.signature.name
        ops = library.ops.setdefault(name, [])
        calls = library.calls.setdefault(name, [])
        for node in function.node_def:
            called = [node.op] if node.op in known else [n for n in _named(node) if n in known]
            calls += called
            if not called:
                ops.append(node.op)
    return library


def _named(node: Any) -> Iterator[str]:
    """The functions that the attributes of a node of a function name."""
    for value in node.attr.values():
        kind = value.WhichOneof("value")
        if kind == "func":
            yield value.func.name
        elif kind == "list":
            yield from (f.name for f in value.list.func)
