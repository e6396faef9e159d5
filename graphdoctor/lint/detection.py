"""What the graph in front of an NMS plugin says of its fields: numbers of boxes and scores, which input is which."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.ir import Node, Value
from graphdoctor.lint.context import CheckContext
from graphdoctor.lint.plugins import PluginNode, given_fields
from graphdoctor.types import element_count

_GRIDS = frozenset({"GridAnchor_TRT", "GridAnchorRect_TRT", "PriorBox_TRT"})
_SIDES = {"GridAnchor_TRT": 1, "GridAnchorRect_TRT": 2}
"""Numbers of featureMapShapes for each layer."""
_FIRST = 3
"""Anchors in a cell of the first layer; the others have one for each aspect ratio and one more."""
_JOINS = frozenset({"ConcatV2", "Concat", "FlattenConcat_TRT"})
_THROUGH = frozenset({"Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose", "StopGradient"})
_ACTIVATIONS = frozenset({"Sigmoid", "Softmax"})
_FARTHEST = 64
_BOX = 4
_ROLES = ("loc", "conf", "priors")


@dataclass(frozen=True, slots=True)
class Detection:
    """An NMS_TRT node against its inputs.

    Attributes:
        said: its numClasses.
        boxes: numbers in the location input, without the batch.
        scores: numbers in the confidence input.
        classes: how many classes these make; ``None`` where it cannot be told.
        priors: prior boxes, ``None`` where their number cannot be told.
        order: what is wrong with inputOrder, empty for nothing.
        activated: the activation in front of the scores, empty for none.
    """

    said: float
    boxes: int | None
    scores: int | None
    classes: float | None
    priors: int | None
    order: str
    activated: str


def detection_of(ctx: CheckContext, found: PluginNode) -> Detection | None:
    """What can be told of ``found``; ``None`` if it is no NMS_TRT with all it needs."""
    said, order, inputs = found.number("numClasses"), found.numbers("inputOrder"), found.node.inputs
    if found.node.op != "NMS_TRT" or said is None or order is None or sorted(order) != [0, 1, 2] or len(inputs) != 3:
        return None
    loc, conf = (inputs[int(k)] for k in order[:2])
    boxes, scores = _numbers(ctx, loc), _numbers(ctx, conf)
    shared = found.number("shareLocation") in (1, None)
    wrong = _wrong_place(ctx, inputs, [int(k) for k in order])
    if not wrong and shared and boxes and scores and _fits(scores, boxes, said) and not _fits(boxes, scores, said):
        wrong = f"inputs {order[0]:g} and {order[1]:g} (loc and conf) are swapped"
    classes = _BOX * scores / boxes if shared and boxes and scores else None
    priors = _priors(inputs[int(order[2])]) if not wrong else None
    return Detection(said, boxes, scores, classes, priors, wrong, _activation(conf))


def _priors(value: Value) -> int | None:
    """How many prior boxes a GridAnchor plugin gives, alone or behind a concat of all its outputs."""
    node = _source(value.node)
    sources = {_source(v.node) for v in node.inputs if v.node.op != "Const"} if node.op in _JOINS else {node}
    grid = next(iter(sources))
    each = _SIDES.get(grid.op)
    if each is None or len(sources) > 1:
        return None
    fields = given_fields(grid)
    found = (fields[k].value for k in ("featureMapShapes", "aspectRatios") if k in fields)
    shapes, ratios = [tuple(v) if isinstance(v, (tuple, list)) else (v,) for v in found] or [(), ()]
    if len(shapes) % each or not shapes or not all(isinstance(v, int) for v in shapes):
        return None
    cells: list[int] = [h * w for h, w in zip(shapes[::each], shapes[each - 1 :: each], strict=True)]
    return _FIRST * cells[0] + (len(ratios) + 1) * sum(cells[1:])


def _fits(boxes: int, scores: int, classes: float) -> bool:
    """True if so many box numbers and scores are of ``classes`` classes with shared locations."""
    return scores * _BOX == boxes * classes


def _wrong_place(ctx: CheckContext, inputs: tuple[Value, ...], order: list[int]) -> str:
    """The input that comes from prior boxes must be the third of inputOrder."""
    grids = [k for k, value in enumerate(inputs) if _comes_from_grid(value)]
    if len(grids) != 1 or grids[0] == order[2]:
        return ""
    return f"the prior boxes are input {grids[0]}, which inputOrder {order} takes for {_ROLES[order.index(grids[0])]}"


def _comes_from_grid(value: Value) -> bool:
    node = _source(value.node)
    if node.op in _JOINS:
        return any(_source(v.node).op in _GRIDS for v in node.inputs)
    return node.op in _GRIDS


def _source(node: Node) -> Node:
    for _ in range(_FARTHEST):
        if node.op not in _THROUGH or not node.inputs:
            break
        node = node.inputs[0].node
    return node


def _numbers(ctx: CheckContext, value: Value) -> int | None:
    """Elements of ``value`` without the batch; through plugins that join, the sum of what they read."""
    shape = ctx.specs.of(value).shape
    if shape:
        return element_count(shape[1:])
    node = _source(value.node)
    if node.op not in _JOINS:
        shape = ctx.specs.of(node.out(value.index if node is value.node else 0)).shape
        return element_count(shape[1:]) if shape else None
    parts = [_part(ctx, v) for v in node.inputs[: len(node.inputs) - (node.op == "ConcatV2")]]
    known = [p for p in parts if p is not None]
    return sum(known) if len(known) == len(parts) and parts else None


def _part(ctx: CheckContext, value: Value) -> int | None:
    node = _source(value.node)
    for candidate in (value, node.out()):
        shape = ctx.specs.of(candidate).shape
        if shape and None not in shape[1:]:
            return element_count(shape[1:])
    return None


def _activation(value: Value) -> str:
    node = _source(value.node)
    if node.op in _JOINS:
        kinds = {_source(v.node).op for v in node.inputs if v.node.op != "Const"}
        return kinds.pop() if len(kinds) == 1 and kinds <= _ACTIVATIONS else ""
    return node.op if node.op in _ACTIVATIONS else ""
