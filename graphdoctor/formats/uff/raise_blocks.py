"""Other plugins in ops of TensorFlow: what their kernels do, in float32.

Sources are NVIDIA/TensorRT, plugin/{reorgPlugin,normalizePlugin,priorBoxPlugin,specialSlicePlugin} and
plugin/common/kernels (reorgForward, normalizeLayer, priorBoxLayer).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.formats.uff.raise_fields import PluginFields
from graphdoctor.formats.uff.raise_layout import channels_first
from graphdoctor.formats.uff.raising import NCHW, NHWC, Raiser, fail
from graphdoctor.ir import Value
from graphdoctor.types import Array
from graphdoctor.wire.uff import UffNode

_IMAGE = 4
"""Dimensions of images, batch included."""
_BOX = 4
_DETECTION = 6
_MOST_BOXES = 1 << 22
_MOST_SIZES = 1 << 10
"""Sizes and aspect ratios of prior boxes, together."""
_MOST_NUMBERS = 1 << 31
_SAME_RATIO = 1e-6
"""Aspect ratios nearer to each other are one."""


def _image(to: Raiser, node: UffNode, index: int = 0) -> tuple[Value, tuple[int, int, int]]:
    """An image that is read, channels first, and its channels, height and width."""
    value, layout = to.input(node, index), to.layouts.get(node.inputs[index], "")
    if layout not in (NHWC, NCHW):
        fail("the order of its data is not known")
    value = channels_first(to, node, value, layout, f"input{index}")
    shape = to.shape(value)
    if shape is None or len(shape) != _IMAGE:
        fail("the size of its data is not known; give that of the input with --input")
    channels, height, width = shape[1:]
    if not channels or not height or not width or channels * height * width >= _MOST_NUMBERS:
        fail("the size of its data is not known; give that of the input with --input")
    return value, (channels, height, width)


def reorg(to: Raiser, node: UffNode) -> Value:
    """Squares of ``stride`` places as channels, as darknet does it.

    The kernel reads the image as if it had ``stride`` squared times fewer channels and were as many times larger.
    """
    of = PluginFields(to, node)
    stride = of.whole("stride")
    value, (channels, height, width) = _image(to, node)
    if stride < 1 or height % stride or width % stride or channels % stride**2:
        fail(f"its stride is {stride}, of {channels} channels of {height} by {width}")
    inner = channels // stride**2
    parts = of.reshaped("parts", value, -1, inner, height, stride, width, stride)
    turned = of.op("turned", "Transpose", parts, of.const("turned/perm", [0, 3, 5, 1, 2, 4]))
    to.layouts[node.id] = NCHW
    return of.reshaped("", turned, -1, channels * stride**2, height // stride, width // stride)


def normalize(to: Raiser, node: UffNode) -> Value:
    """The image by its length, over the channels of each place or over all of it, times weights."""
    of = PluginFields(to, node)
    across, shared = of.whole("acrossSpatial"), of.whole("channelShared")
    weights = of.numbers("weights")
    value, (channels, _, _) = _image(to, node)
    if len(weights) != (1 if shared else channels):
        fail(f"it has {len(weights)} weights for {channels} channels")
    if across and not shared:
        fail("across places the kernel divides by the weight of a channel, where it multiplies elsewhere")
    of.only("nbWeights", 1, "the plugin takes one set of weights")
    axes = of.const("axes", [1, 2, 3] if across else [1])
    total = of.op("sum", "Sum", of.op("square", "Square", value), axes, keep_dims=True)
    length = of.op("root", "Sqrt", of.op("eps", "Add", total, of.const("epsilon", np.float32(of.number("eps")))))
    factors = of.const("weights", np.asarray(weights, np.float32).reshape(1, -1, 1, 1))
    to.layouts[node.id] = NCHW
    return of.op("", "Mul", of.op("unit", "RealDiv", value, length), factors)


def special_slice(to: Raiser, node: UffNode) -> Value:
    """The four sides of the boxes of detections [N, count, 6]."""
    of = PluginFields(to, node)
    value = to.input(node)
    shape = to.shape(value)
    if shape is None or len(shape) != 3 or shape[2] != _DETECTION:
        fail("its data are not known to be detections of six numbers")
    ends = ("begin", [0, 0, 0]), ("size", [-1, -1, _BOX])
    return of.op("", "Slice", value, *(of.const(name, numbers) for name, numbers in ends))


# ---- prior boxes ------------------------------------------------------------------------------------------------


def prior_box(to: Raiser, node: UffNode) -> Value:
    """Prior boxes of a map in an image, and the variances: [1, 2, boxes * 4, 1]."""
    of = PluginFields(to, node)
    if len(node.inputs) != 2:
        fail(f"it has {len(node.inputs)} inputs, not a map and an image")
    (_, high, wide), (_, image_high, image_wide) = (_image(to, node, k)[1] for k in (0, 1))
    image = of.whole("imgW"), of.whole("imgH")
    image = image if all(image) else (image_wide, image_high)
    step = of.number("stepW"), of.number("stepH")
    step = step if all(step) else (image[0] / wide, image[1] / high)
    if min(image) <= 0:
        fail(f"its image is {image[1]} by {image[0]}")
    sizes, variance = _sizes(of), of.numbers("variance")
    if len(variance) != _BOX or high * wide * len(sizes) > _MOST_BOXES:
        fail(f"it has {len(variance)} variances, and {len(sizes)} boxes at each of {high * wide} places")
    boxes = _boxes((wide, high), sizes, step, of.number("offset")) / np.asarray(image * 2)
    boxes = np.clip(boxes, 0, 1) if of.whole("clip") else boxes
    return of.const("", of.priors(boxes, variance))


def _sizes(of: PluginFields) -> Array:
    """Width and height of the boxes at a place, [boxes, 2]."""
    low, high = of.numbers("minSize"), of.numbers("maxSize")
    if len(low) * (len(of.numbers("aspectRatios")) + 1) > _MOST_SIZES:
        fail(f"it has {len(low)} sizes and {len(of.numbers('aspectRatios'))} aspect ratios")
    if (
        not low
        or min(low) <= 0
        or (high and (len(high) != len(low) or any(h <= m for h, m in zip(high, low, strict=True))))
    ):
        fail("its sizes are not positive, or a maxSize is not above its minSize")
    ratios = _ratios(of.numbers("aspectRatios"), bool(of.whole("flip")))
    made: list[tuple[float, float]] = []
    for k, size in enumerate(low):
        made.append((size, size))
        made += [((size * high[k]) ** 0.5,) * 2] if high else []
        made += [(size * r**0.5, size / r**0.5) for r in ratios]
    return np.asarray(made)


def _ratios(given: Sequence[float], flip: bool) -> list[float]:
    """The aspect ratios besides 1, each once, with what 1 is divided by them if wanted."""
    found = [1.0]
    for ratio in given:
        if ratio <= 0:
            fail(f"an aspect ratio is {ratio:g}")
        if all(abs(ratio - r) >= _SAME_RATIO for r in found):
            found += [ratio, 1 / ratio] if flip else [ratio]
    return found[1:]


def _boxes(places: tuple[int, int], sizes: Array, step: tuple[float, float], offset: float) -> Array:
    """Boxes [places * boxes, 4] in pixels: xmin ymin xmax ymax."""
    x, y = np.meshgrid(*((np.arange(n) + offset) * s for n, s in zip(places, step, strict=True)))
    centre = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    return np.concatenate([centre - sizes / 2, centre + sizes / 2], axis=-1).reshape(-1, 4)
