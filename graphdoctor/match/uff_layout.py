"""Predicates about the layout in the engine, CHW, against the axes and paddings that the graph names."""

from __future__ import annotations

from graphdoctor.ir import Node
from graphdoctor.match.constants import PASS_THROUGH
from graphdoctor.match.context import MatchContext
from graphdoctor.match.engine_rank import BINARY
from graphdoctor.match.padding import PadMatch, pad_before
from graphdoctor.match.predicate import Predicate, is_arithmetic, layout_of
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome
from graphdoctor.types import Dim, dims_text, element_count

_NO_LAYER = NoMatch("it is arithmetic on constants or shapes")
_TO_NHWC = (0, 2, 3, 1)
_SPATIAL = {"NHWC": (1, 2), "NCHW": (2, 3)}
_FARTHEST = 64


class SoftmaxOffChannels(Predicate, tag="softmax-off-channels", frozen=True):
    """The last axis, over which Softmax goes, is not that of the channels."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if not node.inputs or is_arithmetic(ctx, node):
            return _NO_LAYER
        rank = ctx.specs.of(node.inputs[0]).rank
        if rank == 2 or (ctx.judge is not None and ctx.judge.engine_rank(node.inputs[0]).moot):
            return NoMatch("the second of two axes holds the channels, or what makes it is refused", node.name)
        if rank != 4:
            which = "an unknown rank" if rank is None else f"rank {rank}"
            return CannotTell(f"its input has {which}, and which axis the parser takes is not known", node.name)
        layout = layout_of(ctx, node.inputs[0])
        if isinstance(layout, CannotTell):
            return layout
        if layout == "NHWC":
            return NoMatch("the last axis of NHWC holds the channels", node.name)
        return Match("it goes over the width of NCHW")


class ArgOffChannels(Predicate, tag="arg-off-channels", frozen=True):
    """The axis of ArgMax or ArgMin is another than axis 1 with the channels."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; where the axis is not known, the op's row speaks."""
        if len(node.inputs) != 2 or is_arithmetic(ctx, node):
            return _NO_LAYER
        axes, rank = ctx.specs.of(node.inputs[1]).ints(), ctx.specs.of(node.inputs[0]).rank
        axis = axes[0] if axes else None
        if axis is None:
            return NoMatch("its axis is not known", node.name)
        if rank == 2 and axis == 1:
            return NoMatch("the second of two axes holds the channels", node.name)
        if rank != 4:
            which = "an unknown rank" if rank is None else f"rank {rank}"
            return CannotTell(f"its input has {which} and its axis is {axis}", node.name)
        layout = layout_of(ctx, node.inputs[0])
        if isinstance(layout, CannotTell):
            return layout
        if layout == "NHWC":
            return Match(f"its axis is {axis} of NHWC")
        return (
            NoMatch("it goes over the channels") if axis == 1 else CannotTell(f"its axis is {axis} of NCHW", node.name)
        )


class FlattenReorders(Predicate, tag="flatten-reorders", frozen=True):
    """A Reshape that its scope turns into a Flatten, whose input is NHWC with height or width beside channels."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if not ctx.is_flatten(node) or not node.inputs or is_arithmetic(ctx, node):
            return NoMatch("it stays a Reshape", node.name)
        shape, scope = ctx.specs.of(node.inputs[0]).shape, node.scope.rpartition("/")[2]
        if shape is None:
            return CannotTell("the rank of its input is not known", node.name)
        if len(shape) < 3 or shape[-1] == 1 or element_count(shape[1:-1]) == 1:
            return NoMatch(f"{dims_text(shape)} has one order", node.name)
        layout = (
            layout_of(ctx, node.inputs[0])
            if len(shape) == 4
            else CannotTell(f"its input {dims_text(shape)} has not four dimensions", node.name)
        )
        if isinstance(layout, CannotTell):
            return layout
        if layout == "NCHW":
            return NoMatch("the order is that of the engine", node.name)
        if element_count(shape[1:3]) is None:
            return CannotTell(f"height and width of {dims_text(shape)} are not known", node.name)
        return Match(f"its scope is called {scope!r}, and {dims_text(shape)} is NHWC")


class TransposesInput(Predicate, tag="transposes-input", frozen=True):
    """A Transpose brings an input of the network from NCHW to NHWC, for a network in NHWC with binary ops."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        perm = ctx.specs.of(node.inputs[1]).ints() if len(node.inputs) == 2 else None
        if perm != _TO_NHWC:
            return NoMatch("it does not go from NCHW to NHWC", node.name)
        source = node.inputs[0].node
        for _ in range(_FARTHEST):
            if source.op not in PASS_THROUGH or not source.inputs:
                break
            source = source.inputs[0].node
        if source.op != "Placeholder":
            return NoMatch("it does not read an input of the network", node.name)
        if not any(ctx.graph.by_op(*sorted(BINARY))):
            return NoMatch("no binary op stands behind it", node.name)
        layout = layout_of(ctx, node.out())
        if isinstance(layout, CannotTell):
            return layout
        return Match(f"{source.name} becomes NHWC") if layout == "NHWC" else NoMatch("the network is NCHW", node.name)


class PadLost(Predicate, tag="pad-lost", frozen=True):
    """A Pad in front of a convolution or pooling pads more than height and width, or an Identity stands between."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``; where no convolution or pooling reads it, another rule speaks."""
        found = pad_before(ctx.graph, node)
        if not isinstance(found, PadMatch) or is_arithmetic(ctx, node):
            return NoMatch("no convolution or pooling reads it", node.name)
        if found.paddings is None or found.paddings.shape != (4, 2):
            return CannotTell("its paddings are not known", node.name)
        if found.output.node is not node:
            return CannotTell(f"{found.output.node.name} stands between it and {found.consumer.name}", node.name)
        layout = str(found.consumer.attr("data_format", "NHWC"))
        others = [a for a in range(4) if a not in _SPATIAL.get(layout, ()) and found.paddings[a].any()]
        if not others:
            return NoMatch("it pads height and width alone", node.name)
        shown = f"it pads axis {' and '.join(map(str, others))} of {layout} by {found.paddings[others[0]].tolist()}"
        taken = found.consumer.attr("padding") == "VALID" and (found.paddings[:, 0] == found.paddings[:, 1]).all()
        return Match(shown) if taken else CannotTell(f"{shown}, in a layer of its own", node.name)


class DeconvolutionUneven(Predicate, tag="deconvolution-uneven", frozen=True):
    """The padding of a transposed convolution differs before and behind."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if len(node.inputs) != 3:
            return _NO_LAYER
        kernel, data = ctx.specs.of(node.inputs[1]).shape, ctx.specs.of(node.inputs[2]).shape
        after, strides = ctx.specs.output(node).shape, node.attr("strides")
        layout = str(node.attr("data_format", "NHWC"))
        if not kernel or not data or not after or layout not in _SPATIAL or not _four_numbers(strides):
            return CannotTell("its shapes are not known", node.name)
        if len(kernel) < 2 or len(data) != 4 or len(after) != 4:
            return CannotTell("its shapes have not four dimensions", node.name)
        answer: Outcome = NoMatch("its padding is even", node.name)
        for axis, size in zip(_SPATIAL[layout], kernel, strict=False):
            found = _uneven(data[axis], size, strides[axis], after[axis], str(node.attr("padding")))
            if isinstance(found, Match):
                return found
            answer = answer if isinstance(found, NoMatch) else found
        return answer


def _four_numbers(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 4 and all(isinstance(v, int) for v in value)


def _uneven(before: Dim, kernel: Dim, stride: int, after: Dim, padding: str) -> Outcome:
    """One axis: what the convolution that it reverses pads, TensorFlow's SAME and VALID."""
    if before is None or kernel is None or after is None:
        return CannotTell("its shapes are not known")
    cut = (before - 1) * stride + kernel - after
    shown = f"{before} becomes {after} with kernel {kernel} and stride {stride}"
    if cut < 0:
        return CannotTell(f"{shown}, which leaves {-cut} behind it open")
    if padding == "VALID":
        return NoMatch(shown) if cut == 0 else CannotTell(shown)
    return Match(f"{shown} cuts off {cut // 2} before and {cut - cut // 2} behind") if cut % 2 else NoMatch(shown)
