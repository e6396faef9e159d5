"""Predicates about windows, groups and integers in UFF."""

from __future__ import annotations

from collections.abc import Mapping

from graphdoctor.ir import Node
from graphdoctor.match.context import MatchContext
from graphdoctor.match.predicate import Predicate, is_arithmetic
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome

_OFF_IMAGE: Mapping[str, tuple[int, int]] = {"NHWC": (0, 3), "NCHW": (0, 1)}
_CHANNELS: Mapping[str, int] = {"NHWC": 3, "NCHW": 1}


class PoolsOffImage(Predicate, tag="pools-off-image", frozen=True):
    """A pooling whose window or stride is larger than one along the batch or the channels."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        off = _OFF_IMAGE.get(str(node.attr("data_format", "NHWC")))
        if off is None:
            return NoMatch("its layout is neither NHWC nor NCHW", node.name)
        for key in ("ksize", "strides"):
            sizes = node.attr(key)
            if not isinstance(sizes, tuple) or len(sizes) != 4:
                return CannotTell(f"its {key} is not known", node.name)
            if any(sizes[axis] != 1 for axis in off):
                return Match(f"its {key} is {list(sizes)}")
        return NoMatch("its window lies in height and width", node.name)


class GroupedConvolution(Predicate, tag="grouped-convolution", frozen=True):
    """A convolution whose filter has fewer input channels than its input."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if len(node.inputs) < 2:
            return NoMatch("it has no filter", node.name)
        data, kernel = (ctx.specs.of(v).shape for v in node.inputs[:2])
        axis = _CHANNELS.get(str(node.attr("data_format", "NHWC")))
        if axis is None or not data or not kernel or len(data) != 4 or len(kernel) != 4:
            return NoMatch("its shapes are not known", node.name)
        have, want = data[axis], kernel[2]
        if have is None or want is None or have == want:
            return NoMatch("every filter sees all channels", node.name)
        return Match(f"the input has {have} channels and the filter {want}")


class ComputesIntegers(Predicate, tag="computes-integers", frozen=True):
    """The node computes with integers in the engine: never a Match, since nothing says which layers can."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """CannotTell where it holds of ``node``."""
        if not node.inputs or is_arithmetic(ctx, node):
            return NoMatch("it is no layer", node.name)
        dtype = ctx.specs.of(node.inputs[0]).dtype
        if dtype.is_integer:
            return CannotTell(f"its input is {dtype.label}", node.name)
        return NoMatch(f"its input is {dtype.label}", node.name)
