"""The named predicates of rules about ONNX parsers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from graphdoctor.ir import Node
from graphdoctor.match.constants import small_constant
from graphdoctor.match.context import MatchContext
from graphdoctor.match.predicate import Predicate, layout_of
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome
from graphdoctor.targets import Confidence
from graphdoctor.types import Answer

_SPATIAL: Mapping[str, frozenset[int]] = {"NHWC": frozenset({1, 2}), "NCHW": frozenset({2, 3})}
_PADDINGS_AT = {"SpaceToBatchND": 2}


class TargetLacksOnnx(Predicate, tag="target-lacks-onnx", frozen=True):
    """The target does not run the ONNX op ``op``, which any converter makes of the node."""

    op: str

    per_target: ClassVar[bool] = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; a row that sets conditions is not looked into."""
        if ctx.target is None:
            return CannotTell("no target is given", node.name)
        row = ctx.target.row(self.op)
        if row.support is Answer.YES:
            return NoMatch(f"the target has ONNX {self.op}", node.name)
        if row.support is Answer.NO and row.confidence is not Confidence.LOW:
            return Match(f"ONNX {self.op}: {row.reason}")
        return CannotTell(f"ONNX {self.op}: {row.reason}", node.name)


class LimitNames(Predicate, tag="limit-names", frozen=True):
    """The target's limit ``limit`` is about the ONNX op that the node becomes, by ``ops``."""

    limit: str
    ops: dict[str, str]

    per_target: ClassVar[bool] = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; CannotTell where the limit is there and names other ops alone."""
        limit = None if ctx.target is None else ctx.target.has_limit(self.limit)
        if limit is None:
            return NoMatch("the target has no such limit", node.name)
        if self.ops.get(node.op) in limit.ops:
            return Match(f"it becomes ONNX {self.ops[node.op]}")
        return CannotTell(f"the table of the target says it of {' and '.join(limit.ops)} alone", node.name)


class NegativeIndex(Predicate, tag="negative-index", frozen=True):
    """A StridedSlice takes one element counted from the end, of a dimension whose size is not known."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; CannotTell where the index is computed."""
        mask = node.attr("shrink_axis_mask", 0)
        if not mask or len(node.inputs) < 2:
            return NoMatch("it takes no single element", node.name)
        begin = ctx.specs.of(node.inputs[1]).ints()
        if not isinstance(mask, int) or begin is None:
            return CannotTell("its indices are not known", node.name)
        taken = [index for at, index in enumerate(begin) if mask >> at & 1]
        if None in taken:
            return CannotTell("an index is computed while the graph runs", node.name)
        behind = [index for index in taken if index is not None and index < 0]
        shape = ctx.specs.of(node.inputs[0]).shape
        if not behind or (shape is not None and None not in shape):
            return NoMatch("its indices count from the front", node.name)
        return Match(f"it takes element {behind[0]} of a dimension of unknown size")


class PadsBeyond(Predicate, tag="pads-beyond", frozen=True):
    """More than ``most`` dimensions are padded; with ``image``, others than height and width or the last two."""

    most: int = 2
    image: bool = False

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; CannotTell where the paddings are computed, or no op says the layout."""
        slot = _PADDINGS_AT.get(node.op, 1)
        if slot >= len(node.inputs):
            return NoMatch("it has no paddings", node.name)
        value = node.inputs[slot]
        known = ctx.specs.of(value).constant
        rows = small_constant(value) if known is None else known
        if rows is None or rows.ndim != 2 or rows.shape[1] != 2:
            return CannotTell("its paddings are not known", node.name)
        first = 1 if node.op == "SpaceToBatchND" else 0
        padded = {first + axis for axis, row in enumerate(rows) if row.any()}
        shown = f"it pads axis {' and '.join(map(str, sorted(padded)))}" if padded else "it pads nothing"
        if len(padded) > self.most:
            return Match(shown)
        return self._beyond_image(ctx, node, padded, shown) if self.image and padded else NoMatch(shown, node.name)

    def _beyond_image(self, ctx: MatchContext, node: Node, padded: set[int], shown: str) -> Outcome:
        rank = ctx.specs.of(node.inputs[0]).rank
        if rank is None or rank > 4:
            return CannotTell(f"{shown}, and which dimensions come last is not known", node.name)
        if rank < 4:
            return NoMatch(shown, node.name) if padded <= {rank - 2, rank - 1} else Match(f"{shown} of {rank}")
        layout = layout_of(ctx, node.inputs[0])
        if isinstance(layout, CannotTell):
            return layout
        return NoMatch(shown, node.name) if padded <= _SPATIAL[layout] else Match(f"{shown} of {layout}")


class SumsInPart(Predicate, tag="sums-in-part", frozen=True):
    """A Sum over some dimensions and not over all: never a Match, since opset 12 has none of the trouble."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """CannotTell where it holds of ``node``."""
        rank = ctx.specs.of(node.inputs[0]).rank if node.inputs else None
        axes = ctx.specs.of(node.inputs[1]).ints() if len(node.inputs) > 1 else None
        if rank is not None and axes is not None and None not in axes:
            if {a % rank for a in axes if a is not None and rank} == set(range(rank)):
                return NoMatch("it sums over everything", node.name)
            return CannotTell(f"it sums over axes {list(axes)}, which opset 13 and later write as an input", node.name)
        return CannotTell("its axes are not known", node.name)


class SuppressesAmong(Predicate, tag="suppresses-among", frozen=True):
    """Boxes are chosen of more than ``most`` in an image; how many of them reach the score threshold, no graph says.

    Never a Match: what the ``most`` best give is what all give, unless so many are dropped that the rest is needed.
    """

    most: int

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """CannotTell where it holds of ``node``, or where the number of boxes is not known."""
        count = _candidates(ctx, node)
        if count is None:
            return CannotTell(f"how many boxes there are is not known, and {self.most} are looked at", node.name)
        if count > self.most:
            return CannotTell(f"it chooses of {count}, and looks at {self.most}", node.name)
        return NoMatch(f"it chooses of {count}", node.name)


class KeepsBeyond(Predicate, tag="keeps-beyond", frozen=True):
    """A CombinedNonMaxSuppression sorts out more than ``most`` boxes of an image."""

    most: int

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; the boxes and classes that there are bound what is kept."""
        shape = ctx.specs.output(node, 1).shape
        kept = None if shape is None else shape[1]
        most = _boxes_and_classes(ctx, node)
        known = [n for n in (kept, most) if n is not None]
        if known and min(known) <= self.most:
            return NoMatch(f"it keeps {min(known)}", node.name)
        if kept is None or most is None:
            return CannotTell("how many it keeps is not known", node.name)
        return Match(f"it keeps {min(known)}")


def _candidates(ctx: MatchContext, node: Node) -> int | None:
    """How many boxes of an image the parser's one layer may choose of, all classes together."""
    if node.op == "CombinedNonMaxSuppression" and node.inputs:
        shape = ctx.specs.of(node.inputs[0]).shape
        of_class = shape is not None and len(shape) == 4 and shape[2] is not None and shape[2] > 1
        return _boxes(ctx, node) if of_class else _boxes_and_classes(ctx, node)
    return _boxes(ctx, node)


def _boxes(ctx: MatchContext, node: Node) -> int | None:
    axis = 1 if node.op == "CombinedNonMaxSuppression" else 0
    shapes = (ctx.specs.of(value).shape for value in node.inputs[:2])
    return next((s[axis] for s in shapes if s is not None and len(s) > axis and s[axis] is not None), None)


def _boxes_and_classes(ctx: MatchContext, node: Node) -> int | None:
    scores, boxes = ctx.specs.of(node.inputs[1]).shape if len(node.inputs) > 1 else None, _boxes(ctx, node)
    if boxes is None or scores is None or len(scores) != 3 or scores[2] is None:
        return None
    return boxes * scores[2]
