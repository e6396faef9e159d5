"""Ops of TensorFlow that numpy has no one call for. What a host part needs of them is copied into its file.

Each function stands alone: it uses numpy and the functions of this module that `NEEDS` lists, nothing else. All of them
compute in the dtype of their input and in TensorFlow's order, so that the last bit agrees where numpy's functions do.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphdoctor.types import Array


def constant(dtype: str, shape: tuple[int, ...], text: str) -> Array:
    """The array in ``shape`` whose bytes were packed into ``text``."""
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype).reshape(shape)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-x)), x.dtype)


def softmax(x: Array) -> Array:
    """exp(x) along the last axis, divided by its sum."""
    raised = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return np.asarray(raised / np.sum(raised, axis=-1, keepdims=True), x.dtype)


def select(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition holds, else y; a vector of conditions chooses rows."""
    wide = np.reshape(condition, np.shape(condition) + (1,) * (np.ndim(x) - np.ndim(condition)))
    return np.where(wide, x, y)


def slice_of(x: Array, begin: Array, size: Array) -> Array:
    """The part of x that starts at begin; a size of -1 is all that is left."""
    return x[tuple(slice(int(b), None if s < 0 else int(b) + int(s)) for b, s in zip(begin, size, strict=True))]


def strided_slice(x: Array, bounds: Sequence[Array], masks: tuple[int, int, int, int, int]) -> Array:
    """x[begin:end:stride, ...]; bit i of the masks opens the begin or end of place i, or makes it ..., a new axis, or
    one element.
    """
    begin_mask, end_mask, ellipsis, new_axis, shrink = masks
    places: list[Any] = []
    for i, (begin, end, stride) in enumerate(zip(*bounds, strict=True)):
        if ellipsis >> i & 1:
            places.append(Ellipsis)
        elif new_axis >> i & 1:
            places.append(np.newaxis)
        elif shrink >> i & 1:
            places.append(int(begin))
        else:
            first = None if begin_mask >> i & 1 else int(begin)
            last = None if end_mask >> i & 1 else int(end)
            places.append(slice(first, last, int(stride)))
    return np.asarray(x[tuple(places)])


def float_range(start: float, limit: float, delta: float, dtype: Any) -> Array:
    """start, start + delta, ... up to, without, limit."""
    first, last, step = (np.asarray(v, dtype) for v in (start, limit, delta))
    steps = np.arange(int(np.ceil(np.abs((last - first) / step)))).astype(dtype)
    return np.asarray(first + steps * step, dtype)


def one_hot(indices: Array, depth: int, on: Any, off: Any, axis: int) -> Array:
    """on where a new axis of length depth equals the index, else off."""
    at = axis if axis >= 0 else np.ndim(indices)
    steps = np.arange(int(depth)).reshape(-1, *(1,) * (np.ndim(indices) - at))
    return np.asarray(np.where(np.expand_dims(indices, at) == steps, on, off))


def top_k(x: Array, k: int) -> tuple[Array, Array]:
    """The k largest elements along the last axis, the first of equal ones first, and where they stood."""
    backwards = np.argsort(x[..., ::-1], axis=-1, kind="stable")
    where = (x.shape[-1] - 1 - backwards)[..., ::-1][..., : int(k)]
    return np.take_along_axis(x, where, axis=-1), where.astype(np.int32)


def array_write(array: list[Any], index: int, value: Array) -> list[Any]:
    """The array of tensors with value at index; it grows where it has to."""
    array.extend([None] * (int(index) + 1 - len(array)))
    array[int(index)] = value
    return array


def array_scatter(array: list[Any], indices: Array, values: Array) -> list[Any]:
    """The array of tensors with row k of values at place indices[k]."""
    for index, value in zip(indices, values, strict=True):
        array.extend([None] * (int(index) + 1 - len(array)))
        array[int(index)] = value
    return array


def array_gather(array: list[Any], indices: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """The tensors at the indices, stacked; without any, no rows of the shape."""
    rows = [array[int(i)] for i in indices]
    return np.stack(rows) if rows else np.zeros((0, *shape), dtype)


def resize_steps(old: int, new: int, align_corners: bool, half_pixel_centers: bool) -> tuple[Array, Array, Array]:
    """For each of new places on an axis of old ones: the place before it, the one behind it, how far between."""
    corners = align_corners and new > 1
    scale = np.float32(old - corners) / np.float32(new - corners)
    places = np.arange(new, dtype=np.float32)
    at = (places + np.float32(0.5)) * scale - np.float32(0.5) if half_pixel_centers else places * scale
    floor = np.floor(at)
    before = np.maximum(floor.astype(np.int64), 0)
    behind = np.minimum(np.ceil(at).astype(np.int64), old - 1)
    return before, behind, (at - floor).astype(np.float32)


def resize_bilinear(x: Array, size: Sequence[int], align_corners: bool, half_pixel_centers: bool) -> Array:
    """Pictures [n, h, w, c] in another size: first between left and right, then between top and bottom."""
    picture = x.astype(np.float32)
    top, bottom, down = resize_steps(x.shape[1], int(size[0]), align_corners, half_pixel_centers)
    left, right, across = resize_steps(x.shape[2], int(size[1]), align_corners, half_pixel_centers)
    upper, lower = picture[:, top], picture[:, bottom]
    across = across[:, np.newaxis]
    above = upper[:, :, left] + (upper[:, :, right] - upper[:, :, left]) * across
    below = lower[:, :, left] + (lower[:, :, right] - lower[:, :, left]) * across
    return np.asarray(above + (below - above) * down[:, np.newaxis, np.newaxis], np.float32)


def crop_and_resize(
    image: Array,
    boxes: Array,
    which: Array,
    size: Sequence[int],
    nearest: bool,
    outside: float,
) -> Array:
    """The part of image which[k] in boxes[k] (y1, x1, y2, x2 as parts of the whole), resized; outside of it a value."""
    rows, columns = int(size[0]), int(size[1])
    found = np.full((len(boxes), rows, columns, image.shape[3]), outside, np.float32)
    for k, (box, at) in enumerate(zip(boxes, which, strict=True)):
        y = crop_steps(box[0], box[2], image.shape[1], rows)
        x = crop_steps(box[1], box[3], image.shape[2], columns)
        seen_y, seen_x = ((s >= 0) & (s <= n - 1) for s, n in ((y, image.shape[1]), (x, image.shape[2])))
        if not seen_y.any() or not seen_x.any():
            continue
        part = pick_nearest if nearest else pick_bilinear
        found[k][np.ix_(seen_y, seen_x)] = part(image[int(at)].astype(np.float32), y[seen_y], x[seen_x])
    return found


def crop_steps(first: Any, last: Any, length: int, count: int) -> Array:
    """count places from first to last on an axis of length."""
    whole = np.float32(length - 1)
    if count == 1:
        return np.asarray([np.float32(0.5) * (first + last) * whole], np.float32)
    step = (last - first) * whole / np.float32(count - 1)
    return np.asarray(first * whole + np.arange(count, dtype=np.float32) * step, np.float32)


def pick_nearest(image: Array, y: Array, x: Array) -> Array:
    """The elements next to the places; half is rounded away from zero."""
    near = [np.floor(places + np.float32(0.5)).astype(np.int64) for places in (y, x)]
    return image[np.ix_(*near)]


def pick_bilinear(image: Array, y: Array, x: Array) -> Array:
    """Between the four elements around each place."""
    (top, bottom), (left, right) = (
        (np.floor(places).astype(np.int64), np.ceil(places).astype(np.int64)) for places in (y, x)
    )
    down, across = (y - top).astype(np.float32)[:, None, None], (x - left).astype(np.float32)[:, None]
    upper, lower = image[top], image[bottom]
    above = upper[:, left] + (upper[:, right] - upper[:, left]) * across
    below = lower[:, left] + (lower[:, right] - lower[:, left]) * across
    return np.asarray(above + (below - above) * down, np.float32)


def overlap(box: Array, boxes: Array) -> Array:
    """Intersection over union of one box with each of boxes [n, 4]; corners may come in any order."""
    first = np.minimum(box[:2], box[2:]), np.minimum(boxes[:, :2], boxes[:, 2:])
    last = np.maximum(box[:2], box[2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    areas = [np.prod(b - a, axis=-1) for a, b in zip(first, last, strict=True)]
    shared = np.maximum(np.minimum(last[0], last[1]) - np.maximum(first[0], first[1]), 0)
    common = shared[:, 0] * shared[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = common / (areas[0] + areas[1] - common)
    return np.where((areas[0] <= 0) | (areas[1] <= 0), 0, part).astype(boxes.dtype)


def non_max_suppression(
    boxes: Array,
    scores: Array,
    most: int,
    iou_threshold: float,
    score_threshold: float = float(np.finfo(np.float32).min),
) -> Array:
    """Which of boxes [n, 4] are left, best first, when one that overlaps a better one by more than the threshold goes.

    Of equal scores, the first comes first; a score must be above score_threshold, of which TensorFlow's is the lowest
    float32 where none is given.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > score_threshold]
    chosen: list[int] = []
    while order.size and len(chosen) < int(most):
        best, order = order[0], order[1:]
        chosen.append(int(best))
        order = order[~(overlap(boxes[best], boxes[order]) > iou_threshold)]
    return np.asarray(chosen, np.int32)


def with_scores(chosen: Array, scores: Array) -> tuple[Array, Array, Any]:
    """The chosen boxes, their scores, and how many they are."""
    return chosen, scores[chosen], np.int32(len(chosen))


def with_count(chosen: Array, scores: Array) -> tuple[Array, Any]:
    """The chosen boxes, and how many they are."""
    return chosen, np.int32(len(chosen))


def decode_boxes(encodings: Array, anchors: Array, scales: tuple[float, float, float, float]) -> Array:
    """Boxes [n, a, 4] (ymin, xmin, ymax, xmax) of encodings [n, a, 4] (y, x, height, width) and anchors [a, 4]."""
    ymin, xmin, ymax, xmax = np.moveaxis(anchors, -1, 0)
    height, width = ymax - ymin, xmax - xmin
    y, x, h, w = np.moveaxis(encodings / np.asarray(scales, encodings.dtype), -1, 0)
    y, x = y * height + (ymin + height / 2), x * width + (xmin + width / 2)
    h, w = np.exp(h) * height, np.exp(w) * width
    return np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], axis=-1)


def clip_boxes(boxes: Array, scores: Array) -> tuple[Array, Array, Array]:
    """Boxes clipped to the image, their scores, and which they were; boxes without area go."""
    clipped = np.clip(boxes, np.float32(0), np.float32(1))
    left = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1]) > 0
    return clipped[left], scores[left], left


def detect(
    boxes: Array,
    scores: Array,
    per_class: int,
    total: int,
    iou_threshold: float,
    score_threshold: float,
    clip: str,
) -> tuple[Array, Array, Array, Any]:
    """The best boxes of one image: overlapping ones of a class are dropped, the best of all classes kept.

    Args:
        boxes: [a, 4].
        scores: [a, classes].
        per_class: boxes kept of a class, at most.
        total: rows of the result.
        iou_threshold: a box that overlaps a better one of its class by more is dropped.
        score_threshold: a box with this score or less is not looked at.
        clip: whether boxes are clipped to the image "before" the suppression, "after" it, or "never".

    Returns:
        Boxes [total, 4], scores [total], classes [total] from 0 on, and how many rows mean something; the rest is 0.
    """
    found: list[tuple[Array, Array, Array]] = []
    for number in range(scores.shape[1]):
        own, values = boxes, scores[:, number]
        if clip == "before":
            own, values, _ = clip_boxes(own[values > score_threshold], values[values > score_threshold])
        kept = non_max_suppression(own, values, per_class, iou_threshold, score_threshold)
        found.append((own[kept], values[kept], np.full(len(kept), number, np.float32)))
    best, values, classes = (np.concatenate(column) for column in zip(*found, strict=True))
    if clip == "after":
        best, values, left = clip_boxes(best, values)
        classes = classes[left]
    order = np.argsort(-values, kind="stable")[:total]
    rows = [np.pad(x[order], [(0, total - len(order))] + [(0, 0)] * (x.ndim - 1)) for x in (best, values, classes)]
    return rows[0], rows[1], rows[2], np.float32(len(order))


def combined_non_max_suppression(
    boxes: Array,
    scores: Array,
    per_class: int,
    total: int,
    iou_threshold: float,
    score_threshold: float,
    clip: bool,
) -> tuple[Array, Array, Array, Array]:
    """The best boxes of each image over all classes.

    Args:
        boxes: [n, a, kinds, 4]; one kind stands for every class.
        scores: [n, a, classes].
        per_class: boxes kept of a class, at most.
        total: rows of the result.
        iou_threshold: a box that overlaps a better one of its class by more is dropped.
        score_threshold: a box with this score or less is not looked at.
        clip: whether boxes are clipped to 0..1, once they are chosen.

    Returns:
        Boxes [n, total, 4], scores [n, total], classes [n, total] from 0 on, and how many rows of each image mean
        something; the others are 0.
    """
    made = np.zeros((len(boxes), int(total), 4), np.float32)
    values, classes = np.zeros(made.shape[:2], np.float32), np.zeros(made.shape[:2], np.float32)
    count = np.zeros(len(boxes), np.int32)
    for image, (own, of) in enumerate(zip(boxes, scores, strict=True)):
        found: list[tuple[Array, Array, Array]] = []
        for number in range(of.shape[1]):
            kind = own[:, min(number, own.shape[1] - 1)]
            kept = non_max_suppression(kind, of[:, number], per_class, iou_threshold, score_threshold)
            found.append((kind[kept], of[kept, number], np.full(len(kept), number, np.float32)))
        best, points, labels = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.argsort(-points, kind="stable")[: int(total)]
        count[image] = rows = len(order)
        made[image, :rows], values[image, :rows], classes[image, :rows] = best[order], points[order], labels[order]
    return np.clip(made, 0, 1) if clip else made, values, classes, count


STEPS: tuple[Any, ...] = ()
"""In a host part: function or number of the engine, what it takes and gives by the name of the tensor."""
OUTPUTS: tuple[str, ...] = ()
"""In a host part: the tensors that the whole graph gives."""


def run(
    engine: Callable[[int, dict[str, Array]], Mapping[str, Array]], inputs: Mapping[str, Array]
) -> dict[str, Array]:
    """All of the graph.

    Args:
        engine: is given the number of an engine (0 is the first) and its inputs by name; gives its outputs by name.
        inputs: of the whole graph, by name.
    """
    known = dict(inputs)
    for step, takes, gives in STEPS:
        if isinstance(step, int):
            found = engine(step, {name: known[tensor] for name, tensor in takes.items()})
            known.update({tensor: found[name] for name, tensor in gives.items()})
        else:
            known.update(step(**{name: known[tensor] for name, tensor in takes.items()}))
    return {name: known[name] for name in OUTPUTS}


NEEDS: dict[str, tuple[str, ...]] = {
    "resize_bilinear": ("resize_steps",),
    "crop_and_resize": ("crop_steps", "pick_nearest", "pick_bilinear"),
    "non_max_suppression": ("overlap",),
    "combined_non_max_suppression": ("non_max_suppression", "overlap"),
    "detect": ("clip_boxes", "non_max_suppression", "overlap"),
}
"""Function -> the others of this module that it calls."""
