"""What NVIDIA's plugins compute, in numpy, loop by loop as the kernels do it and apart from the code under test.

Written from NVIDIA/TensorRT, plugin/{nmsPlugin,batchedNMSPlugin} and plugin/common/kernels; anchors and overlaps are
those of ``tests/surgery/detection.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphdoctor.types import Array
from tests.surgery.detection import overlap

Fields = Mapping[str, Any]
F = np.float32


def decoded(given: Fields, loc: Array, priors: Array, variance: Array) -> Array:
    """One box of the four encodings; all have four numbers."""
    code, v = given.get("codeType", 3), variance
    wide, high = priors[2] - priors[0], priors[3] - priors[1]
    if code in (0, 2):
        factor = np.ones(4, F) if given["varianceEncodedInTarget"] else v
        size = np.asarray([wide, high, wide, high], F) if code == 2 else F(1)
        return np.asarray(priors + loc * factor * size)
    x, y, w, h = loc if code == 1 else loc[[1, 0, 3, 2]]
    if code == 1 and given["varianceEncodedInTarget"]:
        v = np.ones(4, F)
    cx, cy = v[0] * x * wide + (priors[0] + priors[2]) / 2, v[1] * y * high + (priors[1] + priors[3]) / 2
    bw, bh = np.exp(v[2] * w) * wide, np.exp(v[3] * h) * high
    return np.asarray([cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2], F)


def nms(given: Fields, loc: Array, conf: Array, priors: Array) -> tuple[Array, Array]:
    """NMS_TRT of a batch: rows [N, 1, keepTopK, 7] and how many are boxes [N, 1, 1, 1]; priors [2, A, 4]."""
    classes, count = given["numClasses"], priors.shape[1]
    kinds = 1 if given["shareLocation"] else classes
    loc, scores = loc.reshape(-1, count, kinds, 4), conf.reshape(-1, count, classes)
    scores = 1 / (1 + np.exp(-scores)) if given["confSigmoid"] else scores
    boxes = np.empty(loc.shape, F)
    for image, box, kind in np.ndindex(*loc.shape[:3]):
        boxes[image, box, kind] = decoded(given, loc[image, box, kind], priors[0, box], priors[1, box])
    limits = (given["confidenceThreshold"], given["nmsThreshold"])
    rows, counts = [], []
    for image in range(len(loc)):
        found = kept(given, boxes[image], scores[image], limits)
        made = [[image, c, s, *np.clip(b, 0, 1)] for s, c, b in found]
        rows.append(made + [[image, -1, 0, 0, 0, 0, 0]] * (given["keepTopK"] - len(made)))
        counts.append(len(made))
    return np.asarray(rows, F)[:, None], np.asarray(counts).reshape(-1, 1, 1, 1)


def batched_nms(given: Fields, boxes: Array, scores: Array) -> tuple[Array, ...]:
    """BatchedNMS_TRT: how many [N, 1], boxes [N, k, 4], scores [N, k], classes [N, k]."""
    counts, *outputs = [], [], [], []
    for image in range(len(boxes)):
        found = kept(given, boxes[image], scores[image], (given["scoreThreshold"], given["iouThreshold"]))
        found = [(s, c, np.clip(b, 0, 1) if given.get("clipBoxes", 1) else b) for s, c, b in found]
        counts.append([len(found)])
        found += [(0.0, -1, np.zeros(4, F))] * (given["keepTopK"] - len(found))
        for output, column in zip(outputs, (2, 0, 1), strict=True):
            output.append([one[column] for one in found])
    return (np.asarray(counts), *(np.asarray(o, F) for o in outputs))


def kept(given: Fields, boxes: Array, scores: Array, limits: tuple[float, float]) -> list[tuple[float, int, Array]]:
    """Score, class and box [A, kinds, 4] of what an image keeps, the best first."""
    found: list[tuple[float, int, Array]] = []
    for label in range(given["numClasses"]):
        if label == given["backgroundLabelId"]:
            continue
        mine = boxes[:, 0 if given["shareLocation"] else label]
        order = [int(i) for i in np.argsort(-scores[:, label], kind="stable") if scores[i, label] > F(limits[0])]
        left = order[: given["topK"]]
        while left:
            best, *rest = left
            found.append((float(scores[best, label]), label, mine[best]))
            left = [i for i in rest if not overlap(_ordered(mine[best]), _ordered(mine[i])[None])[0] > F(limits[1])]
    found.sort(key=lambda k: -k[0])
    return found[: given["keepTopK"]]


def _ordered(box: Array) -> Array:
    """Any two opposite corners as the lower and the upper one."""
    return np.concatenate([np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])])


# ---- other layers -----------------------------------------------------------------------------------------------


def reorg(image: Array, stride: int) -> Array:
    """Reorg_TRT of [N, C, H, W], index by index as the kernel goes."""
    count, channels, height, width = image.shape
    inner, flat = channels // stride**2, image.reshape(count, -1)
    made = np.empty_like(flat)
    for n, at in np.ndindex(*flat.shape):
        w, h, c = at % width, at // width % height, at // width // height
        part, source = c // inner, c % inner
        y, x = h * stride + part // stride, w * stride + part % stride
        made[n, at] = flat[n, x + width * stride * (y + height * stride * source)]
    return made.reshape(count, channels * stride**2, height // stride, width // stride)


def normalize(given: Fields, image: Array) -> Array:
    """Normalize_TRT of [N, C, H, W]."""
    axes = (1, 2, 3) if given["acrossSpatial"] else (1,)
    length = np.sqrt((image * image).sum(axis=axes, keepdims=True) + F(given["eps"]))
    return np.asarray(image / length * np.asarray(given["weights"], F).reshape(-1, 1, 1))


def prior_box(given: Fields, places: tuple[int, int], image: tuple[int, int]) -> Array:
    """PriorBox_TRT for a map and an image, heights first: [boxes, 4] xmin ymin xmax ymax."""
    high, wide = (given["imgH"], given["imgW"]) if given["imgH"] and given["imgW"] else image
    steps = (given["stepH"], given["stepW"])
    step_y, step_x = steps if all(steps) else (high / places[0], wide / places[1])
    ratios = [1.0]
    for ratio in given["aspectRatios"]:
        if not any(abs(ratio - known) < 1e-6 for known in ratios):
            ratios += [ratio, 1 / ratio] if given["flip"] else [ratio]
    boxes = []
    for y in range(places[0]):
        for x in range(places[1]):
            cx, cy = (x + given["offset"]) * step_x, (y + given["offset"]) * step_y
            for k, low in enumerate(given["minSize"]):
                sizes = [(low, low)]
                if given["maxSize"]:
                    sizes.append(((low * given["maxSize"][k]) ** 0.5,) * 2)
                sizes += [(low * r**0.5, low / r**0.5) for r in ratios[1:]]
                for w, h in sizes:
                    box = [(cx - w / 2) / wide, (cy - h / 2) / high, (cx + w / 2) / wide, (cy + h / 2) / high]
                    boxes.append(np.clip(box, 0, 1) if given["clip"] else box)
    return np.asarray(boxes)
