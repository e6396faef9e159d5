"""Ops around the network that decode files or prepare sound. Inference only."""

from __future__ import annotations

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import bool_attr, dtype_attr, int_attr
from graphdoctor.ops.base import InferError, Op, OpContext
from graphdoctor.ops.dims import INT64_MAX, valid_dim, with_rank
from graphdoctor.types import DType


class DecodeWav(Op):
    """A WAV file as samples [samples, channels] in -1..1, and its sample rate."""

    names = ("DecodeWav",)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        samples, channels = (int_attr(ctx, f"desired_{what}", -1) for what in ("samples", "channels"))
        shape = tuple(None if d == -1 else valid_dim(d) for d in (samples, channels))
        return [TensorSpec(DType.FLOAT, shape), TensorSpec(DType.INT32, ())]


class AudioSpectrogram(Op):
    """Samples [samples, channels] as [channels, windows, frequencies].

    A window is padded to a power of two p and gives p / 2 + 1 frequencies.
    """

    names = ("AudioSpectrogram",)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        samples, channels = with_rank(ctx.spec(0), 2)
        window, stride = int_attr(ctx, "window_size"), int_attr(ctx, "stride")
        if not 2 <= window <= INT64_MAX or stride < 1:
            raise InferError(f"window_size is {window}, stride {stride}")
        windows = None if samples is None else max(0, (samples - window) // stride + 1)
        frequencies = (1 << (window - 1).bit_length()) // 2 + 1
        return [TensorSpec(DType.FLOAT, (channels, windows, frequencies))]


class Mfcc(Op):
    """A spectrogram [channels, windows, frequencies] as coefficients [channels, windows, n]."""

    names = ("Mfcc",)
    arity = (2, 2)
    defaults = {"dct_coefficient_count": 13}
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        channels, windows, _ = with_rank(ctx.spec(0), 3, "the spectrogram")
        count = valid_dim(int_attr(ctx, "dct_coefficient_count"))
        return [TensorSpec(DType.FLOAT, (channels, windows, count))]


class DecodePicture(Op):
    """A picture file as [height, width, channels]; DecodeImage may give a moving one, of rank 4."""

    names = ("DecodeJpeg", "DecodePng", "DecodeBmp", "DecodeImage")
    defaults = {"dtype": DType.UINT8, "expand_animations": True}
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        channels = int_attr(ctx, "channels")
        if not 0 <= channels <= 4:
            raise InferError(f"a picture has no {channels} channels")
        dtype = dtype_attr(ctx, "dtype")
        if ctx.node.op == "DecodeImage" and bool_attr(ctx, "expand_animations"):
            return [TensorSpec(dtype)]
        return [TensorSpec(dtype, (None, None, channels or None))]


class DecodeGif(Op):
    """A moving picture as [frames, height, width, 3]."""

    names = ("DecodeGif",)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(DType.UINT8, (None, None, None, 3))]


class DecodeRaw(Op):
    """The bytes of each string as a vector of ``out_type``."""

    names = ("DecodeRaw",)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = ctx.spec(0).shape
        return [TensorSpec(dtype_attr(ctx, "out_type"), None if shape is None else (*shape, None))]
