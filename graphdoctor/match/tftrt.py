"""Predicates about the implicit batch of TF-TRT segments that networks from UFF have no use of."""

from __future__ import annotations

from graphdoctor.ir import Node, Value
from graphdoctor.match.constants import small_constant
from graphdoctor.match.context import MatchContext
from graphdoctor.match.predicate import Predicate, is_arithmetic
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome
from graphdoctor.types import dims_text
from graphdoctor.words import plural

_AXIS_INPUT = {"ConcatV2": -1, "Split": 0}
_DATA_INPUT = {"ConcatV2": 0, "Split": 1, "Unpack": 0, "Tile": 0, "Slice": 0}
_STAYS = NoMatch("the batch stays whole")


class SplitsBatch(Predicate, tag="splits-batch", frozen=True):
    """ConcatV2, Split, Unpack, Tile or Slice work on the first dimension."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; where an argument is not known, the op's row speaks."""
        place = _DATA_INPUT.get(node.op)
        if place is None or place >= len(node.inputs) or is_arithmetic(ctx, node):
            return _STAYS
        if node.op == "Tile":
            counts = _ints(ctx, node, 1)
            return Match(f"it repeats the batch {counts[0]} times") if counts and counts[0] not in (1, None) else _STAYS
        if node.op == "Slice":
            return _sliced(ctx, node)
        return _along(ctx, node, ctx.specs.of(node.inputs[place]).rank)


def _along(ctx: MatchContext, node: Node, rank: int | None) -> Outcome:
    if node.op == "Unpack":
        axis = node.attr("axis", 0)
    else:
        found = _ints(ctx, node, _AXIS_INPUT[node.op] % len(node.inputs))
        axis = found[0] if found else None
    if not isinstance(axis, int):
        return _STAYS
    if axis == 0 or (rank is not None and axis == -rank):
        return Match(f"its axis is {axis}")
    return CannotTell(f"its axis is {axis} of an unknown rank", node.name) if axis < 0 and rank is None else _STAYS


def _sliced(ctx: MatchContext, node: Node) -> Outcome:
    begin, size = _ints(ctx, node, 1), _ints(ctx, node, 2)
    shape = ctx.specs.of(node.inputs[0]).shape
    if not begin or not size:
        return _STAYS
    if begin[0] == 0 and (size[0] == -1 or (shape and size[0] == shape[0])):
        return _STAYS
    shown = f"it takes {size[0]} from {begin[0]} on of the batch"
    if None in (begin[0], size[0]) or (begin[0] == 0 and (not shape or shape[0] is None)):
        return CannotTell(shown, node.name)
    return Match(shown)


def _ints(ctx: MatchContext, node: Node, slot: int) -> tuple[int | None, ...] | None:
    return ctx.specs.of(node.inputs[slot]).ints() if slot < len(node.inputs) else None


class ConstantBatchAbove(Predicate, tag="constant-batch-above-one", frozen=True):
    """A data input is a constant with two dimensions or more, the first of which is not 1."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        for slot, value in enumerate(node.inputs):
            shape = ctx.specs.of(value).shape
            if _is_constant(ctx, value) and shape and len(shape) > 1 and shape[0] != 1:
                return Match(f"constant input {slot} is {dims_text(shape)}")
        return NoMatch("no constant input has a batch", node.name)


class InputsBelow(Predicate, tag="inputs-below", frozen=True):
    """There are fewer than ``count`` data inputs."""

    count: int

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        shown = f"it has {plural(len(node.inputs), 'input')}"
        return Match(shown) if len(node.inputs) < self.count else NoMatch(shown, node.name)


def _is_constant(ctx: MatchContext, value: Value) -> bool:
    if ctx.specs.of(value).constant is not None or small_constant(value) is not None:
        return True
    return ctx.judge is not None and ctx.judge.is_constant(value.node)
