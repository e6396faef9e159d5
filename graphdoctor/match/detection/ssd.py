"""Finds the head of a single-shot detector by its structure. Names decide nothing.

::

    image -> convolutions -> boxes, classes of each feature map -> reshaped, joined -> encodings, logits
    encodings, anchors -> decoded;  logits -> sigmoid or softmax -> without the background = scored
    decoded, scored -> loop over the images -> NonMaxSuppression of each class -> joined, sorted, cut, padded

The search starts at the suppressions, which nothing else has, and goes back from there.
"""

from __future__ import annotations

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.context import SpecTable
from graphdoctor.match.detection.decoding import converter_of, decoding
from graphdoctor.match.detection.head import Clip, SsdHead, Suppression
from graphdoctor.match.detection.loops import written_to
from graphdoctor.match.detection.missing import MissingError, missing
from graphdoctor.match.detection.outputs import check_window, detections
from graphdoctor.match.detection.predictors import feature_maps, join_behind
from graphdoctor.match.detection.preprocessing import preprocessing
from graphdoctor.match.detection.suppression import Suppressed, limit_behind, suppressed
from graphdoctor.match.results import NoMatch


def find_ssd_head(graph: GraphView, specs: SpecTable) -> SsdHead | NoMatch:
    """The head of the detector in ``graph``; else which part of it was not found, and at which node.

    Args:
        graph: its outputs are set; preprocessing and suppression are still there.
        specs: from inference over ``graph``; the image that the network reads must have a known size.
    """
    try:
        return _head(graph, specs)
    except MissingError as e:
        return NoMatch(e.what, e.node.name if e.node is not None else "")


def _head(graph: GraphView, specs: SpecTable) -> SsdHead:
    found = suppressed(graph, specs)
    encodings = join_behind(found.boxes, "box encodings")
    logits = join_behind(found.scores, "classes")
    maps = feature_maps(encodings, logits, specs)
    boxes = decoding(encodings, found.boxes, specs)
    converter, has_background = converter_of(logits, found.scores, specs)
    before = preprocessing(graph, [m.box_layer for m in maps], specs)
    given, rows, gather = detections(graph, specs)
    shape = specs.of(logits).shape
    classes = (shape or (None,))[-1]
    if classes is None or classes - has_background != len(found.nodes):
        missing(f"there are {len(found.nodes)} suppressions for {classes} classes", found.nodes[0])
    return SsdHead(
        before,
        maps,
        encodings,
        logits,
        found.boxes,
        found.scores,
        boxes.anchors,
        boxes.variance,
        converter,
        classes,
        has_background,
        Suppression(
            found.nodes,
            found.iou_threshold,
            found.score_threshold,
            found.per_class,
            rows,
            _clip(found, gather, specs),
        ),
        given,
    )


def _clip(found: Suppressed, gather: Node, specs: SpecTable) -> Clip:
    """When boxes are clipped, and that it is to the whole image."""
    if found.clipped is not None:
        check_window(found.clipped, specs)
        return "before"
    written = written_to(gather)
    if written is None:
        missing("what the loop over the images writes was not found", gather)
    limit = limit_behind(written)
    if limit is None:
        return "never"
    check_window(limit, specs)
    return "after"
