"""Plugins of detectors in ops of TensorFlow.

What they compute is what NVIDIA/TensorRT has in plugin/{gridAnchorPlugin,flattenConcat,nmsPlugin,batchedNMSPlugin} and
plugin/common/kernels (decodeBBoxes, sortScoresPerClass, allClassNMS, sortScoresPerImage, gatherTopDetections), in
float32. ``rules/plugin_meanings.toml`` says what the sources leave open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphdoctor.formats.uff.raise_fields import PluginFields
from graphdoctor.formats.uff.raise_layout import channels_first, flattened
from graphdoctor.formats.uff.raising import Raiser, fail
from graphdoctor.ir import Value
from graphdoctor.match.detection.grid import FIRST, cell_sizes, grid_boxes
from graphdoctor.types import DType, element_count
from graphdoctor.wire.uff import UffNode

CORNER, CENTER_SIZE, CORNER_SIZE, TF_CENTER = range(4)
"""Values of ``codeType``."""
_BOX = 4
_SORTED = 4096
"""Candidates of a class that the suppressing kernel has room for."""
_MOST_CLASSES = 1 << 16
_MOST_NUMBERS = 1 << 31
"""Numbers of an image that can be counted in 32 bits."""
_MOST_ANCHORS = 1 << 22
"""Prior boxes that a file may ask for: a few bytes must not take any amount of memory."""


def grid_anchor(to: Raiser, node: UffNode) -> Sequence[Value]:
    """Prior boxes and variances of each map, [1, 2, boxes * 4, 1]."""
    of = PluginFields(to, node)
    layers, each = of.whole("numLayers", 6), 2 if node.op.startswith("_GridAnchorRect") else 1
    sides = [int(s) for s in of.numbers("featureMapShapes")]
    low, high = of.number("minSize", 0.2), of.number("maxSize", 0.95)
    ratios, variance = of.numbers("aspectRatios"), of.numbers("variance")
    if low <= 0 or high <= 0:
        fail(f"its minSize is {low:g} and its maxSize {high:g}")
    if layers < 2 or len(sides) != layers * each:
        fail(f"its numLayers is {layers}, and featureMapShapes has {len(sides)} numbers")
    if len(ratios) < FIRST or min(ratios) <= 0 or len(variance) != _BOX:
        fail(f"it has {len(ratios)} aspectRatios and {len(variance)} variances, or a ratio that is not positive")
    maps = list(zip(sides[::each], sides[each - 1 :: each], strict=True))
    if any(h != w for h, w in maps):
        fail("a map is not square, for which releases up to 8.5 and those behind them place anchors differently")
    if min(sides) < 1 or sum(s * s for s in sides) * (len(ratios) + 1) > _MOST_ANCHORS:
        fail(f"its featureMapShapes are {sides}")
    made = []
    for layer, (height, width) in enumerate(maps):
        boxes = grid_boxes(cell_sizes(low, high, ratios, layer, layers), height, width)[:, [1, 0, 3, 2]]
        made.append(of.const(f"layer{layer}", of.priors(boxes, variance)))
    return made


def flatten_concat(to: Raiser, node: UffNode) -> Value:
    """Each input as the engine holds it in one row, the rows joined: [N, sum, 1, 1]."""
    of = PluginFields(to, node)
    of.only("axis", 1, "what comes of another axis the plugin's README does not say", default=1)
    of.only("ignoreBatch", 0, "the plugin's README allows 0 alone", default=0)
    layouts = [to.layouts.get(name, "") for name in node.inputs]
    rows = [flattened(to, node, to.input(node, k), layout, f"flat{k}") for k, layout in enumerate(layouts)]
    joined = of.op("joined", "ConcatV2", *rows, of.const("axis", np.int32(1)))
    last = of.const("last", np.int32(-1))
    return of.op("", "ExpandDims", of.op("column", "ExpandDims", joined, last), last)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a suppression keeps of each image: boxes [N, k, 4], scores, labels and whether a row is one [N, k]."""

    boxes: Value
    scores: Value
    labels: Value
    count: Value


def nms(to: Raiser, node: UffNode) -> Sequence[Value]:
    """Boxes decoded and suppressed class by class: rows [N, 1, keepTopK, 7], and how many are boxes [N, 1, 1, 1].

    A row is image, class, score and the sides of a box. The count is an integer; the plugin calls its bytes a float.
    """
    of = PluginFields(to, node)
    of.only("isNormalized", 1, "how it measures boxes in pixels that do not overlap is the kernel's own")
    order = [int(k) for k in of.numbers("inputOrder", (0.0, 2.0, 1.0))]
    if sorted(order) != [0, 1, 2] or len(node.inputs) != len(order):
        fail(f"it has {len(node.inputs)} inputs, and its inputOrder is {order}")
    loc, conf, priors = (_given(to, node, k) for k in order)
    classes, kinds = _classes(of)
    count = _count(to, priors, 2 * _BOX, "prior boxes")
    if (_size(to, loc), _size(to, conf)) != (count * kinds * _BOX, count * classes):
        fail(f"it has {count} prior boxes and {classes} classes, and other numbers of locations or scores")
    boxes = _decoded(of, of.reshaped("locations", loc, -1, count, kinds, _BOX), _first(of, priors), count)
    scores = of.reshaped("logits", conf, -1, count, classes)
    scores = of.op("sigmoid", "Sigmoid", scores) if of.whole("confSigmoid") else scores
    threshold = of.number("confidenceThreshold")
    kept = _suppressed(of, boxes, scores, (count, classes), (threshold, of.number("nmsThreshold")), clip=True)
    return [_rows(of, kept), of.reshaped("_1", kept.count, -1, 1, 1, 1)]


def batched_nms(to: Raiser, node: UffNode) -> Sequence[Value]:
    """Boxes suppressed class by class: how many [N, 1], boxes [N, k, 4], scores [N, k], classes [N, k]."""
    of = PluginFields(to, node)
    of.only("isNormalized", 1, "how it measures boxes in pixels that do not overlap is the kernel's own", default=1)
    boxes, scores = _given(to, node, 0), _given(to, node, 1)
    classes, kinds = _classes(of)
    count = _count(to, boxes, kinds * _BOX, "boxes")
    if _size(to, scores) != count * classes:
        fail(f"it has {count} boxes and {classes} classes, and another number of scores")
    boxes = of.reshaped("boxes", boxes, -1, count, kinds, _BOX)
    scores = of.reshaped("scores", scores, -1, count, classes)
    limits = (of.number("scoreThreshold"), of.number("iouThreshold"))
    kept = _suppressed(of, boxes, scores, (count, classes), limits, clip=bool(of.whole("clipBoxes", 1)))
    others = [of.op(f"_{k + 1}", "Identity", v) for k, v in enumerate((kept.boxes, kept.scores, kept.labels))]
    return [of.reshaped("", kept.count, -1, 1), *others]


# ---- what they read ---------------------------------------------------------------------------------------------


def _given(to: Raiser, node: UffNode, index: int) -> Value:
    """Input ``index`` as the engine holds it."""
    value = to.input(node, index)
    return channels_first(to, node, value, to.layouts.get(node.inputs[index], ""), f"input{index}")


def _classes(of: PluginFields) -> tuple[int, int]:
    """The number of classes, and of the boxes of one place."""
    classes = of.whole("numClasses")
    if not 0 < classes <= _MOST_CLASSES:
        fail(f"its numClasses is {classes}")
    return classes, 1 if of.whole("shareLocation") else classes


def _size(to: Raiser, value: Value) -> int | None:
    """How many numbers an image has of ``value``."""
    shape = to.shape(value)
    return None if shape is None else element_count(shape[1:])


def _count(to: Raiser, value: Value, each: int, what: str) -> int:
    size = _size(to, value)
    if size is None:
        fail(f"how many {what} it reads is not known; give the sizes of the input with --input")
    if not 0 < size < _MOST_NUMBERS or size % each:
        fail(f"it reads {size} numbers, and {what} of {each} each do not make that")
    return size // each


def _first(of: PluginFields, priors: Value) -> Value:
    """The prior boxes of the first image, [1, ...], which stand for those of all."""
    of.only("isBatchAgnostic", 1, "each image would have prior boxes of its own", default=1)
    shape = of.to.shape(priors)
    if shape is not None and shape[0] == 1:
        return priors
    bounds = [of.const(f"first/{name}", [k]) for k, name in ((0, "begin"), (1, "end"), (1, "strides"))]
    return of.op("first", "StridedSlice", priors, *bounds)


# ---- decoding ---------------------------------------------------------------------------------------------------


def _decoded(of: PluginFields, loc: Value, priors: Value, count: int) -> Value:
    """Boxes [N, count, kinds, 4], xmin ymin xmax ymax, of locations of that shape and prior boxes [1, 2, count * 4]."""
    code, is_encoded = of.whole("codeType", TF_CENTER), bool(of.whole("varianceEncodedInTarget"))
    boxes, variances = of.columns("priors", of.reshaped("grid", priors, -1, 2, count, 1, _BOX), 2, 1)
    if code not in (CORNER, CENTER_SIZE, CORNER_SIZE, TF_CENTER):
        fail(f"its codeType is {code}")
    if code in (CORNER, CORNER_SIZE):
        moved = loc if is_encoded else of.op("moved", "Mul", loc, variances)
        if code == CORNER_SIZE:
            moved = of.op("scaled", "Mul", moved, of.op("sizes", "Pack", *_sizes(of, boxes) * 2, axis=-1))
        return of.op("decoded", "Add", boxes, moved)
    turned = of.columns("encoded", loc, _BOX, 3)
    if code == TF_CENTER:  # y x h w; the plugin applies the variances in the order x y w h, whatever is encoded
        turned = [turned[k] for k in (1, 0, 3, 2)]
    if code == TF_CENTER or not is_encoded:
        factors = of.columns("variances", variances, _BOX, 3)
        turned = [of.op(f"scaled{k}", "Mul", v, f) for k, (v, f) in enumerate(zip(turned, factors, strict=True))]
    return _around(of, turned, boxes)


def _sizes(of: PluginFields, boxes: Value) -> list[Value]:
    """Width and height of prior boxes."""
    xmin, ymin, xmax, ymax = of.columns("sides", boxes, _BOX, 3)
    return [of.op("wide", "Sub", xmax, xmin), of.op("high", "Sub", ymax, ymin)]


def _around(of: PluginFields, encoded: Sequence[Value], boxes: Value) -> Value:
    """Boxes whose centre is moved by parts of the prior box, and whose size is its size by an exponential."""
    sides = of.columns("corners", boxes, _BOX, 3)
    half, low, high = of.const("half", np.float32(0.5)), [], []
    for k, axis in enumerate("xy"):
        size = of.op(f"{axis}/size", "Sub", sides[k + 2], sides[k])
        middle = of.op(f"{axis}/middle", "Mul", of.op(f"{axis}/sum", "Add", sides[k], sides[k + 2]), half)
        centre = of.op(f"{axis}/centre", "Add", of.op(f"{axis}/moved", "Mul", encoded[k], size), middle)
        grown = of.op(f"{axis}/grown", "Mul", of.op(f"{axis}/exp", "Exp", encoded[k + 2]), size)
        reach = of.op(f"{axis}/reach", "Mul", grown, half)
        low.append(of.op(f"{axis}/low", "Sub", centre, reach))
        high.append(of.op(f"{axis}/high", "Add", centre, reach))
    return of.op("decoded", "Pack", *low, *high, axis=-1)


# ---- suppression ------------------------------------------------------------------------------------------------


def _suppressed(
    of: PluginFields, boxes: Value, scores: Value, sizes: tuple[int, int], limits: tuple[float, float], *, clip: bool
) -> _Kept:
    """The best keepTopK of what is left of the topK candidates of each class.

    Args:
        of: the plugin node.
        boxes: [N, count, kinds, 4].
        scores: [N, count, classes].
        sizes: count and classes.
        limits: what a score and what an overlap have to be above.
        clip: boxes are clipped to 0..1, once they are chosen.
    """
    top, keep = _numbers_kept(of, sizes[0], limits)
    scores = _without_background(of, scores, sizes[1])
    if top < sizes[0]:
        boxes, scores = _candidates(of, boxes, scores, top, sizes[1])
    given = [of.const(name, np.int32(v)) for name, v in (("most", top), ("kept", keep))]
    given += [of.const(name, np.float32(v)) for name, v in (("overlap", limits[1]), ("threshold", limits[0]))]
    found = of.op("suppressed", "CombinedNonMaxSuppression", boxes, scores, *given, clip_boxes=clip).node
    numbers = of.const("numbers", np.arange(keep, dtype=np.int32)[None])
    is_box = of.op("is_box", "Less", numbers, of.op("count", "ExpandDims", found.out(3), of.const("1", np.int32(1))))
    off = of.op("off", "Sub", of.op("one", "Cast", is_box, DstT=DType.FLOAT), of.const("unit", np.float32(1)))
    return _Kept(found.out(0), found.out(1), of.op("labels", "Add", found.out(2), off), found.out(3))


def _numbers_kept(of: PluginFields, count: int, limits: tuple[float, float]) -> tuple[int, int]:
    """topK and keepTopK, where the kernels do what is said of them."""
    top, keep = of.whole("topK"), of.whole("keepTopK")
    if not 0 < top <= min(count, _SORTED):
        fail(
            f"its topK is {top}, of {count} boxes: beyond them, or beyond {_SORTED}, the plugin reads what is not a "
            "candidate of the class"
        )
    if not 0 < keep <= top:
        fail(f"its keepTopK is {keep} and its topK {top}: the plugin then writes nothing")
    if limits[0] < 0 or not 0 <= limits[1] <= 1:
        fail(f"its thresholds are {limits[0]:g} for scores, below 0, or {limits[1]:g} for overlaps, not in 0..1")
    of.number("scoreBits", 16)  # of scores in float16 alone
    return top, keep


def _without_background(of: PluginFields, scores: Value, classes: int) -> Value:
    """``scores`` with none for the background."""
    label = of.whole("backgroundLabelId")
    if not 0 <= label < classes:
        return scores
    weights = np.ones(classes, np.float32)
    weights[label] = 0
    return of.op("objects", "Mul", scores, of.const("is_object", weights))


def _candidates(of: PluginFields, boxes: Value, scores: Value, top: int, classes: int) -> tuple[Value, Value]:
    """Boxes [N, top, classes, 4] and scores [N, top, classes]: for each class those with the best scores."""
    by_class = of.op("by_class", "Transpose", scores, of.const("by_class/perm", [0, 2, 1]))
    best = of.op("best", "TopKV2", by_class, of.const("best/k", np.int32(top)), sorted=True).node
    axis, shape = of.const("best/axis", np.int32(1)), of.to.shape(boxes)
    if shape is not None and shape[2] == 1:
        shared = of.op("shared", "Squeeze", boxes, squeeze_dims=(2,))
        picked = of.op("picked", "GatherV2", shared, best.out(1), axis, batch_dims=1)
    else:
        turned = of.op("turned", "Transpose", boxes, of.const("turned/perm", [0, 2, 1, 3]))
        axis = of.const("picked/axis", np.int32(2))
        picked = of.op("picked", "GatherV2", turned, best.out(1), axis, batch_dims=2)
    back = of.op("candidates", "Transpose", picked, of.const("candidates/perm", [0, 2, 1, 3]))
    return back, of.op("best_scores", "Transpose", best.out(), of.const("best_scores/perm", [0, 2, 1]))


def _rows(of: PluginFields, kept: _Kept) -> Value:
    """Rows of image, class, score, xmin, ymin, xmax, ymax."""
    last = of.const("rows/last", np.int32(-1))
    shape = of.op("rows/shape", "Shape", kept.count, out_type=DType.INT32)
    images = of.op("rows/images", "Reshape", shape, of.const("rows/scalar", np.zeros(0, np.int32)))
    bounds = [of.const(f"rows/{name}", np.int32(k)) for name, k in (("start", 0), ("delta", 1))]
    number = of.op("rows/numbers", "Range", bounds[0], images, bounds[1])
    number = of.op("rows/image", "Cast", of.op("rows/of", "ExpandDims", number, last), DstT=DType.FLOAT)
    image = of.op("rows/each", "Add", number, of.op("rows/zeros", "ZerosLike", kept.scores))
    heads = of.op("rows/heads", "Pack", image, kept.labels, kept.scores, axis=-1)
    rows = of.op("rows", "ConcatV2", heads, kept.boxes, of.const("rows/axis", np.int32(2)))
    return of.op("", "ExpandDims", rows, of.const("rows/one", np.int32(1)))
