"""Pooling. Average pools count no padding; neither do ONNX's with ``count_include_pad`` 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import HasAttrs, dtype_attr
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import FLOATS, SINGLE, compute_dtype, data_dtype, narrowed, same_dtype, widened
from graphdoctor.ops.dims import ints_of, with_rank
from graphdoctor.ops.uff import order_of, windowed
from graphdoctor.ops.window import (
    Format,
    Window,
    channels_back,
    channels_first,
    format_of,
    per_dim,
    spatial_sizes,
    window_of,
)
from graphdoctor.types import Dim, DType

_MAX_DOMAIN = FLOATS | {DType.INT8, DType.UINT8}


class Pool(Op):
    """Window sizes and strides in attributes, one item per dimension."""

    names: ClassVar[tuple[str, ...]] = ("MaxPool", "AvgPool")
    defaults: ClassVar[Mapping[str, Any]] = {"data_format": "NHWC"}
    onnx: ClassVar[tuple[str, ...] | None] = ("MaxPool", "AveragePool", "Transpose", "Cast")
    uff: ClassVar[tuple[str, ...]] = ("Pool",)
    layout = Layout("format", per_dim=("ksize", "strides", "explicit_paddings"))
    rank: ClassVar[int] = 4

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        form = format_of(ctx, self.rank)
        sizes, strides = self._sizes(ctx, ctx.inputs, form)
        data = with_rank(ctx.spec(0), self.rank)
        channels = _pooled_channels(data[form.channel], form.stated_channel(sizes), form.stated_channel(strides))
        if sizes[0] not in (1, None) or strides[0] not in (1, None):
            raise InferError("a pool over the batch is not supported by TensorFlow")
        window = _window(ctx, form, sizes, strides)
        spatial = (None,) * (self.rank - 2) if window is None else window.output(form.spatial(data))
        return [TensorSpec(same_dtype(ctx, (0,)), form.shape(data[0], channels, spatial))]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        form = format_of(low, self.rank)
        sizes, strides = self._sizes(low, low.specs, form)
        window = _window(low, form, sizes, strides)
        if window is None or None in window.kernel:
            low.fail("ksize or strides are computed at run time")
        if form.stated_channel(sizes) != 1 or form.stated_channel(strides) != 1:
            low.fail("ONNX does not pool over channels")
        name, domain = ("MaxPool", _MAX_DOMAIN) if "Max" in low.node.op else ("AveragePool", SINGLE)
        dtype = data_dtype(low)
        chosen = compute_dtype(low, dtype, domain, name)
        (data,) = widened(low, low.inputs[:1], dtype, chosen)
        attrs = _attributes(low, form, window)
        pooled = low.op(name, [channels_first(low, data, form)], **attrs)
        return [narrowed(low, channels_back(low, pooled, form), chosen, dtype)]

    def to_uff(self, low: UffLowering) -> None:
        if self.rank != 4 or len(low.outputs) != 1:
            low.fail(f"UFF has no {low.node.op}")
        form = format_of(low, self.rank)
        sizes, strides = self._sizes(low, low.specs, form)
        window = _window(low, form, sizes, strides)
        kernel = [] if window is None else [k for k in window.kernel if k is not None]
        if window is None or len(kernel) < len(window.kernel):
            low.fail("ksize or strides are computed at run time")
        if form.stated_channel(sizes) != 1 or form.stated_channel(strides) != 1:
            low.fail("UFF does not pool over channels")
        data, fields = windowed(low, form, window)
        function = "max" if "Max" in low.node.op else "avg"
        low.emit("Pool", [data], func=function, kernel=kernel, **fields, inputs_orders=[order_of(form)])

    def _sizes(
        self, node: HasAttrs, inputs: Sequence[TensorSpec], form: Format
    ) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        """Window sizes and strides in the order of the attributes."""
        return per_dim(node, "ksize", form), per_dim(node, "strides", form)


class Pool3D(Pool):
    """Pools over depth, height and width."""

    names = ("MaxPool3D", "AvgPool3D")
    defaults: ClassVar[Mapping[str, Any]] = {"data_format": "NDHWC"}
    layout = Layout()
    rank = 5


class MaxPoolV2(Pool):
    """Window sizes and strides as inputs, which keep their order when the layout pass turns the data."""

    names = ("MaxPoolV2",)
    arity = (3, 3)
    layout = Layout("flag")

    def _sizes(
        self, node: HasAttrs, inputs: Sequence[TensorSpec], form: Format
    ) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        return _four(inputs[1], "ksize"), _four(inputs[2], "strides")


class MaxPoolWithArgmax(Pool):
    """Max pool and the place of each maximum; NHWC only."""

    names = ("MaxPoolWithArgmax",)
    defaults: ClassVar[Mapping[str, Any]] = {"Targmax": DType.INT64, "data_format": "NHWC"}
    onnx = None
    layout = Layout()

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        (pooled,) = super().infer(ctx)
        return [pooled, TensorSpec(dtype_attr(ctx, "Targmax", DType.INT64), pooled.shape)]


def _four(spec: TensorSpec, what: str) -> tuple[Dim, ...]:
    with_rank(spec, 1, what)
    items = ints_of(spec) or (None,) * 4
    if len(items) != 4 or any(i is not None and i < 1 for i in items):
        raise InferError(f"{what} {list(items)} are not 4 positive integers")
    return items


def _pooled_channels(channels: Dim, size: Dim, stride: Dim) -> Dim:
    """TensorFlow pools channels only without overlap or rest."""
    if size is None or stride is None:
        return None
    if size != stride or (channels is not None and channels % size):
        raise InferError(f"a pool of {size} over the channels does not divide {channels}")
    return None if channels is None else channels // size


def _window(node: HasAttrs, form: Format, sizes: Sequence[Dim], strides: Sequence[Dim]) -> Window | None:
    """The window over the spatial dimensions; ``None`` where a stride is not known."""
    steps = [s for s in strides if s is not None]
    if len(steps) < len(strides):
        return None
    spatial_only = [1, *steps[1:-1], 1] if form.stated_last else [1, 1, *steps[2:]]
    return window_of(node, form, form.stated_spatial(sizes), spatial_only)


def _attributes(low: Lowering, form: Format, window: Window) -> dict[str, Any]:
    attrs = window.onnx_padding(low, spatial_sizes(low.specs[0], form))
    attrs |= {"kernel_shape": list(window.kernel), "strides": list(window.strides)}
    return attrs if "Max" in low.node.op else {**attrs, "count_include_pad": 0}
