"""The one form that loops of every kind are read into: variables, a test, a body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from graphdoctor.ir import Node, Value

Source = int | tuple[Node, int]
"""What is read inside a loop: a variable by its number, or an output of a node of the loop."""


class LoopError(Exception):
    """The loop cannot be unrolled; the text says why."""


class Cell(NamedTuple):
    """A node that runs once in an iteration, and what it reads and waits for there."""

    node: Node
    inputs: tuple[Source, ...]
    controls: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """A while loop.

    Attributes:
        name: of the frame or the node.
        anchor: a node outside of the loop that stands for it.
        entries: what each variable is at first.
        test: the nodes that say whether another iteration comes, producers first; their result is ``go_on``.
        body: the nodes of an iteration, producers first.
        nexts: what each variable is in the next iteration; a variable that stays is its own number.
        exits: what the graph reads of the loop when it has ended, and the variable that this is.
        nodes: all nodes of the loop.
        controls: what the loop waits for.
        waits_for_all: it runs where all that enters is there, not only what the test reads.
    """

    name: str
    anchor: Node
    entries: tuple[Value, ...]
    test: tuple[Cell, ...]
    go_on: Source
    body: tuple[Cell, ...]
    nexts: tuple[Source, ...]
    exits: tuple[tuple[Value, int], ...]
    nodes: tuple[Node, ...]
    controls: tuple[Node, ...] = ()
    waits_for_all: bool = False


def cone(cells: Sequence[Cell], starts: Sequence[Source]) -> tuple[list[Cell], set[int]]:
    """Those of ``cells`` that ``starts`` need, in their order, and the variables among what they need."""
    by_node = {c.node: c for c in cells}
    variables, found, waiting = set[int](), set[Node](), list[Node]()

    def note(sources: Sequence[Source]) -> None:
        for source in sources:
            if isinstance(source, int):
                variables.add(source)
            elif source[0] not in found:
                found.add(source[0])
                waiting.append(source[0])

    note(starts)
    while waiting:
        cell = by_node.get(waiting.pop())
        if cell is not None:
            note((*cell.inputs, *((n, 0) for n in cell.controls)))
    return [c for c in cells if c.node in found], variables


def needed(loop: Loop, variables: set[int]) -> set[int]:
    """The variables on which ``variables`` and the test depend, from one iteration to the next."""
    own = _dependencies(loop)
    found, waiting = set[int](), [*variables, *cone(loop.test, (loop.go_on,))[1]]
    while waiting:
        variable = waiting.pop()
        if variable not in found:
            found.add(variable)
            waiting += own[variable]
    return found


def _dependencies(loop: Loop) -> list[set[int]]:
    """The variables that the next value of each depends on: one pass over the body, with bit sets."""
    bits: dict[Node, int] = {}

    def mask(source: Source) -> int:
        return 1 << source if isinstance(source, int) else bits.get(source[0], 0)

    for cell in (*loop.test, *loop.body):
        found = 0
        for source in cell.inputs:
            found |= mask(source)
        for node in cell.controls:
            found |= bits.get(node, 0)
        bits[cell.node] = found
    return [set(_ones(mask(source))) for source in loop.nexts]


def _ones(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1
