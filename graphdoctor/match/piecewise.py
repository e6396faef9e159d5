"""What arithmetic computes of one value above and below zero: the activations that people write by hand.

Leaky ReLU alone is written as ``max(x, a*x)``, ``relu(x) - a*relu(-x)``, ``where(x > 0, x, a*x)`` and
``0.5*(1 + a)*x + 0.5*(1 - a)*abs(x)``. All of them are ``x`` above zero and ``a*x`` below, and that is what is read
here: a sum of a constant, of ``x`` and of ``exp(x) - 1`` on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from graphdoctor.ir import Node, Value
from graphdoctor.match.constants import PASS_THROUGH
from graphdoctor.types import Array

Known = Callable[[Value], Array | None]
"""The constant that a value is, or ``None``."""
ROOTS = ("Add", "AddV2", "Sub", "Mul", "Maximum", "Minimum", "Select", "SelectV2")
"""Ops that an activation written by hand ends with."""
_BENDS = frozenset("Relu LeakyRelu Abs Elu Exp Expm1 Maximum Minimum Select SelectV2".split())
_STRAIGHT = frozenset({"Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "Neg", *PASS_THROUGH})
_ABOVE = {"Greater": True, "GreaterEqual": True, "Less": False, "LessEqual": False}
"""Comparison of ``x`` with zero, and whether it holds above."""
_DEEPEST = 8
_CANDIDATES = 12


@dataclass(frozen=True, eq=False, slots=True)
class Side:
    """``one + x * X + e * (exp(X) - 1)``; the coefficients are float64 and broadcast against X."""

    one: Array
    x: Array
    e: Array

    def scaled(self, by: Array) -> Side:
        """``by`` times this."""
        return Side(self.one * by, self.x * by, self.e * by)

    def plus(self, other: Side) -> Side:
        """The sum of both."""
        return Side(self.one + other.one, self.x + other.x, self.e + other.e)

    @property
    def is_constant(self) -> bool:
        """True if it does not depend on X."""
        return not self.x.any() and not self.e.any()

    @property
    def has_one_sign(self) -> bool:
        """True if it is a multiple of X or of ``exp(X) - 1``, which have the sign of X."""
        return not self.one.any() and not (self.x.any() and self.e.any())


@dataclass(frozen=True, eq=False, slots=True)
class Piecewise:
    """``above`` for X > 0 and ``below`` for X < 0; ``nodes`` compute it from ``base``, which is X."""

    base: Value
    above: Side
    below: Side
    nodes: tuple[Node, ...]


def piecewise(node: Node, known: Known) -> Piecewise | None:
    """Output 0 of ``node`` as a function of the nearest value that it is one of, through zero with a bend there."""
    for base in _bases(node, known):
        reader = _Reader(base, known)
        sides = reader.read(node.out(), 0)
        if sides is not None and _is_bent(*sides):
            return Piecewise(base, *sides, tuple(reader.nodes))
    return None


def _is_bent(above: Side, below: Side) -> bool:
    """True if it goes through zero with a bend there, straight above and of one kind below."""
    if above.one.any() or below.one.any() or above.e.any() or (below.x.any() and below.e.any()):
        return False
    return bool(below.e.any()) or bool((above.x != below.x).any())


def _bases(node: Node, known: Known) -> Iterator[Value]:
    """What may be X, nearest first, from where there is a bend on: what the nodes there read."""
    level, seen = [node], {node}
    waiting: list[Value] = []
    bends, count = False, 0
    for _ in range(_DEEPEST):
        following: list[Node] = []
        for current in level:
            if current.op not in _BENDS and current.op not in _STRAIGHT and current.op not in _ABOVE:
                continue
            bends = bends or current.op in _BENDS
            for value in current.inputs:
                if value.node not in seen and known(value) is None:
                    seen.add(value.node)
                    following.append(value.node)
                    waiting.append(value)
        if bends:
            yield from waiting
            count += len(waiting)
            waiting.clear()
        level = following
        if not level or count > _CANDIDATES:
            return


Sides = tuple[Side, Side]


class _Reader:
    """Reads values as functions of ``base``; ``nodes`` are those that it went through."""

    def __init__(self, base: Value, known: Known) -> None:
        self.base, self.known = base, known
        self.nodes: dict[Node, None] = {}
        self.done: dict[Value, Sides | None] = {}

    def read(self, value: Value, depth: int) -> Sides | None:
        """Above and below zero, or ``None`` if it is something else."""
        if value not in self.done:
            self.done[value] = self._read(value, depth)
        return self.done[value]

    def _read(self, value: Value, depth: int) -> Sides | None:
        zero = np.zeros(())
        if value == self.base:
            return (Side(zero, np.ones(()), zero),) * 2
        array = self.known(value)
        if array is not None:
            usable = array.dtype.kind == "f" and np.isfinite(array).all()
            return (Side(array.astype(np.float64), zero, zero),) * 2 if usable else None
        node = value.node
        if depth > _DEEPEST or value.index or node.controls:
            return None
        self.nodes[node] = None
        if node.op in ("Select", "SelectV2"):
            return self._select(node, depth)
        if node.op not in _BENDS and node.op not in _STRAIGHT:
            return None
        parts: list[Sides] = []
        for part in (self.read(v, depth + 1) for v in node.inputs):
            if part is None:
                return None
            parts.append(part)
        if len(parts) not in (1, 2):
            return None
        return _two(node.op, parts[0], parts[1]) if len(parts) == 2 else _one(node, parts[0])

    def _select(self, node: Node, depth: int) -> Sides | None:
        if len(node.inputs) != 3:
            return None
        above = self._asks_above(node.inputs[0].node, depth)
        first, second = (self.read(v, depth + 1) for v in node.inputs[1:])
        if above is None or first is None or second is None:
            return None
        return (first[0], second[1]) if above else (second[0], first[1])

    def _asks_above(self, node: Node, depth: int) -> bool | None:
        """True if ``node`` holds where X > 0, False where X < 0, ``None`` if it asks something else."""
        if node.op not in _ABOVE or len(node.inputs) != 2 or node.controls:
            return None
        self.nodes[node] = None
        left, right = (self.read(v, depth + 1) for v in node.inputs)
        if left is None or right is None:
            return None
        for asked, bound, answer in ((left, right, _ABOVE[node.op]), (right, left, not _ABOVE[node.op])):
            zero = all(s.is_constant and not s.one.any() for s in bound)
            if zero and all(s.has_one_sign and not s.e.any() and (s.x > 0).all() for s in asked):
                return answer
        return None


def _one(node: Node, inner: Sides) -> Sides | None:
    op = node.op
    if op in PASS_THROUGH:
        return inner
    if op == "Neg":
        minus = -np.ones(())
        return inner[0].scaled(minus), inner[1].scaled(minus)
    if op in ("Elu", "Exp", "Expm1"):
        above, below = _exponential(op, inner[0], 1), _exponential(op, inner[1], -1)
        return (above, below) if above is not None and below is not None else None
    if op not in ("Relu", "Abs", "LeakyRelu") or not all(s.has_one_sign for s in inner):
        return None
    slope = node.attr("alpha", 0.2) if op == "LeakyRelu" else {"Relu": 0.0, "Abs": -1.0}[op]
    if not isinstance(slope, float | int):
        return None
    alpha = float(np.float32(slope))
    return _bent(inner[0], alpha, 1), _bent(inner[1], alpha, -1)


def _bent(side: Side, alpha: float, sign: int) -> Side:
    """``side`` where it is positive, ``alpha`` times it where it is negative; X has ``sign``."""
    x = np.where(side.x * sign > 0, side.x, alpha * side.x)
    e = np.where(side.e * sign > 0, side.e, alpha * side.e)
    return Side(side.one, x, e)


def _exponential(op: str, side: Side, sign: int) -> Side | None:
    """``op`` of X itself, or of nothing."""
    zero, one = np.zeros(()), np.ones(())
    if side.one.any() or side.e.any():
        return None
    constant = one if op == "Exp" else zero
    if not side.x.any():
        return Side(constant, zero, zero)
    if not (side.x == 1).all():
        return None
    return Side(zero, one, zero) if op == "Elu" and sign > 0 else Side(constant, zero, one)


def _two(op: str, left: Sides, right: Sides) -> Sides | None:
    if op in ("Add", "AddV2"):
        return left[0].plus(right[0]), left[1].plus(right[1])
    if op == "Sub":
        minus = -np.ones(())
        return left[0].plus(right[0].scaled(minus)), left[1].plus(right[1].scaled(minus))
    if op in ("Maximum", "Minimum"):
        return _extreme(op == "Maximum", left, right)
    factor, other = (right, left) if right[0].is_constant and right[1].is_constant else (left, right)
    if not (factor[0].is_constant and factor[1].is_constant):
        return None
    if op == "Mul":
        return other[0].scaled(factor[0].one), other[1].scaled(factor[1].one)
    if op in ("RealDiv", "Div") and factor is right and factor[0].one.all() and factor[1].one.all():
        return other[0].scaled(1 / factor[0].one), other[1].scaled(1 / factor[1].one)
    return None


def _extreme(largest: bool, left: Sides, right: Sides) -> Sides | None:
    """The larger or smaller of two multiples of X; nothing is one of them."""
    if any(s.one.any() or s.e.any() for s in (*left, *right)):
        return None
    choose = (np.maximum, np.minimum) if largest else (np.minimum, np.maximum)
    zero = np.zeros(())
    above, below = (Side(zero, pick(a.x, b.x), zero) for pick, a, b in zip(choose, left, right, strict=True))
    return above, below
