"""A single-shot detector in TensorRT's plugins: GridAnchor_TRT, FlattenConcat_TRT and NMS_TRT.

The network stays. In front of it an input of fixed size takes the place of the preprocessing; behind it the plugins
take the place of anchors, decoding and suppression, wired as in NVIDIA's sample: the predictions of all maps flattened
and joined, the prior boxes of all maps joined, and one NMS.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.detection import FeatureMap, SsdHead, find_ssd_head
from graphdoctor.match.detection.grid import GridFields, fit_grid
from graphdoctor.match.detection.suppression import SUPPRESSIONS
from graphdoctor.match.results import NoMatch
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    Facts,
    Make,
    New,
    Proposal,
    Refusal,
    ReplaceValue,
    SetAttr,
    SetInputs,
    SetOutputs,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import array_of, const_step
from graphdoctor.targets import Target
from graphdoctor.targets.plugins import Plugin, PluginField, all_plugins
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy, ShapeValue

GRID, RECTANGULAR, JOIN, NMS = "GridAnchor_TRT", "GridAnchorRect_TRT", "FlattenConcat_TRT", "NMS_TRT"
SORTED = 4096
"""Candidates of a class that NMS_TRT can sort (rules/plugins/NMS_TRT.toml)."""
SQUARE_CELLS = frozenset({"5.1", "6.0", "7.0", "7.1", "7.2", "8.0", "8.2", "8.4", "8.5"})
"""Releases whose GridAnchorRect_TRT places anchors by the height alone: github.com/NVIDIA/TensorRT/issues/1563, and
the kernel, which has a step of its own for the width since 2023."""
_BOX = 4
Fields = Mapping[str, AttrPy]


def ssd_plugins(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Put the plugins in the place of preprocessing, anchors, decoding and suppression."""
    nodes = graph.by_op(*SUPPRESSIONS)
    if not nodes:
        return
    if facts.target is None or facts.target.parser != "uff":
        yield Refusal(nodes[0], "the plugins are those of a release with the UFF parser: name one with --target")
        return
    head = find_ssd_head(graph, facts.specs)
    if isinstance(head, NoMatch):
        yield Refusal(
            graph.get(head.node) or nodes[0], f"it is no single-shot detector as far as was seen: {head.reason}"
        )
        return
    yield plugins_for(graph, facts.target, head)


def plugins_for(graph: GraphView, target: Target, head: SsdHead) -> Proposal | Refusal:
    """The plugins in the place of ``head``, or why they would not give the same."""
    node, suppression = head.encodings.node, head.suppression
    is_square = all(m.height == m.width for m in head.feature_maps)
    grid = GRID if is_square else RECTANGULAR
    lacking = [name for name in (grid, JOIN, NMS) if not all_plugins()[name].is_in(target)]
    if lacking:
        return Refusal(node, f"the plugin library of {target.name} has no {' and no '.join(lacking)}")
    if suppression.per_class < suppression.total:
        return Refusal(
            node,
            f"each class keeps {suppression.per_class} boxes at most, fewer than the {suppression.total} of an image, "
            "which NMS_TRT cannot say",
        )
    most = min(len(head.anchors), SORTED)
    if suppression.total > most:
        return Refusal(
            node,
            f"an image keeps up to {suppression.total} boxes, more than the {most} of a class that NMS_TRT looks at",
        )
    fields = fit_grid(head, square_cells=any(r in SQUARE_CELLS for r in target.plugins))
    if isinstance(fields, NoMatch):
        return Refusal(graph.get(fields.node) or node, f"the anchors are not those of {grid}: {fields.reason}")
    reordered = _reordered(graph, head, fields)
    if isinstance(reordered, Refusal):
        return reordered
    steps = (*_input(head), *reordered, *_plugins(head, fields, grid, target))
    return propose(node, *steps, touches=_decided_on(graph, head), note=_note(head, fields, target))


def _decided_on(graph: GraphView, head: SsdHead) -> tuple[Node, ...]:
    """The nodes of the head: all but the network in front of the convolutions that predict."""
    layers = [n for m in head.feature_maps for n in (m.box_layer, m.score_layer)]
    network = graph.live([v.node for n in layers for v in n.inputs[:1]])
    image = graph.live([head.preprocessing.image.node])
    return tuple(n for n in graph.live() if n not in network or n in image)


# ---- in front of the network ------------------------------------------------------------------------------------


def _input(head: SsdHead) -> tuple[Step, ...]:
    """The placeholder becomes the image that the network reads."""
    before = head.preprocessing
    shape = ShapeValue((1, before.height, before.width, before.channels))
    placeholder = before.placeholder
    return (
        SetAttr(placeholder, "dtype", DType.FLOAT),
        SetAttr(placeholder, "shape", shape),
        ReplaceValue(before.image, placeholder.out()),
    )


# ---- the convolutions that predict ------------------------------------------------------------------------------


def _reordered(graph: GraphView, head: SsdHead, fields: GridFields) -> tuple[Step, ...] | Refusal:
    """Channels put in the order of the plugin's anchors, where that of the graph differs; no number changes."""
    steps: list[Step] = []
    for grid, order in zip(head.feature_maps, fields.order, strict=True):
        if order == tuple(range(grid.anchors)):
            continue
        for layer, value, each in (
            (grid.box_layer, grid.box_map, _BOX),
            (grid.score_layer, grid.score_map, head.classes),
        ):
            found = _with_channels(graph, layer, value, _channels(order, each))
            if isinstance(found, str):
                return Refusal(layer, f"its anchors stand in another order than those of the plugin, and {found}")
            steps += found
    return tuple(steps)


def _channels(order: tuple[int, ...], each: int) -> Array:
    return (np.asarray(order)[:, None] * each + np.arange(each)).reshape(-1)


def _with_channels(graph: GraphView, layer: Node, value: Value, channels: Array) -> list[Step] | str:
    """Steps that give ``layer``, and the bias behind it, their output channels in another order."""
    steps: list[Step] = []
    for node in dict.fromkeys((layer, value.node)):
        constant = array_of(node.inputs[1])
        if constant is None or constant.shape[-1:] != (len(channels),):
            return f"the second input of {node.name} is no constant of {len(channels)} channels"
        others = [u.node.name for u in graph.uses(node) if node is layer and layer is not value.node]
        if len(others) > 1:
            return f"{node.name} is read by {', '.join(sorted(others))}"
        key = f"{node.name}/reordered"
        steps += [const_step(key, constant[..., channels]), SetInputs(node, (node.inputs[0], New(key)))]
    return steps


# ---- behind the network -----------------------------------------------------------------------------------------


def _plugins(head: SsdHead, grid: GridFields, name: str, target: Target) -> tuple[Step, ...]:
    steps: list[Step] = []
    boxes = [_flat(steps, m, k, m.box_map, _BOX, "box") for k, m in enumerate(head.feature_maps)]
    scores = [_scores(steps, head, m, k) for k, m in enumerate(head.feature_maps)]
    joined: Fields = {"axis": 1, "ignoreBatch": 0}
    steps += [
        const_step("GridAnchor/input", np.zeros((1, 1), np.float32)),
        Make("GridAnchor", name, (New("GridAnchor/input"),), _attrs(name, target, grid_fields(head, grid))),
        # As graphsurgeon writes it: the axis is an attribute, and the one edge stands for all outputs of the plugin.
        Make("concat_priorbox", "ConcatV2", (New("GridAnchor"),), {"T": DType.FLOAT, "N": 1, "axis": 2}),
        Make("concat_box_loc", JOIN, tuple(boxes), _attrs(JOIN, target, joined)),
        Make("concat_box_conf", JOIN, tuple(scores), _attrs(JOIN, target, joined)),
    ]
    inputs = {"loc": New("concat_box_loc"), "conf": New("concat_box_conf"), "priors": New("concat_priorbox")}
    places = [list(inputs).index(role) for role in ("loc", "conf", "priors")]
    steps.append(Make("NMS", NMS, tuple(inputs.values()), _attrs(NMS, target, nms_fields(head, tuple(places)))))
    return (*steps, SetOutputs((New("NMS"),)))


def _flat(steps: list[Step], grid: FeatureMap, number: int, value: Value, each: int, what: str) -> New:
    """A prediction in the form [N, anchors, 1, each]: three dimensions beside the batch, which the plugin wants."""
    shape, key = f"{value.node.name}/{what}_shape_{number}", f"{value.node.name}/{what}_{number}"
    count = grid.height * grid.width * grid.anchors
    steps.append(const_step(shape, np.asarray([-1, count, 1, each], np.int32)))
    steps.append(Make(key, "Reshape", (value, New(shape)), {"T": DType.FLOAT, "Tshape": DType.INT32}))
    return New(key)


def _scores(steps: list[Step], head: SsdHead, grid: FeatureMap, number: int) -> New:
    """The logits; the plugin has a sigmoid, and a softmax is left in the graph."""
    flat = _flat(steps, grid, number, grid.score_map, head.classes, "score")
    if head.converter != "softmax":
        return flat
    steps.append(Make(f"{flat.key}/softmax", "Softmax", (flat,), {"T": DType.FLOAT}))
    return New(f"{flat.key}/softmax")


def grid_fields(head: SsdHead, grid: GridFields) -> Fields:
    """Fields of GridAnchor_TRT, or of GridAnchorRect_TRT for maps that are not square."""
    shapes = tuple(h for h, _ in grid.shapes) if grid.is_square else tuple(d for pair in grid.shapes for d in pair)
    y, x, height, width = head.variance
    return {
        "minSize": grid.min_size,
        "maxSize": grid.max_size,
        "aspectRatios": grid.ratios,
        "featureMapShapes": shapes,
        "variance": (x, y, width, height),
        "numLayers": len(grid.shapes),
    }


def nms_fields(head: SsdHead, order: tuple[int, ...]) -> Fields:
    """Fields of NMS_TRT.

    topK is how many candidates of a class are looked at. The graph looks at all of them, so it is the number of
    anchors and not, as often written, the number of boxes that are kept.
    """
    suppression = head.suppression
    return {
        "shareLocation": 1,
        "varianceEncodedInTarget": 0,
        "backgroundLabelId": 0 if head.has_background else -1,
        "numClasses": head.classes,
        "topK": min(len(head.anchors), SORTED),
        "keepTopK": suppression.total,
        "confidenceThreshold": _short(suppression.score_threshold),
        "nmsThreshold": _short(suppression.iou_threshold),
        "inputOrder": order,
        "confSigmoid": int(head.converter == "sigmoid"),
        "isNormalized": 1,
    }


def _short(value: float) -> float:
    """The shortest number that is ``value`` in float32: 0.6, not 0.6000000238."""
    return float(str(np.float32(value)))


def _attrs(name: str, target: Target, values: Fields) -> dict[str, AttrPy]:
    """``values`` as graphsurgeon writes fields of a plugin, those that the release has."""
    plugin: Plugin = all_plugins()[name]
    return {_key(f): values[f.name] for f in plugin.fields_in(target) if f.name in values}


def _key(field: PluginField) -> str:
    is_list = field.many or field.length > 1
    return f"{field.name}_u_{field.type[0] if is_list else field.type}{'list' if is_list else ''}"


# ---- what to know -----------------------------------------------------------------------------------------------


def _note(head: SsdHead, fields: GridFields, target: Target) -> str:
    before, suppression = head.preprocessing, head.suppression
    parts = [f"feed {before.placeholder.name} with {_pixels(head)}"]
    parts.append("NMS gives [image, class, score, xmin, ymin, xmax, ymax] for each box")
    if head.detections.label_offset != head.has_background:
        parts.append("classes are counted from 0")
    if suppression.clip != "after":
        when = "before it drops overlapping ones" if suppression.clip == "before" else "never"
        parts.append(f"the graph clips boxes to the image {when}, the plugin behind")
    if len(head.anchors) > SORTED:
        parts.append(f"of {len(head.anchors)} boxes of a class the plugin looks at the best {SORTED}")
    if fields.is_reordered:
        parts.append("channels were put in the order of the plugin's anchors")
    return "; ".join(parts)


def _pixels(head: SsdHead) -> str:
    """What the caller has to feed."""
    before = head.preprocessing
    size = f"[1,{before.height},{before.width},{before.channels}]"
    if before.scale is None or before.offset is None:
        return f"float32 {size}, what {before.image.name} was in the graph"
    scale, offset = (_numbers(v) for v in (before.scale, before.offset))
    how = f"resized by {before.resize}, " if before.resize else ""
    return f"float32 {size}: {how}each pixel * {scale} + {offset}".replace("+ -", "- ")


def _numbers(values: tuple[float, ...]) -> str:
    shown = [f"{v:.6g}" for v in values]
    return shown[0] if len(set(shown)) == 1 else f"[{', '.join(shown)}]"


FINDERS = {"ssd-plugins": Finder(ssd_plugins)}
