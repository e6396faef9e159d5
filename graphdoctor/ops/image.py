"""Resizing images. TensorFlow has these ops in NHWC only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import HasAttrs, bool_attr
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext
from graphdoctor.ops.broadcast import SINGLE, compute_dtype, data_dtype, same_dtype
from graphdoctor.ops.dims import ints_of, same_dim, with_rank
from graphdoctor.ops.window import Format, channels_back, channels_first, format_of, spatial_sizes
from graphdoctor.types import Array, Dim, DType

_TABLE = 1 << 10
"""TensorFlow's bicubic kernel rounds positions between two pixels to this many steps."""

_NEAREST_DOMAIN = SINGLE | {DType.INT8, DType.UINT8, DType.INT32}


class Resize(Op):
    """Images to the height and width of input 1."""

    names: ClassVar[tuple[str, ...]] = ("ResizeBilinear",)
    arity = (2, 2)
    defaults: ClassVar[Mapping[str, Any]] = {"align_corners": False, "half_pixel_centers": False}
    onnx: ClassVar[tuple[str, ...] | None] = ("Resize", "Cast", "Shape", "Slice", "Reshape", "Concat", "Transpose")
    layout = Layout("flag")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        form = format_of(ctx, 4)
        if _mode(ctx) == "both":
            raise InferError("align_corners and half_pixel_centers exclude each other")
        data = with_rank(ctx.spec(0), 4, "images")
        sizes = _wanted(ctx.spec(1), "size")
        return [TensorSpec(self._dtype(ctx), form.shape(data[0], data[form.channel], sizes))]

    def _dtype(self, ctx: OpContext) -> DType:
        """Bilinear and bicubic results are float32 whatever goes in."""
        return DType.FLOAT

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        form = format_of(low, 4)
        dtype = data_dtype(low)
        x = channels_first(low, low.inputs[0], form)
        x = x if dtype is DType.FLOAT else low.cast(x, DType.FLOAT)
        y = _resize(low, x, form, mode="linear", coordinate_transformation_mode=_mode(low))
        return [channels_back(low, y, form)]


class ResizeNearest(Resize):
    """The nearest pixel.

    Where rounding would make ONNX choose another pixel than TensorFlow's float32 does, its choice is written out as
    Gather. That needs the sizes; where they are unknown, Resize is emitted as it is.
    """

    names = ("ResizeNearestNeighbor",)
    onnx = ("Resize", "Gather", "Cast", "Shape", "Slice", "Reshape", "Concat", "Transpose")

    def _dtype(self, ctx: OpContext) -> DType:
        return same_dtype(ctx, (0,))

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        form = format_of(low, 4)
        x = channels_first(low, low.inputs[0], form)
        mode, sizes, runs = _mode(low), _sizes(low, form), data_dtype(low) in _NEAREST_DOMAIN
        if sizes is not None and (not runs or any(_differs(mode, *s) for s in sizes)):
            for axis, (have, want) in enumerate(sizes, start=2):
                x = low.op("Gather", [x, low.const(_nearest(mode, have, want))], axis=axis)
            return [channels_back(low, x, form)]
        compute_dtype(low, data_dtype(low), _NEAREST_DOMAIN, "Resize")
        # Rounding half up of a position less one half is TensorFlow's floor of the position.
        rounding = "floor" if mode == "asymmetric" else "round_prefer_ceil"
        y = _resize(low, x, form, mode="nearest", coordinate_transformation_mode=mode, nearest_mode=rounding)
        return [channels_back(low, y, form)]


class ResizeBicubic(Resize):
    """Bicubic, as a product with one constant matrix per dimension.

    ONNX's Resize does not round positions as TensorFlow's kernel does, and would be off in the third digit.
    """

    names = ("ResizeBicubic",)
    onnx = ("MatMul", "Cast", "Transpose")

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        form = format_of(low, 4)
        mode, sizes = _mode(low), _sizes(low, form)
        if sizes is None:
            low.fail("height or width of the images or of the result is unknown")
        dtype = data_dtype(low)
        x = channels_first(low, low.inputs[0], form)
        x = x if dtype is DType.FLOAT else low.cast(x, DType.FLOAT)
        rows, columns = (_bicubic(mode, have, want) for have, want in sizes)
        y = low.op("MatMul", [low.const(rows, hint="rows"), x])
        y = low.op("MatMul", [y, low.const(np.ascontiguousarray(columns.T), hint="columns")])
        return [channels_back(low, y, form)]


class CropAndResize(Op):
    """Boxes of images, resized to one size; float32."""

    names = ("CropAndResize",)
    arity = (4, 4)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        images = with_rank(ctx.spec(0), 4, "image")
        boxes = with_rank(ctx.spec(1), 2, "boxes")
        same_dim(boxes[1], 4)
        count = same_dim(boxes[0], with_rank(ctx.spec(2), 1, "box_ind")[0])
        return [TensorSpec(DType.FLOAT, (count, *_wanted(ctx.spec(3), "crop_size"), images[3]))]


def _mode(node: HasAttrs) -> str:
    """ONNX's name of the coordinate transformation; ``both`` where the attributes contradict each other."""
    corners, centers = bool_attr(node, "align_corners"), bool_attr(node, "half_pixel_centers")
    if corners and centers:
        return "both"
    return "align_corners" if corners else "half_pixel" if centers else "asymmetric"


def _wanted(spec: TensorSpec, what: str) -> tuple[Dim, Dim]:
    """Height and width that a vector says."""
    same_dim(with_rank(spec, 1, what)[0], 2)
    items = ints_of(spec) or (None, None)
    if len(items) != 2 or any(i is not None and i < 1 for i in items):
        raise InferError(f"{what} {list(items)} is not two positive integers")
    return items[0], items[1]


def _sizes(low: Lowering, form: Format) -> list[tuple[int, int]] | None:
    """(input, output) size of height and of width, or ``None`` where one is unknown."""
    pairs = zip(spatial_sizes(low.specs[0], form), spatial_sizes(low.outputs[0], form), strict=True)
    known = [(a, b) for a, b in pairs if a and b]
    return known if len(known) == 2 else None


def _resize(low: Lowering, x: str, form: Format, **attrs: Any) -> str:
    """Resize by sizes; by scales where the batch is unknown and they give exactly the sizes in either precision."""
    shape, pairs = low.outputs[0].shape, _sizes(low, form)
    if shape is not None and None not in shape:
        want = [shape[0], shape[form.channel], *form.spatial(shape)]
        return low.op("Resize", [x, "", "", low.const(cast(list[int], want))], **attrs)
    scales = [np.float32(b / a) for a, b in pairs] if pairs is not None else []
    if pairs and all(int(np.float32(a) * s) == int(a * float(s)) == b for (a, b), s in zip(pairs, scales, strict=True)):
        return low.op("Resize", [x, "", low.const(np.asarray([1, 1, *scales], dtype=np.float32))], **attrs)
    start = low.op("Slice", [low.op("Shape", [x]), low.const([0]), low.const([2])])
    size = low.cast(low.inputs[1], DType.INT64)
    if low.specs[1].shape != (2,):  # ONNX wants to know how many sizes there are
        size = low.op("Reshape", [size, low.const([2])])
    return low.op("Resize", [x, "", "", low.op("Concat", [start, size], axis=0)], **attrs)


def _scale(mode: str, have: int, want: int) -> np.float32:
    """Input pixels per output pixel, in float32 as TensorFlow's CalculateResizeScale."""
    if mode == "align_corners" and want > 1:
        return np.float32(have - 1) / np.float32(want - 1)
    return np.float32(have) / np.float32(want)


def _nearest(mode: str, have: int, want: int) -> Array:
    """The input index of each output index, by TensorFlow's float32 arithmetic."""
    position, scale = np.arange(want, dtype=np.float32), _scale(mode, have, want)
    if mode == "align_corners":
        chosen = _half_up(position * scale)
    else:
        chosen = np.floor((position + np.float32(0.5 if mode == "half_pixel" else 0)) * scale)
    return np.clip(chosen, 0, have - 1).astype(np.int64)


def _differs(mode: str, have: int, want: int) -> bool:
    """True if exact arithmetic, or float32 in ONNX Runtime's order, would choose another pixel than TensorFlow."""
    chosen = _nearest(mode, have, want)
    return any((f(mode, have, want) != chosen).any() for f in (_nearest_exact, _nearest_runtime))


def _nearest_exact(mode: str, have: int, want: int) -> Array:
    out = np.arange(want, dtype=np.int64)
    if mode == "align_corners":
        chosen = (2 * out * (have - 1) + (want - 1)) // max(2 * (want - 1), 1)
    elif mode == "half_pixel":
        chosen = (2 * out + 1) * have // (2 * want)
    else:
        chosen = out * have // want
    return np.asarray(np.clip(chosen, 0, have - 1))


def _nearest_runtime(mode: str, have: int, want: int) -> Array:
    out, scale = np.arange(want, dtype=np.float32), np.float32(want) / np.float32(have)
    half = np.float32(0.5)
    position: dict[str, Callable[[], Array]] = {
        "align_corners": lambda: _half_up(out * np.float32(have - 1) / np.float32(max(want - 1, 1))),
        "half_pixel": lambda: _half_up((out + half) / scale - half),
        "asymmetric": lambda: np.floor(out / scale),
    }
    return np.clip(position[mode](), 0, have - 1).astype(np.int64)


def _half_up(x: Array) -> Array:
    """The nearest integer, the larger one of two; adding 0.5 first would round twice."""
    whole = np.floor(x)
    return np.asarray(whole + (x - whole >= 0.5))


def _bicubic(mode: str, have: int, want: int) -> Array:
    """[want,have] weights of TensorFlow's bicubic kernel, float32.

    With ``half_pixel_centers`` pixels outside the image count nothing; without, the border pixel stands for them.
    """
    keys = mode == "half_pixel"
    out, scale = np.arange(want, dtype=np.float32), _scale(mode, have, want)
    half = np.float32(0.5 if keys else 0)
    position = (out + half) * scale - half
    base = np.floor(position)
    near, far = _cubic(-0.5 if keys else -0.75)
    step = np.rint((position - base) * np.float32(_TABLE)).astype(np.int64)
    taps = np.stack([far[step], near[step], near[_TABLE - step], far[_TABLE - step]], axis=1)
    index = base.astype(np.int64)[:, None] + np.arange(-1, 3)
    bounded = np.clip(index, 0, have - 1)
    if keys:
        taps = np.where(index == bounded, taps, np.float32(0))
        taps = taps / taps.sum(axis=1, keepdims=True)
    matrix = np.zeros((want, have), dtype=np.float32)
    np.add.at(matrix, (np.arange(want)[:, None], bounded), taps)
    return matrix


def _cubic(a: float) -> tuple[Array, Array]:
    """Keys' cubic at distances 0 to 1 and 1 to 2, in steps of 1/1024."""
    x = (np.arange(_TABLE + 1) / _TABLE).astype(np.float32)
    y = x + np.float32(1)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * y - 5 * a) * y + 8 * a) * y - 4 * a
    return near.astype(np.float32), far.astype(np.float32)
