"""Makes the big nets that the benchmarks and the end-to-end checks run on.

``python bench/nets.py inceptionv3|mobilenetv2|resnet50|vgg16 [...] [--out bench/data]``

Each is a Keras application with ``weights=None``, frozen as TensorFlow 2 exports it: ``input`` float32
[1,224,224,3] (InceptionV3: 299), output ``Identity`` [1,1000]. Random weights alone give the same output for every
input, and to compare such a net proves nothing. So batch norm gets random gammas and betas and the statistics of one
batch of random images, layers without it keep the variance of what they read, and the last layer is scaled to a spread
of logits that softmax does not flatten or saturate.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

NETS = {
    "inceptionv3": (tf.keras.applications.InceptionV3, 299),
    "mobilenetv2": (tf.keras.applications.MobileNetV2, 224),
    "resnet50": (tf.keras.applications.ResNet50, 224),
    "vgg16": (tf.keras.applications.VGG16, 224),
}
"""What makes each net, and the height and width of its input in pixels."""
LOGIT_SPREAD = 2.0
"""Standard deviation of an image's logits, mean over the images: none of the 1000 probabilities nears 1."""
LEAST_MOVE = 1e-2
"""Standard deviation over the images that the most lively probability must have."""


def images(rng: np.random.Generator, count: int, side: int) -> npt.NDArray[np.float32]:
    """[count,side,side,3] of noise, from faint to twice -1..1 and off centre, so that no usual range is far off."""
    contrast = np.linspace(0.3, 2, count)[:, None, None, None]
    noise = rng.uniform(-1, 1, (count, side, side, 3)) * contrast + rng.uniform(-0.5, 0.5, (count, 1, 1, 3))
    return noise.astype(np.float32)


def build(name: str) -> tf.keras.Model:
    """The net ``name`` with outputs that depend on the input; ValueError when they do not."""
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(7)
    rng = np.random.default_rng(0)
    make, side = NETS[name]
    net = make(weights=None, input_shape=(side, side, 3))
    for layer in net.layers[:-1]:
        _enliven(layer, rng)
    net(images(rng, 8, side), training=True)
    batch = images(rng, 8, side)
    logits = np.log(net(batch, training=False).numpy())
    net.layers[-1].kernel.assign(net.layers[-1].kernel * (LOGIT_SPREAD / logits.std(axis=1).mean()))
    report_move(name, net(batch, training=False).numpy())
    return net


def _enliven(layer: tf.keras.layers.Layer, rng: np.random.Generator) -> None:
    """Give batch norm random weights and one step to learn its statistics; keep the variance through Conv and Relu."""
    if isinstance(layer, tf.keras.layers.BatchNormalization):
        layer.momentum = 0.0  # so that one training step sets the statistics
        if layer.scale:
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
        layer.beta.assign(rng.normal(0, 0.2, layer.beta.shape))
    elif hasattr(layer, "kernel") and layer.activation is tf.keras.activations.relu:
        layer.kernel.assign(tf.keras.initializers.HeNormal(seed=7)(layer.kernel.shape))
        layer.bias.assign(rng.normal(0, 0.2, layer.bias.shape))


def report_move(name: str, probabilities: npt.NDArray[np.float32]) -> None:
    """Print how far probabilities [images,classes] move between images; ValueError when next to nothing."""
    move = probabilities.std(axis=0)
    low, high = probabilities.min(), probabilities.max()
    print(f"{name}: std across inputs {move.mean():.1e} (largest {move.max():.1e}), range {low:.0e} to {high:.2f}")
    if not move.max() >= LEAST_MOVE:
        raise ValueError(f"{name}: the outputs hardly depend on the input; raise LOGIT_SPREAD in {__file__}")


def freeze(net: tf.keras.Model) -> Any:
    """The frozen GraphDef of ``net`` for one image."""
    signature = [tf.TensorSpec([1, *net.input_shape[1:]], tf.float32, name="input")]
    function = tf.function(lambda input: net(input, training=False), input_signature=signature)
    return convert_variables_to_constants_v2(function.get_concrete_function()).graph.as_graph_def()


def main() -> None:
    """Make the nets named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=sorted(NETS), metavar="NET", help=" or ".join(NETS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data", metavar="DIR")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        data = freeze(build(name)).SerializeToString(deterministic=True)
        path = options.out / f"{name}.pb"
        path.write_bytes(data)
        print(f"{path}: {len(data) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
