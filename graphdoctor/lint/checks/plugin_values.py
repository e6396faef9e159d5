"""Values of plugin fields that contradict each other, the plugin or the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.detection import Detection, detection_of
from graphdoctor.lint.plugins import PluginNode, plugin_nodes
from graphdoctor.words import plural

_SORTED = 4096
"""Candidates that the sort of these plugins takes at most."""
_SORTING = ("topK", "keepTopK", "prenms_topk", "keep_topk", "pre_nms_top_n")
_BOX = 4
"""Numbers of a box."""
_GRIDS = {"GridAnchor_TRT": 1, "GridAnchorRect_TRT": 2}
"""Numbers of featureMapShapes for each layer."""
Reasons = Iterator[str]


def check(ctx: CheckContext, *, ask: str = "sort") -> Iterator[Hit]:
    """One hit for each node that has what ``ask`` names; see the functions below."""
    for found in plugin_nodes(ctx):
        for reason in _QUESTIONS[ask](ctx, found):
            yield Hit(found.node, reason)
        for reason in _DOUBTS[ask](ctx, found) if ask in _DOUBTS else ():
            yield Hit(found.node, reason, certain=False)


def _sort(ctx: CheckContext, found: PluginNode) -> Reasons:
    """More candidates than can be sorted, where the plugin says so."""
    notes = " ".join(found.plugin.notes) if found.plugin is not None else ""
    for name in _SORTING:
        value = found.number(name)
        if value is not None and value > _SORTED and str(_SORTED) in notes and name.partition("_")[0] in notes:
            yield f"{name} is {value:g}"


def _keep(ctx: CheckContext, found: PluginNode) -> Reasons:
    """More boxes kept than looked at."""
    top, keep = found.number("topK"), found.number("keepTopK")
    if found.node.op in ("BatchedNMS_TRT", "NMS_TRT") and top is not None and keep is not None and 0 < top < keep:
        yield f"keepTopK is {keep:g}, and topK is {top:g}"


def _grids(ctx: CheckContext, found: PluginNode) -> Reasons:
    """A number of feature maps that is not the number of layers."""
    each, shapes, layers = _GRIDS.get(found.node.op), found.numbers("featureMapShapes"), found.number("numLayers")
    if each is not None and shapes is not None and layers is not None and len(shapes) != each * layers:
        wants = "layer wants" if layers == 1 else "layers want"
        yield f"featureMapShapes has {plural(len(shapes), 'number')}, and {layers:g} {wants} {each * layers:g}"


def _square(ctx: CheckContext, found: PluginNode) -> Reasons:
    """A model input that is not square, where the plugin makes square maps."""
    if found.node.op != "GridAnchor_TRT":
        return
    for node in ctx.graph.inputs:
        shape = ctx.specs.output(node).shape
        if shape is not None and len(shape) == 4:
            sides = shape[1:3] if shape[3] in (1, 3, 4) else shape[2:]
            if None not in sides and sides[0] != sides[1]:
                yield f"{node.name} is {sides[0]} by {sides[1]}"


def _axis(ctx: CheckContext, found: PluginNode) -> Reasons:
    """Another axis than the channels, or the batch joined."""
    if found.node.op == "FlattenConcat_TRT":
        for name, only in (("axis", 1), ("ignoreBatch", 0)):
            value = found.number(name)
            if value is not None and value != only:
                yield f"{name} is {value:g}, and only {only} works"


def _classes(ctx: CheckContext, found: PluginNode) -> Reasons:
    seen = detection_of(ctx, found)
    if seen is not None and not seen.order:
        yield from _disagreement(seen)


def _disagreement(seen: Detection) -> Reasons:
    if seen.classes is not None and seen.classes != seen.said:
        shown = f"{seen.classes:g}" if seen.classes == int(seen.classes) else "no whole number of classes"
        yield f"numClasses is {seen.said:g}, and the graph has {shown} ({seen.scores} scores, {seen.boxes} box numbers)"


def _unknown_classes(ctx: CheckContext, found: PluginNode) -> Reasons:
    """An NMS_TRT of which the numbers of boxes and scores are not known."""
    seen = detection_of(ctx, found)
    if found.node.op == "NMS_TRT" and (seen is None or (not seen.order and seen.classes is None)):
        yield "how many boxes and scores its inputs hold is not known"


def _priors(ctx: CheckContext, found: PluginNode) -> Reasons:
    seen = detection_of(ctx, found)
    if seen is not None and seen.priors is not None and seen.boxes is not None and seen.boxes != _BOX * seen.priors:
        yield f"there are {seen.priors} prior boxes, and {seen.boxes} box numbers, four for each"


def _unknown_priors(ctx: CheckContext, found: PluginNode) -> Reasons:
    """An NMS_TRT of which the number of prior boxes is not known."""
    seen = detection_of(ctx, found)
    if found.node.op == "NMS_TRT" and (seen is None or (not seen.order and None in (seen.priors, seen.boxes))):
        yield "how many prior boxes there are is not known"


def _order(ctx: CheckContext, found: PluginNode) -> Reasons:
    seen = detection_of(ctx, found)
    if seen is not None and seen.order:
        yield seen.order


def _sigmoid(ctx: CheckContext, found: PluginNode) -> Reasons:
    seen = detection_of(ctx, found)
    if seen is not None and seen.activated and found.number("confSigmoid") == 1:
        yield f"{seen.activated} stands in front, and confSigmoid is 1"


_QUESTIONS: dict[str, Callable[[CheckContext, PluginNode], Reasons]] = {
    "sort": _sort,
    "keep": _keep,
    "grids": _grids,
    "square": _square,
    "axis": _axis,
    "classes": _classes,
    "priors": _priors,
    "order": _order,
    "sigmoid": _sigmoid,
}
_DOUBTS: dict[str, Callable[[CheckContext, PluginNode], Reasons]] = {
    "classes": _unknown_classes,
    "priors": _unknown_priors,
}
