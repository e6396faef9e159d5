"""What is done to the predictions, found out by computing it: anchors, variances, score converter.

How decoding is written differs from release to release. So it is not compared with a pattern but run, in numpy, on
encodings made for the purpose, and what comes out is held against the formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphdoctor.ir import Value
from graphdoctor.match.context import SpecTable
from graphdoctor.match.detection.evaluate import CannotEvaluateError, evaluate
from graphdoctor.match.detection.head import ScoreConverter
from graphdoctor.match.detection.missing import missing
from graphdoctor.types import Array

Variance = tuple[float, float, float, float]
TOLERANCE = 1e-5
"""Largest difference of a coordinate, as part of the image, and of a score: far above rounding in float32."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """Anchors [A, 4] (ymin xmin ymax xmax) and what encodings are multiplied by."""

    anchors: Array
    variance: Variance


def decoding(encodings: Value, decoded: Value, specs: SpecTable) -> Decoding:
    """How ``decoded`` comes of ``encodings``.

    Raises:
        MissingError: it cannot be computed, or it is not the decoding of boxes by centre and size.
    """
    shape = specs.of(encodings).shape
    if shape is None or None in shape[1:]:
        missing("the number of anchors is not known", encodings.node)
    dims = (1, *(d for d in shape[1:] if d is not None))

    def decode(codes: Array) -> Array:
        return _run(encodings, codes.astype(np.float32).reshape(dims), decoded, specs, "the decoding of boxes")

    with np.errstate(all="ignore"):  # what is no number is no decoding either, and is said below
        return _measured(decode, dims, decoded)


def _measured(decode: Callable[[Array], Array], dims: tuple[int, ...], decoded: Value) -> Decoding:
    """Anchors and variances, and that the formula with them gives what the graph does."""
    anchors = decode(np.zeros((int(np.prod(dims)) // 4, 4)))
    if anchors.shape != (1, len(anchors[0]), 1, 4):
        missing(f"boxes are decoded to {list(anchors.shape)}, one for each class; one for all is needed", decoded.node)
    anchors = anchors.reshape(-1, 4)
    variance = _variance(anchors, decode)
    codes = np.random.default_rng(0).uniform(-2, 2, anchors.shape)
    worst = float(np.abs(decode(codes).reshape(-1, 4) - decoded_boxes(codes, anchors, variance)).max())
    if not worst <= TOLERANCE * 10:
        missing(f"boxes are not decoded by centre and size: off by {worst:.3g}", decoded.node)
    return Decoding(anchors, variance)


def decoded_boxes(codes: Array, anchors: Array, variance: Variance) -> Array:
    """Boxes [A, 4] by centre and size of ``codes`` [A, 4] (y x height width) on ``anchors`` [A, 4]."""
    ymin, xmin, ymax, xmax = anchors.astype(np.float64).T
    high, wide = ymax - ymin, xmax - xmin
    y, x, h, w = (codes * np.asarray(variance)).T
    centre_y, centre_x = (ymin + ymax) / 2 + y * high, (xmin + xmax) / 2 + x * wide
    half_h, half_w = np.exp(h) * high / 2, np.exp(w) * wide / 2
    return np.stack([centre_y - half_h, centre_x - half_w, centre_y + half_h, centre_x + half_w], axis=1)


def _variance(anchors: Array, decode: Callable[[Array], Array]) -> Variance:
    """Measured on the largest anchor, where rounding matters least."""
    size = anchors[:, 2:] - anchors[:, :2]
    at = int(np.argmax(size.min(axis=1)))
    found = []
    for k in range(4):
        codes = np.zeros((len(anchors), 4))
        codes[at, k] = 1.0
        ymin, xmin, ymax, xmax = decode(codes).reshape(-1, 4)[at].astype(np.float64)
        moved = ((ymin + ymax) / 2, (xmin + xmax) / 2, ymax - ymin, xmax - xmin)[k]
        extent = float(size[at, k % 2])
        centre = float(anchors[at, k % 2] + anchors[at, k % 2 + 2]) / 2
        found.append((moved - centre) / extent if k < 2 else np.log(moved / extent))
    return tuple(float(f"{v:.5g}") for v in found)  # type: ignore[return-value]  # four of them


def converter_of(logits: Value, scored: Value, specs: SpecTable) -> tuple[ScoreConverter, bool]:
    """What makes ``scored`` of ``logits``, and whether the first class, the background, is dropped.

    Raises:
        MissingError: it cannot be computed, or is none of sigmoid, softmax and nothing.
    """
    shape = specs.of(logits).shape
    if shape is None or len(shape) != 3 or None in shape[1:]:
        missing("the number of classes is not known", logits.node)
    dims = (1, *(d for d in shape[1:] if d is not None))
    given = np.random.default_rng(0).normal(0, 2, dims).astype(np.float32)
    found = _run(logits, given, scored, specs, "the conversion of scores")
    odds = np.exp(given)
    forms: dict[ScoreConverter, Array] = {
        "sigmoid": odds / (1 + odds),
        "softmax": odds / odds.sum(axis=-1, keepdims=True),
        "identity": given,
    }
    for name, form in forms.items():
        for has_background in (True, False):
            part = form[:, :, int(has_background) :]
            if part.shape == found.shape and np.abs(part - found).max() <= TOLERANCE:
                return name, has_background
    return missing("the scores are neither sigmoid nor softmax of the logits, nor these themselves", scored.node)


def _run(at: Value, given: Array, wanted: Value, specs: SpecTable, what: str) -> Array:
    try:
        return evaluate(wanted, {at: given}, specs)
    except CannotEvaluateError as e:
        return missing(f"{what} cannot be computed: {e}", e.node)
