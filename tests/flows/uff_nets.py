"""Small nets as TensorFlow exported them, for the way to UFF: a block or two of each kind, in the text form."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod, sqrt

_CONV = 'T: float32, strides: [1,{s},{s},1], padding: "{p}"'


def _weights(name: str, dims: str, seed: int) -> Iterator[str]:
    """A frozen variable: a constant and the Identity that reads it; kernels keep the variance of what they read."""
    sizes = [int(d) for d in dims.split(",")]
    spread = sqrt(2 / prod(sizes[:-1])) if len(sizes) > 1 else 0.5
    yield f"{name} = Const float32[{dims}] normal({seed}, {spread:.4f})"
    yield f"{name}/read = Identity({name}) {{T: float32}}"


def _batch_norm(scope: str, data: str, channels: int, seed: int) -> Iterator[str]:
    for k, part in enumerate(("gamma", "beta", "mean")):
        yield from _weights(f"{scope}/{part}", str(channels), seed + k)
    yield f"{scope}/variance = Const float32[{channels}] uniform({seed}, 0.5, 1.5)"
    parts = ", ".join(f"{scope}/{part}" for part in ("gamma/read", "beta/read", "mean/read", "variance"))
    yield f"{scope}/bn = FusedBatchNorm({data}, {parts}) {{T: float32, is_training: false, epsilon: 0.001}}"


def _linear(scope: str, data: str, dims: str, seed: int, stride: int = 1, padding: str = "SAME") -> Iterator[str]:
    """Conv2D and FusedBatchNorm: the last is ``scope/bn``."""
    yield from _weights(f"{scope}/weights", dims, seed)
    yield f"{scope}/Conv2D = Conv2D({data}, {scope}/weights/read) {{{_CONV.format(s=stride, p=padding)}}}"
    yield from _batch_norm(scope, f"{scope}/Conv2D", int(dims.rpartition(",")[2]), seed)


def _conv(scope: str, data: str, dims: str, seed: int, stride: int = 1, padding: str = "SAME") -> Iterator[str]:
    """Conv2D, FusedBatchNorm and Relu: the last is ``scope/Relu``."""
    yield from _linear(scope, data, dims, seed, stride, padding)
    yield f"{scope}/Relu = Relu({scope}/bn) {{T: float32}}"


def _dense(scope: str, data: str, dims: str, seed: int) -> Iterator[str]:
    yield from _weights(f"{scope}/weights", dims, seed)
    yield from _weights(f"{scope}/biases", dims.rpartition(",")[2], seed + 1)
    yield f"{scope}/MatMul = MatMul({data}, {scope}/weights/read) {{T: float32}}"
    yield f"{scope}/BiasAdd = BiasAdd({scope}/MatMul, {scope}/biases/read) {{T: float32}}"


def _pool(name: str, op: str, data: str, size: int, stride: int, padding: str) -> str:
    return f"{name} = {op}({data}) {{ksize: [1,{size},{size},1], {_CONV.format(s=stride, p=padding)}}}"


def inception() -> Iterator[str]:
    """Four branches joined on the channels, the mean of the image, a dense layer."""
    yield "input = Placeholder {dtype: float32, shape: shape[1,9,9,3]}"
    yield from _conv("stem", "input", "3,3,3,4", 1, padding="VALID")
    yield from _conv("a", "stem/Relu", "1,1,4,4", 5)
    yield from _conv("b1", "stem/Relu", "1,1,4,3", 9)
    yield from _conv("b2", "b1/Relu", "1,5,3,4", 13)
    yield _pool("c1", "AvgPool", "stem/Relu", 3, 1, "SAME")
    yield from _conv("c2", "c1", "1,1,4,2", 17)
    yield "axis = Const int32[] -1"
    yield "mixed = ConcatV2(a/Relu, b2/Relu, c2/Relu, axis) {N: 3, T: float32, Tidx: int32}"
    yield _pool("mixed/pool", "MaxPool", "mixed", 3, 2, "VALID")
    yield "axes = Const int32[2] [1, 2]"
    yield "mean = Mean(mixed/pool, axes) {T: float32, keep_dims: false}"
    yield from _dense("logits", "mean", "10,5", 21)
    yield "probabilities = Softmax(logits/BiasAdd) {T: float32}"


def resnet_v1() -> Iterator[str]:
    """A unit of slim's ResNet v1 with a stride: padded by hand, the shortcut subsampled, logits by a convolution."""
    yield "input = Placeholder {dtype: float32, shape: shape[1,17,17,3]}"
    yield "sides = Const int32[4,2] [0, 0, 1, 1, 1, 1, 0, 0]"
    yield from _conv("conv1", "input", "3,3,3,8", 1, 2)
    yield _pool("pool1", "MaxPool", "conv1/Relu", 3, 2, "SAME")
    yield _pool("unit/shortcut", "MaxPool", "pool1", 1, 2, "SAME")
    yield from _conv("unit/conv1", "pool1", "1,1,8,4", 5)
    yield "unit/Pad = Pad(unit/conv1/Relu, sides) {T: float32, Tpaddings: int32}"
    yield from _conv("unit/conv2", "unit/Pad", "3,3,4,4", 9, 2, "VALID")
    yield from _linear("unit/conv3", "unit/conv2/Relu", "1,1,4,8", 13)
    yield "unit/add = Add(unit/shortcut, unit/conv3/bn) {T: float32}"
    yield "unit/Relu = Relu(unit/add) {T: float32}"
    yield "axes = Const int32[2] [1, 2]"
    yield "pool5 = Mean(unit/Relu, axes) {T: float32, keep_dims: true}"
    yield from _linear("logits", "pool5", "1,1,8,5", 17)
    yield "SpatialSqueeze = Squeeze(logits/bn) {T: float32, squeeze_dims: [1, 2]}"
    yield "two = Const int32[2] [-1, 5]"
    yield "predictions/Reshape = Reshape(SpatialSqueeze, two) {T: float32, Tshape: int32}"
    yield "predictions/Softmax = Softmax(predictions/Reshape) {T: float32}"
    yield "predictions/Shape = Shape(SpatialSqueeze) {T: float32}"
    yield "predictions/Reshape_1 = Reshape(predictions/Softmax, predictions/Shape) {T: float32, Tshape: int32}"


def vgg_tail() -> Iterator[str]:
    """The end of VGG: a pooled map flattened under that name, and dense layers."""
    yield "input = Placeholder {dtype: float32, shape: shape[?,8,8,3]}"
    yield from _conv("block5", "input", "3,3,3,4", 1)
    yield _pool("block5/pool", "MaxPool", "block5/Relu", 2, 2, "VALID")
    yield "rows = Const int32[2] [-1, 64]"
    yield "flatten/Reshape = Reshape(block5/pool, rows) {T: float32, Tshape: int32}"
    yield from _dense("fc1", "flatten/Reshape", "64,12", 5)
    yield "fc1/Relu = Relu(fc1/BiasAdd) {T: float32}"
    yield from _dense("predictions", "fc1/Relu", "12,5", 9)
    yield "probabilities = Softmax(predictions/BiasAdd) {T: float32}"


def ds_cnn() -> Iterator[str]:
    """A depthwise separable block behind a Reshape, as for keyword spotting, and a Squeeze before the dense layer."""
    yield "input = Placeholder {dtype: float32, shape: shape[?,80]}"
    yield "image = Const int32[4] [-1, 10, 8, 1]"
    yield "Reshape = Reshape(input, image) {T: float32, Tshape: int32}"
    yield from _conv("conv_1", "Reshape", "4,3,1,6", 1, 2)
    yield from _weights("ds/depthwise_weights", "3,3,6,1", 5)
    depthwise = "DepthwiseConv2dNative(conv_1/Relu, ds/depthwise_weights/read)"
    yield f"ds/depthwise = {depthwise} {{{_CONV.format(s=1, p='SAME')}}}"
    yield from _weights("ds/biases", "6", 6)
    yield "ds/BiasAdd = BiasAdd(ds/depthwise, ds/biases/read) {T: float32}"
    yield from _batch_norm("ds", "ds/BiasAdd", 6, 7)
    yield "ds/Relu = Relu(ds/bn) {T: float32}"
    yield from _conv("pointwise", "ds/Relu", "1,1,6,6", 11)
    yield f"pool = AvgPool(pointwise/Relu) {{ksize: [1,5,4,1], {_CONV.format(s=1, p='VALID')}}}"
    yield "squeeze = Squeeze(pool) {T: float32, squeeze_dims: [1, 2]}"
    yield from _dense("fc1", "squeeze", "6,4", 15)
    yield "probabilities = Softmax(fc1/BiasAdd) {T: float32}"


def lstm() -> Iterator[str]:
    """Three steps of TensorFlow 1's BasicLSTMCell from a zero state, and a dense layer on the last."""
    yield "input = Placeholder {dtype: float32, shape: shape[1,3,4]}"
    yield "steps = Unpack(input) {T: float32, num: 3, axis: 1}"
    yield from _weights("cell/kernel", "9,20", 1)
    yield from _weights("cell/bias", "20", 2)
    yield "zeros = Const float32[1,5] 0.0"
    yield "axis = Const int32[] 1"
    yield "one = Const float32[] 1.0"
    cell, output = "zeros", "zeros"
    for step in range(3):
        yield from _lstm_step(f"step_{step}", f"steps:{step}", cell, output)
        cell, output = f"step_{step}/cell", f"step_{step}/output"
    yield from _dense("logits", output, "5,4", 5)
    yield "probabilities = Softmax(logits/BiasAdd) {T: float32}"


def _lstm_step(at: str, data: str, cell: str, output: str) -> Iterator[str]:
    yield f"{at}/joined = ConcatV2({data}, {output}, axis) {{N: 2, T: float32, Tidx: int32}}"
    yield f"{at}/MatMul = MatMul({at}/joined, cell/kernel/read) {{T: float32}}"
    yield f"{at}/BiasAdd = BiasAdd({at}/MatMul, cell/bias/read) {{T: float32}}"
    yield f"{at}/split = Split(axis, {at}/BiasAdd) {{T: float32, num_split: 4}}"
    yield f"{at}/forget = AddV2({at}/split:2, one) {{T: float32}}"
    for name, value in (("keep", f"{at}/forget"), ("write", f"{at}/split"), ("read", f"{at}/split:3")):
        yield f"{at}/{name} = Sigmoid({value}) {{T: float32}}"
    yield f"{at}/new = Tanh({at}/split:1) {{T: float32}}"
    yield f"{at}/old = Mul({cell}, {at}/keep) {{T: float32}}"
    yield f"{at}/more = Mul({at}/write, {at}/new) {{T: float32}}"
    yield f"{at}/cell = AddV2({at}/old, {at}/more) {{T: float32}}"
    yield f"{at}/squashed = Tanh({at}/cell) {{T: float32}}"
    yield f"{at}/output = Mul({at}/squashed, {at}/read) {{T: float32}}"


NETS = {
    "inception": inception,
    "resnet_v1": resnet_v1,
    "vgg_tail": vgg_tail,
    "ds_cnn": ds_cnn,
    "lstm": lstm,
}


def text_of(name: str) -> str:
    """The net ``name`` as text."""
    return "\n".join(NETS[name]())
