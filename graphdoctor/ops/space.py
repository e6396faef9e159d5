"""Moving blocks of space into channels or into the batch, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import int_attr
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext
from graphdoctor.ops.broadcast import FLOATS, compute_dtype, data_dtype, same_dtype
from graphdoctor.ops.dims import ints_of, plus, times, with_rank
from graphdoctor.ops.window import channels_back, channels_first, format_of
from graphdoctor.types import Dim, DType, Shape

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


class _Blocks(Op):
    """Inputs: data, block shape [M], and [M,2] paddings or crops; the M dimensions after the batch are split."""

    arity = (3, 3)
    types: ClassVar[Mapping[str, int]] = {"T": 0, "Tblock_shape": 1}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype = same_dtype(ctx, (0,))
        data, blocks = ctx.spec(0).shape, _vector(ctx.spec(1))
        if data is None or blocks is None:
            return [TensorSpec(dtype)]
        if len(data) < len(blocks) + 1:
            raise InferError(f"{len(blocks)} blocks need {len(blocks) + 1} dimensions or more, not {len(data)}")
        if any(b is not None and b < 1 for b in blocks):
            raise InferError(f"block shape {list(blocks)} has an element below 1")
        return [TensorSpec(dtype, self._shape(data, blocks, _pairs(ctx.spec(2), len(blocks))))]

    def _shape(self, data: tuple[Dim, ...], blocks: Sequence[Dim], pairs: Pairs) -> Shape:
        raise NotImplementedError

    def _static(self, low: Lowering) -> tuple[list[int], list[int], list[tuple[int, int]], list[int]]:
        """Spatial sizes, blocks, pairs and the remaining dimensions, all known."""
        data, blocks = low.specs[0].shape, _vector(low.specs[1])
        if data is None or blocks is None:
            low.fail("the rank of the data or the number of blocks is unknown")
        numbers = (*data[1:], *blocks, *(n for p in _pairs(low.specs[2], len(blocks)) for n in p))
        known = [n for n in numbers if n is not None]
        if len(known) < len(numbers):
            low.fail("a size other than the batch, the block shape or a padding is unknown")
        count, rest = len(blocks), len(data) - 1
        flat = known[rest + count :]
        return (
            known[:count],
            known[rest : rest + count],
            list(zip(flat[::2], flat[1::2], strict=True)),
            known[count:rest],
        )


class SpaceToBatch(_Blocks):
    """Pads the spatial dimensions and moves each position within a block to a batch item of its own."""

    names = ("SpaceToBatchND",)
    types: ClassVar[Mapping[str, int]] = {"T": 0, "Tblock_shape": 1, "Tpaddings": 2}
    onnx = ("Pad", "Reshape", "Transpose")

    def _shape(self, data: tuple[Dim, ...], blocks: Sequence[Dim], pairs: Pairs) -> Shape:
        sizes = [
            None if b is None else _divided(plus(d, *p), b, "padded size")
            for d, b, p in zip(data[1:], blocks, pairs, strict=False)
        ]
        return (times(data[0], *blocks), *sizes, *data[1 + len(blocks) :])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        sizes, blocks, pads, rest = self._static(low)
        count = len(blocks)
        padded = [s + a + b for s, (a, b) in zip(sizes, pads, strict=True)]
        inner = [s // b for s, b in zip(padded, blocks, strict=True)]
        x = low.inputs[0]
        if any(p != (0, 0) for p in pads):
            none = [0] * len(rest)
            x = low.op("Pad", [x, low.const([0, *(p[0] for p in pads), *none, 0, *(p[1] for p in pads), *none])])
        split = [n for pair in zip(inner, blocks, strict=True) for n in pair]
        x = low.op("Reshape", [x, low.const([-1, *split, *rest])])
        within, between = range(2, 2 * count + 1, 2), range(1, 2 * count, 2)
        tail = range(2 * count + 1, 2 * count + 1 + len(rest))
        x = low.op("Transpose", [x], perm=[*within, 0, *between, *tail])
        return [low.op("Reshape", [x, low.const([-1, *inner, *rest])])]


class BatchToSpace(_Blocks):
    """The reverse of SpaceToBatchND, with crops in place of paddings."""

    names = ("BatchToSpaceND",)
    types: ClassVar[Mapping[str, int]] = {"T": 0, "Tblock_shape": 1, "Tcrops": 2}
    onnx = ("Reshape", "Transpose", "Slice")

    def _shape(self, data: tuple[Dim, ...], blocks: Sequence[Dim], pairs: Pairs) -> Shape:
        whole = times(*blocks)
        batch = None if whole is None else _divided(data[0], whole, "batch")
        sizes = [_cropped(times(d, b), p) for d, b, p in zip(data[1:], blocks, pairs, strict=False)]
        return (batch, *sizes, *data[1 + len(blocks) :])

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        sizes, blocks, crops, rest = self._static(low)
        count = len(blocks)
        x = low.op("Reshape", [low.inputs[0], low.const([*blocks, -1, *sizes, *rest])])
        order = [axis for k in range(count) for axis in (count + 1 + k, k)]
        tail = range(2 * count + 1, 2 * count + 1 + len(rest))
        x = low.op("Transpose", [x], perm=[count, *order, *tail])
        whole = [s * b for s, b in zip(sizes, blocks, strict=True)]
        x = low.op("Reshape", [x, low.const([-1, *whole, *rest])])
        if all(c == (0, 0) for c in crops):
            return [x]
        starts = low.const([c[0] for c in crops])
        ends = low.const([w - c[1] for w, c in zip(whole, crops, strict=True)])
        return [low.op("Slice", [x, starts, ends, low.const(list(range(1, count + 1)))])]


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
