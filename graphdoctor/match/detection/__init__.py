"""The head of a single-shot detector (SSD), found by its structure: what it predicts, its anchors, its thresholds."""

from __future__ import annotations

from graphdoctor.match.detection.evaluate import CannotEvaluateError, evaluate
from graphdoctor.match.detection.head import Detections, FeatureMap, Preprocessing, SsdHead, Suppression
from graphdoctor.match.detection.ssd import find_ssd_head

__all__ = [
    "CannotEvaluateError",
    "Detections",
    "FeatureMap",
    "Preprocessing",
    "SsdHead",
    "Suppression",
    "evaluate",
    "find_ssd_head",
]
