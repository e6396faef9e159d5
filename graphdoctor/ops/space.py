"""Moving blocks of space into channels or into the batch, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from graphdoctor.ir import Node, TensorSpec
from graphdoctor.ops.attributes import HasAttrs, int_attr
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import FLOATS, compute_dtype, data_dtype, same_dtype
from graphdoctor.ops.dims import ints_of, plus, times, with_rank
from graphdoctor.ops.window import channels_back, channels_first, format_of
from graphdoctor.types import Dim, DType

_DOMAIN = FLOATS | {DType.INT8, DType.UINT8}


class DepthToSpace(Op):
    """Blocks of channels become blocks of pixels (DepthToSpace), or the other way round."""

    names = ("DepthToSpace", "SpaceToDepth")
    defaults: ClassVar[Mapping[str, Any]] = {"data_format": "NHWC"}
    onnx = ("DepthToSpace", "SpaceToDepth", "Transpose")
    layout = Layout("format")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        form = format_of(ctx, 4)
        block = int_attr(ctx, "block_size")
        if block < 2:
            raise InferError(f"block_size is {block}, not 2 or more")
        data = with_rank(ctx.spec(0), 4)
        spatial, channels = form.spatial(data), data[form.channel]
        if ctx.node.op == "DepthToSpace":
            sizes = [times(d, block) for d in spatial]
            channels = _divided(channels, block * block, "channels")
        else:
            sizes = [_divided(d, block, "size") for d in spatial]
            channels = times(channels, block * block)
        return [TensorSpec(same_dtype(ctx, (0,)), form.shape(data[0], channels, sizes))]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        form = format_of(low, 4)
        compute_dtype(low, data_dtype(low), _DOMAIN, low.node.op)
        x = channels_first(low, low.inputs[0], form)
        # TensorFlow's channels are [block row, block column, channel]: ONNX's DCR order.
        mode = {"mode": "DCR"} if low.node.op == "DepthToSpace" else {}
        y = low.op(low.node.op, [x], blocksize=int_attr(low, "block_size"), **mode)
        return [channels_back(low, y, form)]


def _divided(dim: Dim, by: int, what: str) -> Dim:
    if dim is None:
        return None
    if by < 1 or dim % by:
        raise InferError(f"{what} {dim} is not divisible by {by}")
    return dim // by


Pairs = tuple[tuple[Dim, Dim], ...]


@dataclass(frozen=True, slots=True)
class _Grid:
    """The dimensions behind the batch, in the order of the data; those that are not split have blocks of 1.

    ``order`` are their indices in TensorFlow's order of the blocks.
    """

    sizes: list[int]
    blocks: list[int]
    pairs: list[tuple[int, int]]
    order: list[int]


class _Blocks(Op):
    """Inputs: data, block shape [M], and [M,2] paddings or crops; the M dimensions after the batch are split."""

    arity = (3, 3)
    types: ClassVar[Mapping[str, int]] = {"T": 0, "Tblock_shape": 1}
    layout = Layout("flag")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype = same_dtype(ctx, (0,))
        data, blocks = ctx.spec(0).shape, _vector(ctx.spec(1))
        if data is None or blocks is None:
            return [TensorSpec(dtype)]
        if len(data) < len(blocks) + 1:
            raise InferError(f"{len(blocks)} blocks need {len(blocks) + 1} dimensions or more, not {len(data)}")
        if any(b is not None and b < 1 for b in blocks):
            raise InferError(f"block shape {list(blocks)} has an element below 1")
        axes = _axes(ctx, len(data))
        stated = (data[0], *(data[a] for a in axes))
        shape = self._shape(stated, blocks, _pairs(ctx.spec(2), len(blocks)))
        return [TensorSpec(dtype, (shape[0], *(shape[1 + axes.index(a)] for a in range(1, len(data)))))]

    def _shape(self, data: tuple[Dim, ...], blocks: Sequence[Dim], pairs: Pairs) -> tuple[Dim, ...]:
        raise NotImplementedError


class SpaceToBatch(_Blocks):
    """Pads the spatial dimensions and moves each position within a block to a batch item of its own."""

    names = ("SpaceToBatchND",)
    types: ClassVar[Mapping[str, int]] = {"T": 0, "Tblock_shape": 1, "Tpaddings": 2}
    onnx = ("Pad", "Reshape", "Transpose")

    def _shape(self, data: tuple[Dim, ...], blocks: Sequence[Dim], pairs: Pairs) -> tuple[Dim, ...]:
        sizes = [
            None if b is None else _divided(plus(d, *p), b, "padded size")
            for d, b, p in zip(data[1:], blocks, pairs, strict=False)
        ]
        return (times(data[0], *blocks), *sizes, *data[1 + len(blocks) :])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        grid = _grid(low)
        x = low.inputs[0]
        if any(p != (0, 0) for p in grid.pairs):
            x = low.op("Pad", [x, low.const([0, *(p[0] for p in grid.pairs), 0, *(p[1] for p in grid.pairs)])])
        inner = [(s + sum(p)) // b for s, p, b in zip(grid.sizes, grid.pairs, grid.blocks, strict=True)]
        x = low.op("Reshape", [x, low.const([-1, *(n for pair in zip(inner, grid.blocks, strict=True) for n in pair)])])
        # Behind the batch, axis a of the data is now 1 + 2a (the blocks) and 2 + 2a (the place in a block).
        places = [2 + 2 * a for a in grid.order]
        others = [k for k in range(1, 1 + 2 * len(inner)) if k not in places]
        x = low.op("Transpose", [x], perm=[*places, 0, *others])
        return [low.op("Reshape", [x, low.const([-1, *inner])])]


class BatchToSpace(_Blocks):
    """The reverse of SpaceToBatchND, with crops in place of paddings."""

    names = ("BatchToSpaceND",)
    types: ClassVar[Mapping[str, int]] = {"T": 0, "Tblock_shape": 1, "Tcrops": 2}
    onnx = ("Reshape", "Transpose", "Slice")
    uff = ("Conv",)

    def _shape(self, data: tuple[Dim, ...], blocks: Sequence[Dim], pairs: Pairs) -> tuple[Dim, ...]:
        whole = times(*blocks)
        batch = None if whole is None else _divided(data[0], whole, "batch")
        sizes = [_cropped(times(d, b), p) for d, b, p in zip(data[1:], blocks, pairs, strict=False)]
        return (batch, *sizes, *data[1 + len(blocks) :])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        grid = _grid(low)
        count = len(grid.order)
        split = [*(grid.blocks[a] for a in grid.order), -1, *grid.sizes]
        x = low.op("Reshape", [low.inputs[0], low.const(split)])
        perm = [count]
        for axis in range(len(grid.sizes)):
            perm += [count + 1 + axis, *(k for k, a in enumerate(grid.order) if a == axis)]
        whole = [s * b for s, b in zip(grid.sizes, grid.blocks, strict=True)]
        x = low.op("Reshape", [low.op("Transpose", [x], perm=perm), low.const([-1, *whole])])
        cropped = [axis for axis, pair in enumerate(grid.pairs) if pair != (0, 0)]
        if not cropped:
            return [x]
        starts = low.const([grid.pairs[axis][0] for axis in cropped])
        ends = low.const([whole[axis] - grid.pairs[axis][1] for axis in cropped])
        return [low.op("Slice", [x, starts, ends, low.const([1 + axis for axis in cropped])])]

    def to_uff(self, low: UffLowering) -> None:
        """A convolution between SpaceToBatchND and this one is a dilated one; alone, UFF has neither."""
        conv = low.producer(0)
        first = conv.inputs[0].node if conv.inputs else conv
        if conv.op not in ("Conv2D", "DepthwiseConv2dNative") or first.op != "SpaceToBatchND":
            low.fail("UFF has it only around a convolution, behind SpaceToBatchND")
        if not _is_plain(conv):
            low.fail(f"{conv.name} has paddings, strides or a dilation of its own, or is not NHWC")
        values = [low.constant_of(v) for v in (*first.inputs[1:], *low.node.inputs[1:])]
        if len(values) != 4 or any(v is None or v.shape not in ((2,), (2, 2)) for v in values):
            low.fail("its blocks, paddings or crops are computed, or are not those of height and width")
        blocks, pads, others, crops = (v for v in values if v is not None)
        rest = pads - crops
        if (blocks != others).any() or (rest < 0).any() or (rest[:, 0] != rest[:, 1]).any():
            low.fail(f"paddings less crops are {rest.tolist()}, which differ before and behind: UFF cannot say that")
        groups = {"number_groups": _channels_of(low, conv)} if conv.op != "Conv2D" else {}
        fields = {"strides": [1, 1], "padding": rest[:, 0].tolist(), "dilation": blocks.tolist()}
        low.emit(
            "Conv", [low.of(first.inputs[0]), low.of(conv.inputs[1])], **fields, **groups, inputs_orders=["N+C", "+CK"]
        )


def _is_plain(conv: Node) -> bool:
    """True for a convolution that does nothing but convolve."""
    steps, dilations = conv.attr("strides"), conv.attr("dilations")
    moves = any(s != 1 for s in (*(steps or ()), *(dilations or ())))
    return conv.attr("padding") == "VALID" and not moves and conv.attr("data_format") in (None, "NHWC")


def _channels_of(low: UffLowering, conv: Node) -> int:
    """Of a depthwise convolution, from its kernel."""
    kernel = low.constant_of(conv.inputs[1])
    if kernel is None or kernel.ndim != 4:
        low.fail(f"the kernel of {conv.name} is computed, so that the number of groups is unknown")
    return int(kernel.shape[2])


def _axes(node: HasAttrs, rank: int) -> list[int]:
    """The axes of the data that stand for dimensions 1, 2 and so on of TensorFlow's order."""
    return [2, 3, 1] if node.attr("_layout") == "NCHW" and rank == 4 else list(range(1, rank))


def _grid(low: Lowering) -> _Grid:
    """The sizes, blocks and pairs of the node.

    Raises:
        CannotLowerError: one of them is unknown.
    """
    data, blocks = low.specs[0].shape, _vector(low.specs[1])
    if data is None or blocks is None:
        low.fail("the rank of the data or the number of blocks is unknown")
    sizes = [d for d in data[1:] if d is not None]
    pairs = [(a, b) for a, b in _pairs(low.specs[2], len(blocks)) if a is not None and b is not None]
    known = [b for b in blocks if b is not None]
    if len(sizes) < len(data) - 1 or len(pairs) < len(blocks) or len(known) < len(blocks):
        low.fail("a size other than the batch, the block shape or a padding is unknown")
    order = [a - 1 for a in _axes(low, len(data))[: len(blocks)]]
    by_axis = {axis: k for k, axis in enumerate(order)}
    return _Grid(
        sizes,
        [known[by_axis[a]] if a in by_axis else 1 for a in range(len(sizes))],
        [pairs[by_axis[a]] if a in by_axis else (0, 0) for a in range(len(sizes))],
        order,
    )


def _cropped(size: Dim, crops: tuple[Dim, Dim]) -> Dim:
    left = plus(size, *(None if c is None else -c for c in crops))
    if left is not None and left < 0:
        raise InferError(f"crops {list(crops)} leave nothing of {size}")
    return left


def _vector(spec: TensorSpec) -> tuple[Dim, ...] | None:
    with_rank(spec, 1, "the block shape")
    return ints_of(spec)


def _pairs(spec: TensorSpec, count: int) -> Pairs:
    """[M,2] non-negative integers."""
    with_rank(spec, 2, "paddings or crops")
    items = ints_of(spec) or (None,) * (2 * count)
    if len(items) != 2 * count:
        raise InferError(f"{len(items) // 2} paddings or crops for {count} blocks")
    if any(i is not None and i < 0 for i in items):
        raise InferError(f"paddings or crops {list(items)} have an element below 0")
    return tuple(zip(items[::2], items[1::2], strict=True))
