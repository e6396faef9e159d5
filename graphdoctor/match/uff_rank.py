"""Predicates about the number of dimensions in an engine with an implicit batch, and about constants in it."""

from __future__ import annotations

from graphdoctor.ir import Node, TensorSpec, Value
from graphdoctor.match.constants import PASS_THROUGH, constant_of, source_of
from graphdoctor.match.context import MatchContext
from graphdoctor.match.engine_rank import ACTIVATIONS, BINARY, REDUCTIONS, unlike
from graphdoctor.match.predicate import Predicate, Slot, is_arithmetic, layout_of
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome
from graphdoctor.types import dims_text, element_count
from graphdoctor.words import plural

_NO_LAYER = NoMatch("it is arithmetic on constants or shapes")
_FARTHEST = 64


class EngineRankBelow(Predicate, tag="engine-rank-below", frozen=True):
    """Without the batch, a data input has fewer than ``rank`` dimensions.

    It is input ``input``; with ``beside_constant`` the one that is computed where another is constant.
    A Reshape to [N,K] counts as enough where ``flat_is_enough``.
    """

    rank: int
    input: Slot = 0
    beside_constant: bool = False
    flat_is_enough: bool = False

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if ctx.judge is None or is_arithmetic(ctx, node):
            return _NO_LAYER
        value = _beside_constant(ctx, node) if self.beside_constant else _input(node, self.input)
        if value is None:
            return NoMatch("it has no such input", node.name)
        found, shown = ctx.judge.engine_rank(value), f"{value.name} {dims_text(ctx.specs.of(value).shape)}"
        if found.rank is not None and found.rank < self.rank:
            return Match(f"without the batch {shown} has {plural(found.rank, 'dimension')}")
        if found.rank is not None or (found.flat and self.flat_is_enough) or found.moot:
            return NoMatch("it has enough dimensions, or what makes it is refused", node.name)
        return CannotTell(f"how many dimensions {shown} has there is not known: {found.why}", node.name)


class BroadcastNotTaken(Predicate, tag="broadcast-not-taken", frozen=True):
    """The two inputs have not as many dimensions as each other, where no layer lays one over the other.

    A constant of one element, and one with an element for each channel, are laid over any tensor (the converter
    itself writes biases so).
    """

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if len(node.inputs) != 2 or ctx.judge is None or is_arithmetic(ctx, node):
            return _NO_LAYER
        constant = next((v for v in node.inputs if _is_constant(ctx, v)), None)
        if constant is not None:
            other = node.inputs[1 - node.inputs.index(constant)]
            return _constant_over(ctx, ctx.specs.of(constant), other)
        return _computed_over(ctx, node)


class ConstantWithBatch(Predicate, tag="constant-with-batch", frozen=True):
    """A constant input has as many dimensions as the computed one, the batch among them.

    With ``one`` it is stored as a constant and says the same of every item.
    """

    one: bool = False

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; a single element cannot be told."""
        if is_arithmetic(ctx, node):
            return _NO_LAYER
        constants = [v for v in node.inputs if _is_constant(ctx, v)]
        computed = [v for v in node.inputs if v not in constants]
        ranks = {ctx.specs.of(v).rank for v in computed} - {None}
        for value in constants:
            spec = ctx.specs.of(value)
            if self.one and (constant_of(value) is None or not spec.shape or spec.shape[0] != 1):
                continue
            if spec.shape is not None and len(spec.shape) > 1 and len(spec.shape) in ranks:
                shown = f"{value.name} is {dims_text(spec.shape)}"
                one = element_count(spec.shape) == 1
                return CannotTell(f"{shown}, a single number", node.name) if one else Match(shown)
        return NoMatch("no constant has a batch", node.name)


class NormalisesInput(Predicate, tag="normalises-input", frozen=True):
    """The node lays a constant that is neither a scalar nor [C,1,1] over an input of the network."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        constant = next((v for v in node.inputs if _is_constant(ctx, v)), None)
        value = _beside_constant(ctx, node)
        if constant is None or value is None or is_arithmetic(ctx, node):
            return _NO_LAYER
        shape = ctx.specs.of(constant).shape
        if shape is not None and (element_count(shape) == 1 or (len(shape) == 3 and shape[1:] == (1, 1))):
            return NoMatch(f"the constant is {dims_text(shape)}", node.name)
        for _ in range(_FARTHEST):
            if value.node.op == "Placeholder":
                return Match(f"{constant.name} {dims_text(shape)} is laid over the input {value.node.name}")
            behind = _beside_constant(ctx, value.node) if value.node.op in BINARY else None
            if behind is None and value.node.op in PASS_THROUGH and value.node.inputs:
                behind = value.node.inputs[0]
            if behind is None:
                break
            value = behind
        return NoMatch("it is no input of the network", node.name)


class ReadsKeptDimensions(Predicate, tag="reads-kept-dimensions", frozen=True):
    """A data input comes from a reduction that drops dimensions: an axis counts other dimensions there. No Match."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """CannotTell where it holds of ``node``."""
        if is_arithmetic(ctx, node):
            return _NO_LAYER
        for value in node.inputs:
            found = _dropping_reduction(value)
            if found is not None and not is_arithmetic(ctx, found):
                return CannotTell(f"{found.name} ({found.op}) leaves its reduced dimensions in the engine", node.name)
        return NoMatch("no reduction stands before it", node.name)


def _input(node: Node, slot: int) -> Value | None:
    return node.inputs[slot] if 0 <= slot < len(node.inputs) else None


def _is_constant(ctx: MatchContext, value: Value) -> bool:
    if constant_of(value) is not None:
        return True
    return ctx.judge is not None and ctx.judge.is_constant(source_of(value).node)


def _beside_constant(ctx: MatchContext, node: Node) -> Value | None:
    """The first computed input of ``node`` where another input is constant."""
    computed = [v for v in node.inputs if not _is_constant(ctx, v)]
    return computed[0] if computed and len(computed) < len(node.inputs) else None


def _constant_over(ctx: MatchContext, constant: TensorSpec, other: Value) -> Outcome:
    rank, shape = ctx.specs.of(other).rank, constant.shape
    shown = f"a constant {dims_text(shape)} meets {other.name} {dims_text(ctx.specs.of(other).shape)}"
    if shape is None or rank is None:
        return _unknown(ctx, f"{shown}, of which a rank is not known", other)
    if element_count(shape) == 1 or len(shape) >= rank - 1:
        return NoMatch(shown, other.node.name)
    if len(shape) > 1:
        return Match(shown)
    layout = layout_of(ctx, other) if rank == 4 else CannotTell(f"{shown}, and which axis it fits is not known")
    if isinstance(layout, CannotTell):
        return CannotTell(f"{shown}: {layout.reason}" if rank == 4 else layout.reason, other.node.name)
    return NoMatch(shown, other.node.name) if layout == "NHWC" else Match(f"{shown} in NCHW, along the width")


def _unknown(ctx: MatchContext, reason: str, *values: Value) -> Outcome:
    """CannotTell, but where what makes one of ``values`` is refused anyway."""
    moot = ctx.judge is not None and any(ctx.judge.engine_rank(v).moot for v in values)
    return NoMatch("what makes it is refused") if moot else CannotTell(reason, values[0].node.name)


def _computed_over(ctx: MatchContext, node: Node) -> Outcome:
    assert ctx.judge is not None
    shapes = [ctx.specs.of(v).shape for v in node.inputs]
    shown = " and ".join(f"{v.name} {dims_text(s)}" for v, s in zip(node.inputs, shapes, strict=True))
    a, b = shapes
    if a is None or b is None:
        return _unknown(ctx, f"a rank of {shown} is not known", *node.inputs)
    if len(a) != len(b):
        return Match(f"{shown} have different ranks")
    if a and b and a[0] != b[0]:
        return CannotTell(f"the batch of {shown} differs", node.name)
    if unlike(ctx.judge.engine_rank(v) for v in node.inputs):
        return CannotTell(f"in the engine {shown} have different numbers of dimensions", node.name)
    return NoMatch("the ranks are equal", node.name)


def _dropping_reduction(value: Value) -> Node | None:
    """The reduction with dropped dimensions that ``value`` comes from through ops that keep the dimensions."""
    node = value.node
    for _ in range(_FARTHEST):
        if node.op in REDUCTIONS and not node.attr("keep_dims", False):
            return node
        if not node.inputs or node.op not in ACTIVATIONS | PASS_THROUGH | {"BiasAdd", "Softmax"}:
            return None
        node = node.inputs[0].node
    return None
