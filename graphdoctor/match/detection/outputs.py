"""Which outputs of the graph are the detections, and the window that boxes are clipped to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import scalar_of, small_constant, source_of
from graphdoctor.match.context import SpecTable
from graphdoctor.match.detection.evaluate import CannotEvaluateError, evaluate
from graphdoctor.match.detection.head import Detections
from graphdoctor.match.detection.loops import GATHER, READ, behind, stored_in, written_to
from graphdoctor.match.detection.missing import missing
from graphdoctor.types import Array

_THROUGH = frozenset({"Identity", "Cast", "Squeeze", "ExpandDims"})
_ADD = frozenset({"Add", "AddV2"})
_SLICES = frozenset({"Unpack", "Split", "StridedSlice", "Squeeze", "Reshape"})
_BOX = 4


@dataclass(frozen=True, slots=True)
class _Given:
    """An output of the graph, the node that collects it over the images, and what was added on the way."""

    output: Value
    gather: Node
    added: float | None


def detections(graph: GraphView, specs: SpecTable) -> tuple[Detections, int, Node]:
    """The detections among the outputs, how many rows they have, and the node that collects the boxes.

    Raises:
        MissingError: no output is boxes [N, rows, 4] out of the loop over the images.
    """
    collected = {v: _collected(v) for v in graph.outputs}
    given = [g for g in collected.values() if g is not None]
    boxes = next((g for g in given if _dims(g, specs)[1:] == [_BOX]), None)
    if boxes is None:
        missing("no output of the graph is boxes [N, rows, 4] out of a loop over the images")
    rows = _dims(boxes, specs)[0]
    if rows is None:
        missing("the number of rows of the detections is not known", boxes.gather)
    flat = [g for g in given if len(_dims(g, specs)) == 1]
    classes = next((g for g in flat if g.added is not None), None)
    scores = next((g for g in flat if g is not classes), None)
    count = next((g for g in given if not _dims(g, specs)), None)
    named = [None if g is None else g.output for g in (boxes, scores, classes, count)]
    other = tuple(v for v in graph.outputs if v not in named)
    offset = 0.0 if classes is None or classes.added is None else classes.added
    return Detections(boxes.output, named[1], named[2], named[3], other, offset), rows, boxes.gather


def _collected(output: Value) -> _Given | None:
    value, added = source_of(output), None
    for _ in range(16):
        node = value.node
        if node.op == GATHER:
            return _Given(output, node, added)
        if node.op in _ADD and len(node.inputs) == 2 and scalar_of(node.inputs[1]) is not None:
            added = scalar_of(node.inputs[1])
        elif node.op not in _THROUGH or not node.inputs:
            return None
        value = source_of(node.inputs[0])
    return None


def _dims(given: _Given, specs: SpecTable) -> list[int | None]:
    """Without the batch; a single unknown dimension of nonsense where even the rank is not known."""
    shape = specs.output(given.gather).shape
    return [None, None, None] if shape is None else list(shape[1:])


def check_window(limit: Node, specs: SpecTable) -> None:
    """See that the Minimum or Maximum at ``limit`` clips to the whole image, [0, 0, 1, 1].

    Raises:
        MissingError: it is another window, or cannot be told.
    """
    found = [w for w in (_window(v, specs) for v in limit.inputs) if w is not None]
    if len(found) != 1:
        missing("the window that boxes are clipped to was not found", limit)
    window = found[0].reshape(-1)
    whole = {0.0, 1.0} if window.size == 1 else None
    is_whole = float(window[0]) in whole if whole else np.array_equal(window, [0, 0, 1, 1])
    if not is_whole:
        missing(f"boxes are clipped to {window.tolist()}, not to the whole image [0, 0, 1, 1]", limit)


def _window(value: Value, specs: SpecTable) -> Array | None:
    """The constant window that ``value`` is a side of, or ``None``."""
    for _ in range(8):
        value = source_of(value)
        constant = small_constant(value)
        if constant is not None:
            return constant if constant.size in (1, _BOX) else None
        if value.node.op == READ:
            return _stored_window(value.node, specs)
        if value.node.op not in _SLICES or not value.node.inputs:
            return None
        value = value.node.inputs[-1 if value.node.op == "Split" else 0]
    return None


def _stored_window(read: Node, specs: SpecTable) -> Array | None:
    """The window of each image, computed from the size that every image is resized to."""
    stored = stored_in(read)
    if stored is None or specs.of(stored).rank != 2:
        return None
    given: dict[Value, Array] = {}
    for node in behind(stored, frozenset({GATHER})):
        written = written_to(node) if node.op == GATHER else None
        size = None if written is None else specs.of(written).constant
        if size is not None:
            given[node.out()] = size[None]
    try:
        return evaluate(stored, given, specs)
    except CannotEvaluateError as e:
        return missing(f"the window that boxes are clipped to cannot be computed: {e}", e.node)
