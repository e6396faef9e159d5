"""Functions of the library that no graph for inference needs: endless ones, huge ones, ones that reach outside."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.functions import callers, library_of
from graphdoctor.lint.rules import find_rule
from graphdoctor.match.functions import Library

MOST_NODES = 10_000_000
"""Nodes that the calls of a graph may come to when they are inlined; the largest graphs of people have some 200,000."""
_REACHING = ("file-access", "code-execution")
"""Rules whose ops are looked for in the bodies of functions."""


def check(ctx: CheckContext, *, problem: str = "recursion") -> Iterator[Hit]:
    """One hit for the library, at the first node that reaches the trouble: ``recursion``, ``size`` or ``access``."""
    library = library_of(ctx)
    found = {"recursion": _recursion, "size": _size, "access": _access}[problem](library) if library.calls else None
    if found is not None:
        names, reason = found
        yield Hit(next(callers(ctx.graph, library, names), Node("", "")), reason)


Trouble = tuple[set[str], str] | None
"""The functions that have it, and what it is."""


def _recursion(library: Library) -> Trouble:
    names = library.circles()
    return (names, f"{_some(names)} call{'s' * (len(names) == 1)} back into itself") if names else None


def _size(library: Library) -> Trouble:
    sizes = library.sizes()
    huge = {name for name, size in sizes.items() if size > MOST_NODES}
    if not huge:
        return None
    largest = max(huge, key=lambda n: sizes[n])
    return huge, f"{largest} comes to {sizes[largest]:.3g} nodes"


def _access(library: Library) -> Trouble:
    patterns = [find_rule(name).match for name in _REACHING]
    ops = {op for pattern in patterns if pattern is not None for op in pattern.ops}
    names = {name for name, used in library.ops.items() if ops.intersection(used)}
    if not names:
        return None
    first = min(names)
    return names, f"{_some(names)} with {min(ops.intersection(library.ops[first]))}"


def _some(names: set[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"the function {min(names)}{more}"
