"""Dropout that a graph in training mode keeps."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import scalar_of, source_of
from graphdoctor.match.dropout import DropoutMatch, dropouts
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, ReplaceValue, propose
from graphdoctor.surgery.rewrites.common import become, dtype_of, path_to_source

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
_DEPTH = 6


def remove_dropout(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Put the input of a dropout in the place of its output.

    Safe where it keeps every element as it is. Where its rate is fed, or it does drop elements, it is unsafe.
    """
    for match in dropouts(graph):
        if match.keep is None:
            yield Refusal(match.output.node, "what its input is scaled by cannot be told")
        else:
            yield _removed(graph, match, facts, _why_unsafe(graph, match))


def _removed(graph: GraphView, match: DropoutMatch, facts: Facts, unsafe: str) -> Proposal | Refusal:
    node, x = match.output.node, match.input
    before, after = facts.specs.of(match.output), facts.specs.of(x)
    if None not in (before.shape, after.shape) and before.shape != after.shape:
        return Refusal(node, f"its input is {after} and its output {before}")
    keeps_name = graph.is_output(node) or bool(node.controls)
    steps = (
        become(node, "Identity", (x,), {"T": dtype_of(node, after)}) if keeps_name else (ReplaceValue(match.output, x),)
    )
    rate = path_to_source(match.keep) if match.keep is not None else ()
    return propose(
        node, *steps, touches=(*match.interior, x.node, *rate), note="dropout removed", unsafe=unsafe, safe=not unsafe
    )


def _why_unsafe(graph: GraphView, match: DropoutMatch) -> str:
    """Why removing it is unsafe; empty if it keeps every element as it is."""
    fed = _fed(graph, match)
    if fed is not None:
        return f"its rate is fed through {fed.name}"
    scale = _number(graph, match.keep)
    interval = _mask(graph, match)
    if scale == 1 and interval is not None and interval.low >= 1 and interval.high <= 1:
        return ""
    return "it drops elements at random, so results change"


def _fed(graph: GraphView, match: DropoutMatch) -> Node | None:
    """An input of the graph, or a placeholder without default, that the rate comes from."""
    chain = _chain(match)
    values = [v for node in chain[1:] for v in node.inputs if v.node not in chain]
    values += [match.keep] if match.keep is not None else []
    for _ in range(_DEPTH):
        sources = [source_of(v).node for v in values]
        for node in sources:
            if node.op in _PLACEHOLDERS and (node.op != "PlaceholderWithDefault" or node in graph.inputs):
                return node
        values = [v for node in sources for v in node.inputs]
    return None


def _chain(match: DropoutMatch) -> tuple[Node, ...]:
    """From the random numbers to the mask; behind it come the scaling and the end."""
    return match.interior[:-2]


# ---- the mask, as an interval --------------------------------------------------------------------------------


class _Interval(NamedTuple):
    """``low <= x``; and ``x <= high``, or ``x < high`` where it is open. Truth is 1 and 0."""

    low: float
    high: float
    is_open: bool


def _mask(graph: GraphView, match: DropoutMatch) -> _Interval | None:
    """What the mask can be, from the random numbers in [0, 1) on; ``None`` if it cannot be told."""
    interval: _Interval | None = _Interval(0.0, 1.0, True)
    chain = _chain(match)
    for before, node in pairwise(chain):
        interval = _step(graph, node, before, interval) if interval is not None else None
    return interval


def _step(graph: GraphView, node: Node, before: Node, x: _Interval) -> _Interval | None:
    op = node.op
    if op in ("Identity", "Cast"):
        return x
    if op == "LogicalNot":
        return _Interval(1 - x.high, 1 - x.low, False)
    if op == "Floor":
        return _Interval(x.low // 1, (x.high - 1 if x.is_open and x.high == x.high // 1 else x.high // 1), False)
    if len(node.inputs) != 2:
        return None
    first = node.inputs[0].node is before
    other = _number(graph, node.inputs[1] if first else node.inputs[0])
    if other is None:
        return None
    if op in ("Add", "AddV2"):
        return _Interval(x.low + other, x.high + other, x.is_open)
    if op == "Mul" and other >= 0:
        return _Interval(x.low * other, x.high * other, x.is_open)
    return _compared(op, x, other) if first else None


def _compared(op: str, x: _Interval, other: float) -> _Interval | None:
    if op == "GreaterEqual" and x.low >= other:
        return _Interval(1.0, 1.0, False)
    if op == "Less" and (x.high < other or (x.is_open and x.high <= other)):
        return _Interval(1.0, 1.0, False)
    return _Interval(0.0, 1.0, False) if op in ("GreaterEqual", "Less") else None


def _number(graph: GraphView, value: Value | None, depth: int = _DEPTH) -> float | None:
    """The number that ``value`` is when nothing is fed; ``None`` if it cannot be told."""
    if value is None or depth == 0:
        return None
    node = source_of(value).node
    if node.op == "Const":
        return scalar_of(value)
    if node.op in ("PlaceholderWithDefault", "Cast") and node.inputs and node not in graph.inputs:
        return _number(graph, node.inputs[0], depth - 1)
    if len(node.inputs) != 2:
        return None
    a, b = (_number(graph, v, depth - 1) for v in node.inputs)
    if a is None or b is None:
        return None
    if node.op in ("Add", "AddV2"):
        return a + b
    if node.op == "Sub":
        return a - b
    if node.op == "Mul":
        return a * b
    return a / b if node.op in ("RealDiv", "Div") and b else None


FINDERS = {"remove-dropout": Finder(remove_dropout)}
