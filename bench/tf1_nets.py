"""Makes nets as TensorFlow 1 programs left them frozen, for the numbers of UFF.

``python bench/tf1_nets.py ds_cnn|lenet|lstm|mnist|resnet_v1_50 [...] [--out bench/data]``

The old ops by name, an Identity ``read`` behind each weight, the scopes and the paddings of slim. Weights are drawn;
a net whose outputs hardly depend on the input is not written, since to compare such a net proves nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

sys.path.append(str(Path(__file__).resolve().parent.parent / "fixtures"))
from freezing import freeze
from generate import GraphDef, Tensor, Tf1Net, draw, lstm_unrolled

v1, ops = tf.compat.v1, tf.raw_ops

LEAST_MOVE = 1e-2
"""Standard deviation over the inputs that the most lively probability must have."""
RESNET_V1_50 = ((64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1))
"""Of each block: depth of the bottleneck, units, and the stride of its last unit (slim's resnet_v1_50)."""


def conv(net: Tf1Net, x: Tensor, name: str, filters: int, size: Any = 1, stride: int = 1, **how: Any) -> Tensor:
    """Conv2D of any window, then batch norm or a bias, then Relu; ``how``: ``bn``, ``relu``, ``gain``, ``padding``."""
    height, width = size if isinstance(size, tuple) else (size, size)
    with v1.variable_scope(name):
        shape = (height, width, x.shape[3], filters)
        kernel = net.variable("weights", value=draw(net.rng, "kernel", shape) * how.get("gain", 1.0))
        x = ops.Conv2D(input=x, filter=kernel, **net.window(stride, how.get("padding", "SAME")))
        x = net.batch_norm(x).y if how.get("bn", True) else net.bias(x)
        return tf.nn.relu(x, "Relu") if how.get("relu", True) else x


def conv_same(net: Tf1Net, x: Tensor, name: str, filters: int, size: int, stride: int) -> Tensor:
    """slim's conv2d_same: with a stride a Pad of equal sides, since SAME would depend on the size of the input."""
    if stride == 1:
        return conv(net, x, name, filters, size)
    with v1.variable_scope(name):
        sides = [(size - 1) // 2, size - 1 - (size - 1) // 2]
        x = tf.pad(x, [[0, 0], sides, sides, [0, 0]], name="Pad")
    return conv(net, x, name, filters, size, stride, padding="VALID")


def bottleneck(net: Tf1Net, x: Tensor, depth: int, stride: int) -> Tensor:
    """One unit of ResNet v1: three convolutions beside a shortcut; the stride is in the second."""
    with v1.variable_scope("bottleneck_v1"):
        if x.shape[3] == 4 * depth:
            shortcut = x if stride == 1 else net.pool(x, "MaxPool", 1, stride=stride)
        else:
            shortcut = conv(net, x, "shortcut", 4 * depth, stride=stride, relu=False)
        x = conv_same(net, conv(net, x, "conv1", depth), "conv2", depth, 3, stride)
        x = conv(net, x, "conv3", 4 * depth, relu=False, gain=0.5)
        return tf.nn.relu(ops.Add(x=shortcut, y=x, name="add"), "Relu")


def predictions(x: Tensor) -> None:
    """slim's softmax: to two dimensions and back by the shape of the logits."""
    with v1.name_scope("predictions"):
        flat = tf.nn.softmax(tf.reshape(x, [-1, x.shape[1]], name="Reshape"), name="Softmax")
        tf.reshape(flat, tf.shape(x, name="Shape"), name="Reshape_1")


def resnet_v1(blocks: tuple[tuple[int, int, int], ...], side: int, classes: int, gain: float) -> GraphDef:
    """slim's ResNet v1: ``blocks`` as :data:`RESNET_V1_50`, for one image; ``gain`` is that of the logits."""
    with tf.Graph().as_default() as graph:
        net, x = Tf1Net(37), v1.placeholder(tf.float32, [1, side, side, 3], "input")
        with v1.variable_scope("resnet_v1_50"):
            x = net.pool(conv_same(net, x, "conv1", blocks[0][0], 7, 2), "MaxPool", 3, stride=2)
            for number, (depth, units, stride) in enumerate(blocks, 1):
                for unit in range(1, units + 1):
                    with v1.variable_scope(f"block{number}/unit_{unit}"):
                        x = bottleneck(net, x, depth, stride if unit == units else 1)
            x = tf.reduce_mean(x, [1, 2], keepdims=True, name="pool5")
            x = conv(net, x, "logits", classes, bn=False, relu=False, gain=gain)
            predictions(tf.squeeze(x, [1, 2], name="SpatialSqueeze"))
    return freeze(graph, ["resnet_v1_50/predictions/Reshape_1"], tf112=True)


def lenet() -> GraphDef:
    """Two convolutions with pools, a flatten, two dense layers, as in TensorFlow's own MNIST tutorial; any batch."""
    with tf.Graph().as_default() as graph:
        net, x = Tf1Net(41), v1.placeholder(tf.float32, [None, 28, 28, 1], "input")
        for name, filters in (("conv1", 32), ("conv2", 64)):
            x = net.pool(conv(net, x, name, filters, 5, bn=False), "MaxPool", 2, stride=2)
        x = tf.reshape(x, [-1, 7 * 7 * 64], name="Flatten/Reshape")
        x = tf.nn.relu(net.dense(x, "fc1", 1024), "fc1/Relu")
        tf.nn.softmax(net.dense(x, "fc2", 10), name="probabilities")
    return freeze(graph, ["probabilities"], tf112=True)


def mnist() -> GraphDef:
    """Convolutions alone, and the mean over the image; any batch."""
    with tf.Graph().as_default() as graph:
        net, x = Tf1Net(43), v1.placeholder(tf.float32, [None, 28, 28, 1], "input")
        for number, (filters, stride) in enumerate(((32, 1), (64, 2), (64, 2)), 1):
            x = conv(net, x, f"conv{number}", filters, 3, stride, bn=False)
        x = conv(net, x, "conv4", 10, bn=False, relu=False, gain=3.0)
        tf.nn.softmax(tf.reduce_mean(x, [1, 2], name="Mean"), name="Softmax")
    return freeze(graph, ["Softmax"], tf112=True)


def ds_cnn(channels: int = 172, blocks: int = 4) -> GraphDef:
    """The depthwise separable CNN of keyword spotting (Hello Edge) behind the audio front end: 49 frames of 10."""
    with tf.Graph().as_default() as graph:
        net, x = Tf1Net(47), v1.placeholder(tf.float32, [None, 490], "fingerprint_input")
        x = tf.reshape(x, [-1, 49, 10, 1], name="Reshape")
        with v1.variable_scope("DS-CNN"):
            x = conv(net, x, "conv_1", channels, (10, 4), 2)
            for number in range(1, blocks + 1):
                with v1.variable_scope(f"conv_ds_{number}"):
                    x = tf.nn.relu(net.batch_norm(net.bias(net.depthwise(x))).y, "Relu")
                    x = conv(net, x, "pointwise_conv", channels)
            sizes = [1, *x.shape[1:3], 1]
            x = ops.AvgPool(value=x, ksize=sizes, strides=[1, 1, 1, 1], padding="VALID", name="avg_pool/AvgPool")
            x = net.dense(tf.squeeze(x, [1, 2], name="squeeze"), "fc1", 12, gain=2.0)
        tf.nn.softmax(x, name="labels_softmax")
    return freeze(graph, ["labels_softmax"], tf112=True)


NETS: dict[str, Callable[[], GraphDef]] = {
    "ds_cnn": ds_cnn,
    "lenet": lenet,
    "lstm": lstm_unrolled,
    "mnist": mnist,
    "resnet_v1_50": lambda: resnet_v1(RESNET_V1_50, 224, 1000, gain=0.05),
}


def report_move(name: str, frozen: GraphDef) -> None:
    """Print how far the probabilities move between inputs; ValueError when next to nothing."""
    node = next(n for n in frozen.node if n.op == "Placeholder")
    dims = [d.size if d.size > 0 else 1 for d in node.attr["shape"].shape.dim]
    rng, outputs = np.random.default_rng(0), []
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(frozen, name="")
        with v1.Session(graph=graph) as session:
            for contrast in np.linspace(0.3, 2, 4):
                x = rng.uniform(-1, 1, dims) * contrast
                outputs.append(session.run(f"{frozen.node[-1].name}:0", {f"{node.name}:0": x}))
    move, largest = np.std(outputs, axis=0), np.max(outputs)
    print(f"{name}: std across inputs {move.mean():.1e} (largest {move.max():.1e}), up to {largest:.2f}")
    if not (move.max() >= LEAST_MOVE and largest < 0.999):
        raise ValueError(f"{name}: the outputs hardly depend on the input, or are saturated; change its gain")


def main() -> None:
    """Make the nets named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=sorted(NETS), metavar="NET", help=" or ".join(NETS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data", metavar="DIR")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        frozen = NETS[name]()
        report_move(name, frozen)
        data = frozen.SerializeToString(deterministic=True)
        path = options.out / f"{name}.pb"
        path.write_bytes(data)
        print(f"{path}: {len(data) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
