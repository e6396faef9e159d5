"""The function library of a graph: which function calls which, and what each is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphdoctor.resources import load_toml, rules_dir

_READING = frozenset(
    "ReadVariableOp VarHandleOp Variable VariableV2 RandomUniform RandomStandardNormal TruncatedNormal "
    "RandomUniformInt Multinomial HashTable HashTableV2 LookupTableFindV2 LookupTableSizeV2".split()
)
"""Ops with a state that nobody sees change: if nothing reads them, they need not run."""
_SILENT = frozenset({"NoOp", "ControlTrigger"})


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

    def depth(self) -> Mapping[str, int]:
        """How deep the calls of each function are nested, 1 for one without; without those of :meth:`circles`."""
        found: dict[str, int] = {}
        for name in self.order():
            found[name] = 1 + max((found[called] for called in self.calls[name]), default=0)
        return found


def read_library(functions: Iterable[Any]) -> Library:
    """The library that a GraphDef's FunctionDefs are."""
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


@cache
def _outputs() -> Mapping[str, tuple[str, ...]]:
    table = load_toml(rules_dir() / "history" / "functions.toml")
    return {
        **dict.fromkeys(table["single"].split(), ("*",)),
        **{op: tuple(names.split()) for op, names in table["several"].items()},
    }


@cache
def _stateful() -> frozenset[str]:
    return frozenset(load_toml(rules_dir() / "history" / "functions.toml")["stateful"].split())


def output_names(op: str) -> tuple[str, ...] | None:
    """The outputs of a TensorFlow op by name: ``*`` alone where it has one, ``name*attribute`` for a list of tensors.

    ``None`` for an op without outputs, and for one that is not in ``rules/history/functions.toml``.
    """
    return _outputs().get(op)


def may_act(op: str) -> bool:
    """True if a node of ``op`` does something besides giving its outputs, or may: the op is not known."""
    if op in _stateful():
        return op not in _READING
    return op not in _outputs() and op not in _SILENT


def is_stateful(op: str) -> bool:
    """True if a node of ``op`` may act, or give something else when it runs again: random numbers, variables."""
    return op in _stateful() or may_act(op)
