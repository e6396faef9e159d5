"""Predicates about the implicit batch of networks from UFF: what mixes, moves or names it cannot be said there."""

from __future__ import annotations

from graphdoctor.ir import Node, Value
from graphdoctor.match.constants import constant_of
from graphdoctor.match.context import MatchContext
from graphdoctor.match.predicate import Predicate, Slot, is_arithmetic
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome
from graphdoctor.ops.reshape import settled_dims
from graphdoctor.types import Shape, dims_text, element_count

_NO_LAYER = NoMatch("it is arithmetic on constants or shapes")
_STAYS = NoMatch("the batch stays where it is")
_NOT_READ = NoMatch("its scope makes a Flatten of it, whose shape nobody reads")


class InputWithoutDimensions(Predicate, tag="input-without-dimensions", frozen=True):
    """Output 0 is a scalar; of one dimension it cannot be told whether it is the batch."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; of an unknown rank another rule speaks."""
        shape = ctx.specs.output(node).shape
        if shape is None or len(shape) > 1:
            return NoMatch("it has dimensions, or an unknown rank", node.name)
        if not shape:
            return Match("it is a scalar")
        return CannotTell(f"it is {dims_text(shape)}, and its only dimension may be the batch", node.name)


class ReshapesBatch(Predicate, tag="reshapes-batch", frozen=True):
    """A Reshape joins the batch with other dimensions, or splits it.

    With ``flatten``, one that the UFF converter makes a Flatten of is told apart.
    """

    flatten: bool = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; where the shape is computed, another rule speaks."""
        if len(node.inputs) != 2 or is_arithmetic(ctx, node):
            return _NO_LAYER
        before, after = ctx.specs.of(node.inputs[0]).shape, ctx.specs.output(node).shape
        if self.flatten and ctx.is_flatten(node):
            return _NOT_READ if after is None or len(after) == 2 else Match(f"a Flatten is not {dims_text(after)}")
        if ctx.specs.of(node.inputs[1]).ints() is None:
            return NoMatch("its shape is computed", node.name)
        return _batch_kept(before, after, node)


def _batch_kept(before: Shape, after: Shape, node: Node) -> Outcome:
    shown = f"{dims_text(before)} becomes {dims_text(after)}"
    if before is None or after is None:
        return CannotTell(f"{shown}, and a rank is not known", node.name)
    if not before or not after:
        return Match(shown)
    if before[0] is not None and after[0] is not None:
        return NoMatch(shown, node.name) if before[0] == after[0] else Match(shown)
    inner = element_count(before[1:]), element_count(after[1:])
    if None in inner:
        return CannotTell(f"{shown}, and a dimension besides the batch is not known", node.name)
    return NoMatch(shown, node.name) if inner[0] == inner[1] else Match(shown)


class ShapeComputed(Predicate, tag="shape-computed", frozen=True):
    """One of the data inputs that say a shape is computed; ``inputs`` are their numbers for each op."""

    inputs: dict[str, list[Slot]]

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Match where the batch is in it, CannotTell where it always has the same value."""
        if is_arithmetic(ctx, node):
            return _NO_LAYER
        if ctx.is_flatten(node):
            return _NOT_READ
        answer: Outcome = NoMatch("its shape is constant", node.name)
        for slot in self.inputs.get(node.op, ()):
            value = node.inputs[slot] if slot < len(node.inputs) else None
            if value is None or constant_of(value) is not None:
                continue
            known = ctx.specs.of(value).ints()
            if known is None or None in known:
                return Match(f"{value.node.op} computes it, and the batch in it has no value")
            shown = f"{value.node.op} computes {list(known)} every time, and whether the parser folds it is not known"
            answer = CannotTell(shown, node.name)
        return answer


class ShapeFolds(Predicate, tag="shape-folds", frozen=True):
    """All of data input ``input`` but one element at most is known; of a Reshape the result settles a -1."""

    input: Slot

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        known = ctx.specs.of(node.inputs[self.input]).ints() if self.input < len(node.inputs) else None
        if known is None:
            return NoMatch("it is not known", node.name)
        if node.op == "Reshape":
            is_open = settled_dims(known, ctx.specs.output(node).shape) is None
        else:
            is_open = sum(d in (None, -1) for d in known) > 1
        return NoMatch("more than one dimension is open", node.name) if is_open else Match("it is known")


class SlicesBatch(Predicate, tag="slices-batch", frozen=True):
    """A StridedSlice takes a part of the batch, or drops it."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; where begin, end or strides are not known, the op's row speaks."""
        if len(node.inputs) != 4 or is_arithmetic(ctx, node):
            return _NO_LAYER
        begin, end, strides = (ctx.specs.of(v).ints() for v in node.inputs[1:])
        if not begin or not end or not strides or _integer(node, "ellipsis_mask") or _integer(node, "new_axis_mask"):
            return NoMatch("what it slices is not known", node.name)
        if _integer(node, "shrink_axis_mask") & 1:
            return Match(f"it takes element {begin[0]} of the batch")
        return self._part(ctx, node, begin[0], end[0], strides[0])

    def _part(self, ctx: MatchContext, node: Node, begin: int | None, end: int | None, stride: int | None) -> Outcome:
        from_start = bool(_integer(node, "begin_mask") & 1) or begin == 0
        to_end = bool(_integer(node, "end_mask") & 1)
        if from_start and to_end and stride == 1:
            return NoMatch("it takes the whole batch", node.name)
        shape = ctx.specs.of(node.inputs[0]).shape
        batch = shape[0] if shape else None
        shown = f"it takes {begin}:{end}:{stride} of the batch"
        if None in (begin, end, stride) or (batch is None and from_start and stride == 1):
            return CannotTell(shown, node.name)
        whole = from_start and stride == 1 and batch is not None and end is not None and end >= batch
        return NoMatch("it takes the whole batch", node.name) if whole else Match(shown)


def _integer(node: Node, key: str) -> int:
    """The number in an attribute; 0 where there is none."""
    value = node.attr(key, 0)
    return value if isinstance(value, int) else 0


class AxesHoldBatch(Predicate, tag="axes-hold-batch", frozen=True):
    """The axes in data input ``input`` name the batch."""

    input: Slot = 1

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; where the axes are not known, the op's row speaks."""
        if self.input >= len(node.inputs) or is_arithmetic(ctx, node):
            return _NO_LAYER
        axes = ctx.specs.of(node.inputs[self.input]).ints()
        if axes is None:
            return NoMatch("its axes are not known", node.name)
        rank = ctx.specs.of(node.inputs[0]).rank
        if 0 in axes or (rank is not None and -rank in axes):
            return Match(f"its axes are {list(axes)}")
        if rank is None and any(a is None or a < 0 for a in axes):
            return CannotTell(f"its axes are {list(axes)} of an unknown rank", node.name)
        return NoMatch(f"its axes are {list(axes)}", node.name)


class MovesBatch(Predicate, tag="moves-batch", frozen=True):
    """The batch does not stay the first dimension: transposed, put behind a new one, squeezed or looked up in."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; where an argument is not known, the op's row speaks."""
        if not node.inputs or is_arithmetic(ctx, node):
            return _NO_LAYER
        if node.op == "MatMul":
            return Match("it reads its input transposed") if node.attr("transpose_a", False) else _STAYS
        if node.op == "Squeeze":
            return _squeezed(ctx, node)
        if node.op == "Transpose":
            perm = ctx.specs.of(node.inputs[1]).ints() if len(node.inputs) == 2 else None
            return Match(f"the permutation is {list(perm)}") if perm and perm[0] != 0 else _STAYS
        return _axis_before(ctx, node)


def _squeezed(ctx: MatchContext, node: Node) -> Outcome:
    shape, said = ctx.specs.of(node.inputs[0]).shape, node.attr("squeeze_dims", ())
    dims = [d for d in said if isinstance(d, int)] if isinstance(said, tuple) else []
    if dims:
        rank = None if shape is None else len(shape)
        batch = 0 in dims or (rank is not None and -rank in dims)
        return Match(f"it drops the dimensions {dims}") if batch else _STAYS
    if not shape or shape[0] is None:
        return CannotTell("it drops every dimension of 1, and the batch is not known", node.name)
    return Match("it drops every dimension of 1, the batch too") if shape[0] == 1 else _STAYS


def _axis_before(ctx: MatchContext, node: Node) -> Outcome:
    """Pack and ExpandDims put a dimension in, Gather looks up in one: in front of the batch, or in the batch itself."""
    rank = ctx.specs.of(node.inputs[0]).rank
    if node.op.startswith("Gather") and ctx.judge is not None and ctx.judge.engine_rank(node.inputs[0]).arithmetic:
        return _STAYS
    slot = {"ExpandDims": 1, "GatherV2": 2}.get(node.op)
    axes = (_integer(node, "axis"),) if slot is None else _ints(ctx, node, slot)
    first = {0} if rank is None else {0, -rank - (node.op in ("Pack", "ExpandDims"))}
    return Match(f"its axis is {axes[0]}") if axes and axes[0] in first else _STAYS


def _ints(ctx: MatchContext, node: Node, slot: int) -> tuple[int | None, ...] | None:
    return ctx.specs.of(node.inputs[slot]).ints() if slot < len(node.inputs) else None


class ReachesOutput(Predicate, tag="reaches-output", frozen=True):
    """What the node gives is an output of the graph, as it is or behind ops that keep its dimensions. No Match."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """CannotTell where it holds of ``node``."""
        if ctx.judge is None or is_arithmetic(ctx, node):
            return _NO_LAYER
        if ctx.judge.is_near_output(node):
            return CannotTell("the order that the parser notes may have another number of dimensions", node.name)
        return NoMatch("no output is near", node.name)


def reads_dropped_shape(ctx: MatchContext, value: Value) -> bool:
    """True if nothing reads ``value`` but Reshapes whose shape is dropped."""
    uses = ctx.graph.uses(value.node)
    return (
        bool(uses) and all(ctx.is_flatten(u.node) and u.slot == 1 for u in uses) and not ctx.graph.is_output(value.node)
    )
