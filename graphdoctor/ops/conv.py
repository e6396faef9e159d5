"""Convolutions. Filters are HWIO in TensorFlow and OIHW in ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import SINGLE, compute_dtype, data_dtype, same_dtype
from graphdoctor.ops.dims import same_dim, times, with_rank
from graphdoctor.ops.uff import order_of, storable, windowed
from graphdoctor.ops.window import (
    Format,
    Window,
    channels_back,
    channels_first,
    format_of,
    spatial_sizes,
    window_of,
)
from graphdoctor.types import Dim, Shape

_PER_DIM = ("strides", "dilations", "explicit_paddings")


class Conv2D(Op):
    """Convolution; more input channels than the filter has means that many groups."""

    names = ("Conv2D",)
    arity = (2, 2)
    defaults: ClassVar[Mapping[str, Any]] = {"data_format": "NHWC", "dilations": (), "explicit_paddings": ()}
    onnx = ("Conv", "Transpose")
    uff: ClassVar[tuple[str, ...]] = ("Conv",)
    layout = Layout("format", per_dim=_PER_DIM)
    rank: ClassVar[int] = 4

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        form = format_of(ctx, self.rank)
        data = with_rank(ctx.spec(0), self.rank)
        kernel = with_rank(ctx.spec(1), self.rank, "the filter")
        _check_groups(data[form.channel], kernel[-2], kernel[-1])
        sizes = window_of(ctx, form, kernel[:-2]).output(form.spatial(data))
        return [TensorSpec(same_dtype(ctx, (0, 1)), form.shape(data[0], kernel[-1], sizes))]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        form = format_of(low, self.rank)
        kernel = _filter_dims(low, 1, self.rank)
        window = window_of(low, form, kernel[:-2])
        attrs = {
            **_attributes(low, form, window),
            "group": _groups(low, _channels(low.specs[0].shape, form), kernel[-2]),
        }
        weights = _weights(low, 1, (self.rank - 1, self.rank - 2, *range(self.rank - 2)))
        data = channels_first(low, low.inputs[0], form)
        return [channels_back(low, low.op("Conv", [data, weights], **attrs), form)]

    def to_uff(self, low: UffLowering) -> None:
        form = format_of(low, self.rank)
        kernel = low.specs[1].shape or (None,) * self.rank
        channels = _channels(low.specs[0].shape, form)
        if channels is None or kernel[2] is None:
            low.fail("the number of channels is unknown, so the number of groups is")
        if channels != kernel[2]:
            low.fail(f"its kernel takes {kernel[2]} of {channels} channels, and UFF's groups are known for one each")
        _emit_conv(low, form, window_of(low, form, kernel[:-2]), {})


class Conv3D(Conv2D):
    """Convolution over depth, height and width."""

    names = ("Conv3D",)
    defaults: ClassVar[Mapping[str, Any]] = {"data_format": "NDHWC", "dilations": ()}
    uff = ()
    layout = Layout()
    rank = 5

    def to_uff(self, low: UffLowering) -> None:
        low.fail("UFF has no convolution over three dimensions")


class DepthwiseConv2d(Op):
    """One filter [H,W,C,M] per channel: channel c gives the outputs c*M to c*M+M-1."""

    names = ("DepthwiseConv2dNative",)
    arity = (2, 2)
    defaults: ClassVar[Mapping[str, Any]] = {"data_format": "NHWC", "dilations": (), "explicit_paddings": ()}
    onnx = ("Conv", "Transpose", "Reshape")
    uff = ("Conv",)
    layout = Layout("format", per_dim=_PER_DIM)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        form = format_of(ctx, 4)
        data = with_rank(ctx.spec(0), 4)
        kernel = with_rank(ctx.spec(1), 4, "the filter")
        window = window_of(ctx, form, kernel[:2])
        if window.strides[0] != window.strides[1]:
            raise InferError(f"TensorFlow wants equal strides over height and width, not {list(window.strides)}")
        channels = times(same_dim(data[form.channel], kernel[2]), kernel[3])
        sizes = window.output(form.spatial(data))
        return [TensorSpec(same_dtype(ctx, (0, 1)), form.shape(data[0], channels, sizes))]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        form = format_of(low, 4)
        height, width, channels, multiplier = _filter_dims(low, 1, 4)
        if None in (height, width, channels, multiplier):
            low.fail("the filter's shape is unknown")
        window = window_of(low, form, (height, width))
        weights = _weights(low, 1, (2, 3, 0, 1), (times(channels, multiplier) or 0, 1, height or 0, width or 0))
        data = channels_first(low, low.inputs[0], form)
        attrs = _attributes(low, form, window)
        return [channels_back(low, low.op("Conv", [data, weights], group=channels, **attrs), form)]

    def to_uff(self, low: UffLowering) -> None:
        form = format_of(low, 4)
        height, width, channels, _ = low.specs[1].shape or (None,) * 4
        if channels is None:
            low.fail("the filter's shape is unknown, so the number of groups is")
        _emit_conv(low, form, window_of(low, form, (height, width)), {"number_groups": channels})


class Conv2DBackpropInput(Op):
    """Transposed convolution: ``input_sizes`` (all four dimensions, or height and width), filter, data.

    The layout pass turns the data alone; ``input_sizes`` and the attributes keep their order.
    """

    names = ("Conv2DBackpropInput",)
    arity = (3, 3)
    types: ClassVar[Mapping[str, int]] = {"T": 1}
    defaults: ClassVar[Mapping[str, Any]] = {"data_format": "NHWC", "dilations": (), "explicit_paddings": ()}
    onnx = ("ConvTranspose", "Transpose")
    uff = ("ConvTranspose",)
    layout = Layout("flag", data=(2,))

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        form = format_of(ctx, 4)
        kernel = with_rank(ctx.spec(1), 4, "the filter")
        data = with_rank(ctx.spec(2), 4, "the data")
        same_dim(data[form.channel], kernel[3])
        batch, channels, sizes = _input_sizes(ctx.spec(0), form, data[0], kernel[2])
        for have, want in zip(form.spatial(data), window_of(ctx, form, kernel[:2]).output(sizes), strict=True):
            same_dim(have, want)
        return [TensorSpec(same_dtype(ctx, (1, 2)), form.shape(batch, channels, sizes))]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        form = format_of(low, 4)
        compute_dtype(low, data_dtype(low, 2), SINGLE, "ConvTranspose")
        kernel = _filter_dims(low, 1, 4)
        window = window_of(low, form, kernel[:2])
        sizes, inputs = spatial_sizes(low.outputs[0], form), spatial_sizes(low.specs[2], form)
        channels = _channels(low.outputs[0].shape, form)
        attrs: dict[str, Any] = {
            **_transposed_padding(low, window, sizes, inputs),
            "strides": list(window.strides),
            "dilations": list(window.dilations),
            "kernel_shape": list(kernel[:2]),
            "group": _groups(low, channels, kernel[2]),
        }
        weights = _weights(low, 1, (3, 2, 0, 1))
        data = channels_first(low, low.inputs[2], form)
        return [channels_back(low, low.op("ConvTranspose", [data, weights], **attrs), form)]

    def to_uff(self, low: UffLowering) -> None:
        form = format_of(low, 4)
        window = window_of(low, form, (None, None))
        if window.padding == "EXPLICIT" or set(window.dilations) != {1}:
            low.fail("UFF's ConvTranspose has neither explicit paddings nor dilations")
        same = {"implicit_padding": "same"} if window.padding == "SAME" else {}
        inputs = [low.input(2), low.input(1), low.input(0)]
        orders = [order_of(form), "+KC"]
        low.emit("ConvTranspose", inputs, strides=list(window.strides), inputs_orders=orders, **same)


class BiasAdd(Op):
    """A bias for each channel."""

    names = ("BiasAdd", "BiasAddV1")
    arity = (2, 2)
    defaults: ClassVar[Mapping[str, Any]] = {"data_format": "NHWC"}
    onnx = ("Add", "Unsqueeze")
    uff = ("Binary", "Const")
    layout = Layout("format")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        data, bias = ctx.spec(0).shape, with_rank(ctx.spec(1), 1, "the bias")
        dtype = same_dtype(ctx, (0, 1))
        if data is None:
            return [TensorSpec(dtype, None)]
        if len(data) < 2:
            raise InferError(f"the data has rank {len(data)}, not 2 or more")
        axis = 1 if ctx.attr("data_format") == "NCHW" else len(data) - 1
        channels = same_dim(data[axis], bias[0])
        return [TensorSpec(dtype, (*data[:axis], channels, *data[axis + 1 :]))]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        data, bias = low.inputs
        rank = low.specs[0].rank
        if low.attr("data_format") == "NCHW" and rank != 2:
            if rank is None:
                low.fail("the rank of the data is unknown")
            bias = _bias_of_rank(low, rank)
        return [low.op("Add", [data, bias])]

    def to_uff(self, low: UffLowering) -> None:
        value, rank = low.constant(1), low.specs[0].rank
        if value is None:
            low.fail("its bias is computed, and the converter to UFF wants a constant")
        if low.attr("data_format") == "NCHW" and rank != 2:
            if rank is None:
                low.fail("the rank of the data is unknown")
            value = value.reshape(-1, *(1,) * (rank - 2))
        low.emit("Binary", [low.input(0), low.const(storable(low, value), 1)], func="add")


def _emit_conv(low: UffLowering, form: Format, window: Window, groups: Mapping[str, int]) -> None:
    data, fields = windowed(low, form, window)
    dilation = {"dilation": list(window.dilations)} if low.node.attr("dilations") else {}
    low.emit("Conv", [data, low.input(1)], **fields, **dilation, **groups, inputs_orders=[order_of(form), "+CK"])


def _bias_of_rank(low: Lowering, rank: int) -> str:
    """The bias as [1,C,1,...]."""
    value = low.constant(1)
    if value is None:
        return low.op("Unsqueeze", [low.inputs[1], low.const([0, *range(2, rank)])])
    return low.const(value.reshape(1, -1, *(1,) * (rank - 2)), hint="bias")


def _check_groups(channels: Dim, per_group: Dim, filters: Dim) -> None:
    if channels is None or per_group is None:
        return
    if per_group == 0 or channels % per_group:
        raise InferError(f"{channels} input channels do not divide by the filter's {per_group}")
    groups = channels // per_group
    if filters is not None and groups and filters % groups:
        raise InferError(f"{filters} filters do not divide into {groups} groups")


def _groups(low: Lowering, channels: Dim, per_group: Dim) -> int:
    if channels is None or not per_group:
        low.fail("the number of channels is unknown, so the number of groups is")
    return channels // per_group


def _channels(shape: Shape, form: Format) -> Dim:
    return shape[form.channel] if shape is not None and len(shape) == form.rank else None


def _filter_dims(low: Lowering, index: int, rank: int) -> tuple[Dim, ...]:
    return low.specs[index].shape or (None,) * rank


def _attributes(low: Lowering, form: Format, window: Window) -> dict[str, Any]:
    compute_dtype(low, data_dtype(low), SINGLE, "Conv")
    return {
        **window.onnx_padding(low, spatial_sizes(low.specs[0], form)),
        "strides": list(window.strides),
        "dilations": list(window.dilations),
        "kernel_shape": list(window.kernel) if None not in window.kernel else None,
    }


def _weights(low: Lowering, index: int, perm: Sequence[int], shape: Sequence[int] | None = None) -> str:
    """The filter transposed (and reshaped): now if it is constant, else by ONNX nodes."""
    value = low.constant(index)
    if value is not None:
        turned = np.transpose(value, perm)
        return low.const(np.ascontiguousarray(turned if shape is None else turned.reshape(shape)), hint="weights")
    name = low.op("Transpose", [low.inputs[index]], hint="weights", perm=list(perm))
    return name if shape is None else low.op("Reshape", [name, low.const(list(shape))])


def _input_sizes(spec: TensorSpec, form: Format, batch: Dim, channels: Dim) -> tuple[Dim, Dim, tuple[Dim, ...]]:
    """Batch, channels and spatial sizes that ``input_sizes`` says; with two elements, batch and channels as given."""
    shape = with_rank(spec, 1, "input_sizes")
    items = spec.ints()
    if items is None:
        return batch, None, (None,) * (form.rank - 2)
    if len(items) == form.rank - 2:
        return batch, channels, items
    if len(items) != form.rank:
        raise InferError(f"input_sizes has {shape[0]} elements, not {form.rank} or {form.rank - 2}")
    _check_groups(form.stated_channel(items), channels, None)
    return same_dim(batch, items[0]), form.stated_channel(items), form.stated_spatial(items)


def _transposed_padding(
    low: Lowering, window: Window, sizes: Sequence[Dim], inputs: Sequence[Dim]
) -> dict[str, list[int]]:
    """``pads`` of the forward convolution, and ``output_padding`` for what its stride skipped at the end."""
    pads = window.pads(sizes)
    known = [p for p in pads if p is not None]
    if len(known) < len(pads) or None in sizes or None in inputs or None in window.kernel:
        low.fail("the spatial sizes of input or output are unknown")
    rest = []
    for axis, ((before, after), size, have) in enumerate(zip(known, sizes, inputs, strict=True)):
        reached = ((have or 0) - 1) * window.strides[axis] + (window.span(axis) or 0) - before - after
        rest.append((size or 0) - reached)
    return {"pads": [p[0] for p in known] + [p[1] for p in known], "output_padding": rest}
