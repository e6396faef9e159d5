"""Normalisation with stored statistics, and over neighbouring channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import bool_attr, dtype_attr, int_attr
from graphdoctor.ops.base import InferError, Layout, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.broadcast import SINGLE, compute_dtype, data_dtype, float_attr, same_dtype
from graphdoctor.ops.dims import same_dim, with_rank
from graphdoctor.ops.uff import order_of
from graphdoctor.ops.window import Format, channels_back, channels_first, format_of
from graphdoctor.types import Dim

EPSILON = 0.0001
"""Default of TensorFlow's op definition."""


class FusedBatchNorm(Op):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, per channel.

    Outputs: y, the mean and the variance used, two vectors for the gradient, and scratch (V3). TensorFlow leaves what
    is for the gradient as it finds it in inference, so only the first three are lowered.
    """

    names: ClassVar[tuple[str, ...]] = ("FusedBatchNormV2", "FusedBatchNormV3")
    arity = (5, 5)
    types: ClassVar[Mapping[str, int]] = {"T": 0, "U": 1}
    defaults: ClassVar[Mapping[str, Any]] = {
        "epsilon": EPSILON,
        "data_format": "NHWC",
        "is_training": True,
        "exponential_avg_factor": 1.0,
    }
    onnx = ("BatchNormalization", "Transpose")
    uff = ("BatchNorm",)
    layout = Layout("format")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        form = _format(ctx)
        float_attr(ctx, "epsilon")
        data = with_rank(ctx.spec(0), form.rank)
        channels = _channels(ctx, data[form.channel])
        first = same_dtype(ctx, (0,))
        statistics = TensorSpec(dtype_attr(ctx, "U", ctx.spec(1).dtype), (channels,))
        if ctx.node.op == "FusedBatchNorm":
            statistics = TensorSpec(first, (channels,))
        shape = form.shape(data[0], channels, form.spatial(data)) if ctx.spec(0).shape is not None else None
        outputs = [TensorSpec(first, shape), *(statistics,) * 4]
        return [*outputs, TensorSpec(statistics.dtype)] if ctx.node.op == "FusedBatchNormV3" else outputs

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        if bool_attr(low, "is_training"):
            low.fail("is_training is true: the statistics of each batch are used; export the graph for inference")
        compute_dtype(low, data_dtype(low), SINGLE, "BatchNormalization")
        form = _format(low)
        data, scale, offset, mean, variance = low.inputs
        x = channels_first(low, data, form)
        y = low.op("BatchNormalization", [x, scale, offset, mean, variance], epsilon=float_attr(low, "epsilon"))
        return [channels_back(low, y, form), mean, variance]

    def to_uff(self, low: UffLowering) -> None:
        if bool_attr(low, "is_training"):
            low.fail("is_training is true: the statistics of each batch are used; export the graph for inference")
        form = _format(low)
        if form.rank != 4:
            low.fail("UFF has no batch normalization of five dimensions")
        inputs = [low.input(k) for k in range(5)]
        low.emit("BatchNorm", inputs, epsilon=float_attr(low, "epsilon"), inputs_orders=[order_of(form)])


def _format(node: OpContext | Lowering | UffLowering) -> Format:
    """Rank 4, or 5 where ``data_format`` has five letters."""
    stated = node.attr("data_format")
    return format_of(node, 5 if isinstance(stated, str) and len(stated) == 5 else 4)


def _channels(ctx: OpContext, channels: Dim) -> Dim:
    """The number of channels, on which data and parameters must agree; in training, mean and variance are empty."""
    training = bool_attr(ctx, "is_training")
    for index in range(1, 3 if training else 5):
        channels = same_dim(channels, with_rank(ctx.spec(index), 1, f"input {index}")[0])
    return channels


class FusedBatchNormV1(FusedBatchNorm):
    """The first version: one type for everything, no attribute ``U``."""

    names = ("FusedBatchNorm",)
    types: ClassVar[Mapping[str, int]] = {"T": 0}


class Lrn(Op):
    """x / (bias + alpha * sum of squares over 2 * depth_radius + 1 channels) ** beta; NHWC in TensorFlow."""

    names = ("LRN",)
    defaults: ClassVar[Mapping[str, Any]] = {"depth_radius": 5, "bias": 1.0, "alpha": 1.0, "beta": 0.5}
    onnx = ("LRN", "Transpose")
    layout = Layout("flag")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        with_rank(ctx.spec(0), 4)
        if int_attr(ctx, "depth_radius") < 0:
            raise InferError("depth_radius is below 0")
        for key in ("bias", "alpha", "beta"):
            float_attr(ctx, key)
        return [TensorSpec(same_dtype(ctx, (0,)), ctx.spec(0).shape)]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        compute_dtype(low, data_dtype(low), SINGLE, "LRN")
        size = 2 * int_attr(low, "depth_radius") + 1
        form = format_of(low, 4)
        y = low.op(
            "LRN",
            [channels_first(low, low.inputs[0], form)],
            size=size,
            alpha=float_attr(low, "alpha") * size,  # ONNX divides alpha by the size
            beta=float_attr(low, "beta"),
            bias=float_attr(low, "bias"),
        )
        return [channels_back(low, y, form)]

    def to_uff(self, low: UffLowering) -> None:
        low.fail(
            "whether the window of UFF's LRN is depth_radius or twice that and one, nobody says; "
            "fix --rules uff --unsafe-fixes writes it as a convolution"
        )
