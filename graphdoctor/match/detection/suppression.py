"""The suppression of each class: thresholds, numbers, clipping, and what the loop over the images reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import scalar_of, small_constant, source_of
from graphdoctor.match.context import SpecTable
from graphdoctor.match.detection.loops import READ, behind, stored_in
from graphdoctor.match.detection.missing import missing
from graphdoctor.types import DType

_INPUTS = {
    "NonMaxSuppressionV2": 4,
    "NonMaxSuppressionV3": 5,
    "NonMaxSuppressionV4": 5,
    "NonMaxSuppressionV5": 6,
}
"""Inputs of each version: boxes, scores, number, IoU threshold, score threshold, sigma."""
SUPPRESSIONS = (*_INPUTS, "NonMaxSuppression", "CombinedNonMaxSuppression")
_ALONG = frozenset({"Reshape", "Squeeze", "ExpandDims", "Slice", "StridedSlice", "Gather", "GatherV2", "Unpack"})
"""Ops whose input 0 is the data; the rest says what of it."""
_LIMITS = frozenset({"Minimum", "Maximum"})


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What the suppressions say together; see :class:`graphdoctor.match.detection.head.Suppression`.

    ``boxes`` and ``scores`` are read by the loop, for all images; ``clipped`` is a node that clips boxes before.
    """

    nodes: tuple[Node, ...]
    iou_threshold: float
    score_threshold: float
    per_class: int
    boxes: Value
    scores: Value
    clipped: Node | None


def suppressed(graph: GraphView, specs: SpecTable) -> Suppressed:
    """What the live NonMaxSuppression nodes of ``graph`` say.

    Raises:
        MissingError: there is none, or they are not those of one head with a box for all classes.
    """
    live = graph.live()
    nodes = [n for n in graph.by_op(*SUPPRESSIONS) if n in live]
    if not nodes:
        missing("no NonMaxSuppression was found")
    for node in nodes:
        _check_version(node)
    ordered = sorted(nodes, key=lambda n: _column(n.inputs[1], n))
    columns = [_column(n.inputs[1], n) for n in ordered]
    if columns != list(range(len(nodes))):
        missing(f"the {len(nodes)} suppressions are not of each class once, as in a single-shot detector", ordered[0])
    return Suppressed(
        tuple(ordered),
        _agreed("the IoU threshold", ordered, [scalar_of(n.inputs[3]) for n in ordered]),
        _agreed("the score threshold", ordered, [_score_threshold(n) for n in ordered]),
        int(_agreed("the number of boxes kept of a class", ordered, [_kept(n) for n in ordered])),
        _one("the boxes", ordered, [_stored(n.inputs[0], 4, specs, n) for n in ordered]),
        _one("the scores", ordered, [_stored(n.inputs[1], 3, specs, n) for n in ordered]),
        limit_behind(ordered[0].inputs[0]),
    )


def _check_version(node: Node) -> None:
    if node.op not in _INPUTS:
        missing(f"{node.op} is not the suppression of one class with its threshold as an input", node)
    if len(node.inputs) < _INPUTS[node.op]:
        missing("the thresholds of the suppression were not found", node)
    if node.op == "NonMaxSuppressionV5" and scalar_of(node.inputs[5]) != 0.0:
        missing("the suppression lowers scores instead of dropping boxes (soft_nms_sigma is not 0)", node)


def _agreed(what: str, nodes: Sequence[Node], found: Sequence[float | None]) -> float:
    first = found[0]
    for node, value in zip(nodes, found, strict=True):
        if value is None:
            missing(f"{what} of a suppression is no constant", node)
        if value != first:
            missing(f"{what} is {first:g} for one class and {value:g} for another", node)
    return float(first)  # type: ignore[arg-type]  # the loop has seen it


def _one(what: str, nodes: Sequence[Node], found: Sequence[Value]) -> Value:
    for node, value in zip(nodes, found, strict=True):
        if value != found[0]:
            missing(f"{what} of all classes are not one tensor: {found[0].name} and {value.name}", node)
    return found[0]


def _stored(value: Value, rank: int, specs: SpecTable, node: Node) -> Value:
    """The tensor of ``rank`` that the loop over the images reads behind ``value``."""
    what = "boxes [N, A, 1, 4]" if rank == 4 else "scores [N, A, classes]"
    for read in (n for n in behind(value) if n.op == READ):
        stored = stored_in(read)
        if stored is not None and specs.of(stored).rank == rank:
            return stored
    return missing(f"no loop over the images that reads {what} was found behind the suppression", node)


def _column(value: Value, node: Node) -> int:
    """Which column of the scores ``value`` is."""
    for step in along(value):
        if step.op == "Slice" and len(step.inputs) == 3:
            begin = small_constant(step.inputs[1])
            if begin is not None and begin.size == 2:
                return int(begin.reshape(-1)[1])
        if step.op == "Unpack" and step.attr("axis", 0) in (1, -1):
            return next(v.index for v in _edges(value) if v.node is step)
    return missing("the column of the scores that a suppression reads was not found", node)


def along(value: Value) -> Iterable[Node]:
    """The nodes that ``value`` is a part of, nearest first."""
    return [v.node for v in _edges(value)]


def _edges(value: Value) -> list[Value]:
    found = [source_of(value)]
    while found[-1].node.op in _ALONG and found[-1].node.inputs and len(found) < 64:
        found.append(source_of(found[-1].node.inputs[0]))
    return found


def _kept(node: Node) -> float | None:
    """The most boxes a suppression keeps: a constant, or the smaller of one and the number of boxes."""
    limit = source_of(node.inputs[2])
    if limit.node.op == "Minimum":
        numbers = [n for n in map(scalar_of, limit.node.inputs) if n is not None]
        return numbers[0] if len(numbers) == 1 else None
    return scalar_of(limit)


def _score_threshold(node: Node) -> float | None:
    """The threshold as an input, or as a filter ``scores > threshold`` in front of the suppression."""
    if node.op != "NonMaxSuppressionV2":
        return scalar_of(node.inputs[4])
    for step in behind(node.inputs[1]):
        if step.op == "Greater" and len(step.inputs) == 2 and any(n.op == READ for n in along(step.inputs[0])):
            return scalar_of(step.inputs[1])
    return None


def limit_behind(value: Value) -> Node | None:
    """The first Minimum or Maximum of floats that ``value`` is computed from, which clips boxes to a window."""
    return next((n for n in behind(value) if n.op in _LIMITS and n.attr("T") is DType.FLOAT), None)
