"""The named predicates of rules that any parser has use of."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from graphdoctor.ir import Node
from graphdoctor.match.constants import PASS_THROUGH, constant_of, small_constant, source_of
from graphdoctor.match.context import MatchContext
from graphdoctor.match.learning_phase import LearningPhaseMatch, learning_phase
from graphdoctor.match.padding import PadMatch, pad_before
from graphdoctor.match.predicate import Predicate, Slot, spec_of
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome
from graphdoctor.ops import find_op
from graphdoctor.types import Answer, DType, dims_text

Scalar = str | int | float | bool


class OpIn(Predicate, tag="op-in", frozen=True):
    """The op is one of ``ops``."""

    ops: list[str]

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        return Match(f"it is {node.op}") if node.op in self.ops else NoMatch(f"it is {node.op}", node.name)


class AttrEquals(Predicate, tag="attr-equals", frozen=True):
    """The attribute ``attr`` has the value ``value``; where it is absent, it counts as ``default``."""

    attr: str
    value: Scalar
    default: Scalar | None = None

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        found = node.attr(self.attr, self.default)
        if found is None:
            return NoMatch(f"attribute {self.attr} is absent", node.name)
        shown = found.label if isinstance(found, DType) else found
        if shown == self.value and isinstance(shown, bool) == isinstance(self.value, bool):
            return Match(f"{self.attr} is {_word(shown)}")
        return NoMatch(f"{self.attr} is {_word(shown)}", node.name)


class AttrStarts(Predicate, tag="attr-starts", frozen=True):
    """The text in attribute ``attr``, or one of its texts, starts with ``text``."""

    attr: str
    text: str

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        found = node.attr(self.attr, "")
        values = [str(v) for v in (found if isinstance(found, tuple) else (found,))]
        hit = next((v for v in values if v.startswith(self.text)), None)
        return NoMatch(f"{self.attr} is {values}", node.name) if hit is None else Match(f"{self.attr} is {hit}")


class AttrBetween(Predicate, tag="attr-between", frozen=True):
    """The number in attribute ``attr`` lies between ``low`` and ``high``, both included; absent, it is ``default``."""

    attr: str
    low: float
    high: float
    default: float | None = None

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        found = node.attr(self.attr, self.default)
        if not isinstance(found, (int, float)):
            return CannotTell(f"attribute {self.attr} is no number", node.name)
        held = self.low <= found <= self.high
        return Match(f"{self.attr} is {found:g}") if held else NoMatch(f"{self.attr} is {found:g}", node.name)


class DtypeIn(Predicate, tag="dtype-in", frozen=True):
    """The dtype of output ``index``, or of data input ``index`` where ``of`` is ``input``, is one of ``dtypes``."""

    dtypes: list[str]
    of: str = "output"
    index: Slot = 0

    def __post_init__(self) -> None:
        for label in self.dtypes:
            if DType.parse(label) is None:
                raise ValueError(f"there is no dtype {label!r}")
        if self.of not in ("output", "input"):
            raise ValueError(f"of must be output or input, not {self.of!r}")

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        spec = spec_of(ctx, node, self.of, self.index)
        if spec.dtype is DType.INVALID:
            return CannotTell(f"the dtype of {self.of} {self.index} is not known", node.name)
        held = any(spec.dtype is DType.parse(label) for label in self.dtypes)
        return Match(f"it is {spec.dtype.label}") if held else NoMatch(f"it is {spec.dtype.label}", node.name)


class TargetLacksDtype(Predicate, tag="target-lacks-dtype", frozen=True):
    """The target's engine has no tensors of the dtype of output 0."""

    per_target: ClassVar[bool] = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; a type that is narrowed on the way cannot be told."""
        dtype = ctx.specs.output(node).dtype
        if ctx.target is not None and ctx.target.segments is not None:
            return NoMatch("TensorFlow feeds the segments, whatever the type of the input", node.name)
        if ctx.target is None or dtype is DType.INVALID:
            return CannotTell("the dtype is not known", node.name)
        if dtype in ctx.target.dtypes:
            return NoMatch(f"the engine has {dtype.label}", node.name)
        narrowed = ctx.target.types.narrowed.get(dtype)
        if narrowed is not None and dtype not in ctx.target.types.refused:
            return CannotTell(f"the parser narrows {dtype.label} to {narrowed.label} in constants", node.name)
        names = ", ".join(d.label for d in sorted(ctx.target.dtypes))
        return Match(f"the engine has {names}, and no {dtype.label}")


class TargetLacksOp(Predicate, tag="target-lacks-op", frozen=True):
    """The target does not run the node."""

    per_target: ClassVar[bool] = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if ctx.target is None or ctx.judge is None:
            return CannotTell("no target is given", node.name)
        support = ctx.judge.support(node, ctx.target)
        if support.ok is Answer.NO:
            return Match(support.reason)
        if support.ok is Answer.YES:
            return NoMatch("the target runs it", node.name)
        return CannotTell(support.reason, node.name)


class FoldsToConstant(Predicate, tag="folds-to-constant", frozen=True):
    """The node does not depend on any input of the graph, or inference resolves its value."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if ctx.judge is None:
            return CannotTell("constants were not looked for", node.name)
        if node.op != "Const" and ctx.judge.is_constant(node):
            return Match("its value does not depend on any input")
        return NoMatch("its value is not constant", node.name)


class InputConstant(Predicate, tag="input-constant", frozen=True):
    """Data input ``input`` is a constant, directly or through Identity, or has a value that inference resolves.

    A negative number counts from the last input.
    """

    input: Slot

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        slot = self.input if self.input >= 0 else len(node.inputs) + self.input
        if not 0 <= slot < len(node.inputs):
            return NoMatch(f"there is no input {self.input}", node.name)
        value = node.inputs[slot]
        if constant_of(value) is not None or ctx.specs.of(value).constant is not None:
            return Match(f"input {slot} is constant")
        source = source_of(value).node
        if source.is_missing:
            return CannotTell(f"input {slot} is missing from the graph", node.name)
        if source.op in PASS_THROUGH:
            return CannotTell(f"input {slot} comes through too many {source.op} nodes to follow", node.name)
        return NoMatch(f"{source.op} computes input {slot}", source.name)


class ConstantOperand(Predicate, tag="constant-operand", frozen=True):
    """One of the data inputs is a constant: a Match for those in ``sure``, for others it cannot be told.

    Nor can it of one that is computed and always has the same value.
    """

    sure: list[int]

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        answer: Outcome = NoMatch("no input is constant", node.name)
        for slot, value in enumerate(node.inputs):
            constant = constant_of(value) is not None
            if constant and slot in self.sure:
                return Match(f"input {slot} is constant")
            if constant or (ctx.judge is not None and ctx.judge.is_constant(source_of(value).node)):
                answer = CannotTell(f"input {slot} is constant, of which it is not known", node.name)
        return answer


class InputFrom(Predicate, tag="input-from", frozen=True):
    """A data input comes from one of ``ops``, and nothing else reads what that gives."""

    ops: list[str]

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        for value in node.inputs:
            if value.node.op in self.ops and ctx.graph.sole_use(value) is not None:
                return Match(f"{value.node.name} stands before it")
        return NoMatch(f"none of {', '.join(self.ops)} stands before it alone", node.name)


class InputFolds(Predicate, tag="input-folds", frozen=True):
    """Data input ``input`` is a constant once constants are folded: it does not depend on any input of the graph."""

    input: Slot

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; where a producer is missing or unknown it cannot be told."""
        if not 0 <= self.input < len(node.inputs):
            return NoMatch(f"there is no input {self.input}", node.name)
        value = node.inputs[self.input]
        if constant_of(value) is not None or ctx.specs.of(value).constant is not None:
            return Match(f"input {self.input} is constant")
        source = source_of(value).node
        if ctx.judge is not None and ctx.judge.is_constant(source):
            return Match(f"{source.op} gives the same value every time")
        if source.is_missing or find_op(source.op) is None:
            return CannotTell(f"nothing is known of {source.op or 'the missing node'} behind it", source.name)
        return NoMatch(f"{source.op} computes it", source.name)


class InputBetween(Predicate, tag="input-between", frozen=True):
    """Every element of data input ``input`` is a number from ``low`` to ``high``; an absent bound is none."""

    input: Slot
    low: int | float | None = None
    high: int | float | None = None

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if not 0 <= self.input < len(node.inputs):
            return NoMatch(f"there is no input {self.input}", node.name)
        value = node.inputs[self.input]
        known = ctx.specs.of(value).constant
        array = small_constant(value) if known is None else known
        if array is None or not array.size or array.dtype.kind not in "iuf":
            return CannotTell(f"the value of input {self.input} is not known", node.name)
        smallest, largest = float(array.min()), float(array.max())
        low, high = (-inf if self.low is None else self.low), (inf if self.high is None else self.high)
        shown = f"it is {largest:g}" if smallest == largest else f"it reaches from {smallest:g} to {largest:g}"
        return Match(shown) if low <= smallest and largest <= high else NoMatch(shown, node.name)


class RankUnknown(Predicate, tag="rank-unknown", frozen=True):
    """Even the rank of output 0 is unknown, so that nothing can be told of what reads it: never a Match."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """CannotTell where it holds of ``node``."""
        if ctx.specs.output(node).shape is None:
            return CannotTell("not even its rank is known", node.name)
        return NoMatch("its rank is known", node.name)


class DimensionUnknown(Predicate, tag="dimension-unknown", frozen=True):
    """A dimension of output 0 besides the first is unknown, or, with ``rank``, the rank is."""

    rank: bool = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        shape = ctx.specs.output(node).shape
        if shape is None:
            return Match("its rank is unknown") if self.rank else NoMatch("its rank is unknown", node.name)
        unknown = [str(i) for i, d in enumerate(shape) if i and d is None]
        if unknown:
            return Match(f"dimension {' and '.join(unknown)} of {dims_text(shape)} is unknown")
        return NoMatch("every dimension but the batch is known", node.name)


class BatchOpen(Predicate, tag="batch-open", frozen=True):
    """The first dimension of output 0 is unknown, the rank is not."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        shape = ctx.specs.output(node).shape
        if not shape or shape[0] is not None:
            return NoMatch("its batch is no open dimension", node.name)
        return Match(f"the first dimension of {dims_text(shape)} is unknown")


class BatchAbove(Predicate, tag="batch-above", frozen=True):
    """The first dimension of output 0, which has two or more, is known and larger than ``value``."""

    value: int

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        shape = ctx.specs.output(node).shape
        if shape is None:
            return NoMatch("its rank is unknown", node.name)
        if len(shape) < 2 or shape[0] is None or shape[0] <= self.value:
            return NoMatch(f"its shape is {dims_text(shape)}", node.name)
        return Match(f"its batch is fixed at {shape[0]}")


class RankIn(Predicate, tag="rank-in", frozen=True):
    """The rank of output ``index``, or of data input ``index`` where ``of`` is ``input``, is one of ``ranks``."""

    ranks: list[int]
    of: str = "output"
    index: Slot = 0

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        rank = spec_of(ctx, node, self.of, self.index).rank
        if rank is None:
            return CannotTell(f"the rank of {self.of} {self.index} is not known", node.name)
        return Match(f"the rank is {rank}") if rank in self.ranks else NoMatch(f"the rank is {rank}", node.name)


class SameShapes(Predicate, tag="same-shapes", frozen=True):
    """The data inputs ``inputs`` have equal shapes; with ``leading_only`` the last two dimensions do not count."""

    inputs: list[Slot]
    leading_only: bool = False

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        shapes = []
        for slot in self.inputs:
            shape = spec_of(ctx, node, "input", slot).shape
            if shape is None:
                return CannotTell(f"the rank of input {slot} is not known", node.name)
            shapes.append(shape[:-2] if self.leading_only else shape)
        if len({len(s) for s in shapes}) > 1:
            return NoMatch("their ranks differ", node.name)
        for dims in zip(*shapes, strict=True):
            if len({d for d in dims if d is not None}) > 1:
                return NoMatch(f"their shapes differ: {' and '.join(map(dims_text, shapes))}", node.name)
        if any(None in s and s.count(None) > 1 for s in shapes):
            return CannotTell("more than one dimension is unknown", node.name)
        return Match("their shapes are equal")


class OnlyFirstOutput(Predicate, tag="only-first-output", frozen=True):
    """Nothing reads an output besides the first."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if any(use.index > 0 for use in ctx.graph.uses(node)):
            return NoMatch("an output besides the first is read", node.name)
        if any(v.node is node and v.index > 0 for v in ctx.graph.outputs):
            return NoMatch("an output besides the first is an output of the graph", node.name)
        return Match("only the first output is read")


class InScope(Predicate, tag="in-scope", frozen=True):
    """The innermost name scope of the node contains ``text``, in any case."""

    text: str

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        innermost = node.scope.rpartition("/")[2]
        if self.text.lower() in innermost.lower():
            return Match(f"its scope is called {innermost!r}")
        return NoMatch(f"its scope is called {innermost!r}", node.name)


class IsLearningPhase(Predicate, tag="is-learning-phase", frozen=True):
    """The node is a placeholder that selects training or inference."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        found = learning_phase(ctx.graph, node)
        return Match("it selects training or inference") if isinstance(found, LearningPhaseMatch) else found


class IsPadBefore(Predicate, tag="is-pad-before", frozen=True):
    """The node is a Pad that only a convolution or pooling reads."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        found = pad_before(ctx.graph, node)
        return Match(f"{found.consumer.name} takes it over") if isinstance(found, PadMatch) else found


def _word(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
