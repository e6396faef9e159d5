"""A detector whose engine ends in NVIDIA's EfficientNMS_TRT instead of a suppression on the host.

The plugin's fields and releases are those of ``rules/plugins/EfficientNMS_TRT.toml``. It is given decoded boxes and
scores (``box_coding`` 0, ``score_activation`` 0), since that needs no word about how it would decode. It chooses the
best of all classes at once: there is no field for the most boxes of one class, and the order of equal scores is its
own. So what it gives can differ from TensorFlow, and nothing here can run it to see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from graphdoctor.errors import UnsupportedError
from graphdoctor.flows.cutting import Cut, Part
from graphdoctor.flows.opening import Opened
from graphdoctor.formats.host import Engine, Shared, Written, module_text, write_function
from graphdoctor.formats.onnx import Emitted, OnnxModel, onnx_from_graph
from graphdoctor.ir import Graph, TensorSpec, Value
from graphdoctor.match.detection import SsdHead
from graphdoctor.resources import load_toml, rules_dir
from graphdoctor.targets import Target
from graphdoctor.types import Array, DType
from graphdoctor.wire.tensors import Tensor

PLUGIN = "EfficientNMS_TRT"


def check_plugin(target: Target | None) -> None:
    """See that the target's library has the plugin, by what is known of its releases.

    Raises:
        UnsupportedError: it has not, or the target has no ONNX parser.
    """
    known = load_toml(rules_dir() / "plugins" / f"{PLUGIN}.toml")["releases"]
    if target is None or target.parser != "onnx" or not any(r in known for r in target.plugins):
        name = "no target" if target is None else target.name
        raise UnsupportedError(
            f"{name} has no {PLUGIN}", where="--nms-plugin", remedy="Take trt8.0 or later, or leave it on the host"
        )


def with_plugin(cut: Cut, opened: Opened, target: Target | None) -> tuple[Cut, OnnxModel]:
    """The cut without a function behind the engine, and the engine as ONNX that ends in the plugin.

    The outputs keep the names, dtypes and shapes that they have in the graph.

    Args:
        cut: of ``opened``, for ``target``; its engine gets further nodes.
        opened: the whole graph.
        target: what the engine is for.

    Raises:
        UnsupportedError: the target has no such plugin, or no head of a detector was found where the graph is cut.
    """
    check_plugin(target)
    head = cut.head
    if head is None or len(cut.parts) != 1:
        raise UnsupportedError(
            "the graph does not end in the head of a single-shot detector",
            where="--nms-plugin",
            remedy="Leave the suppression on the host",
        )
    part = cut.parts[0]
    made = _Tail(part.graph, head)
    boxes, scores = made.boxes(), made.scores()
    part.graph.outputs = (boxes, scores)
    model = onnx_from_graph(part.graph)
    _append(model, head, boxes.name, scores.name)
    engine = replace(part.engine, gives={v.name: v for v in _outputs(head)})
    shared, graph = Shared(), opened.graph
    needed = set(engine.takes.values())
    front = [
        write_function(graph, opened.specs, shared, replace(f, gives=tuple(v for v in f.gives if v in needed)))
        for f in (p.function for p in cut.order if isinstance(p, Written))
        if f.name == "preprocess"
    ]
    order: tuple[Written | Engine, ...] = (*front, engine)
    title = f"Host part of {Path(opened.model.path).name}, for an engine that ends in {PLUGIN}"
    host = module_text(title, shared, order, graph.outputs) if front else ""
    return replace(cut, parts=(Part(part.graph, engine),), order=order, host=host), model


@dataclass(frozen=True, slots=True)
class _Tail:
    """Adds decoding and scores to the graph of an engine that gives encodings and logits."""

    graph: Graph
    head: SsdHead

    def boxes(self) -> Value:
        """Decoded boxes [N, A, 4]."""
        ymin, xmin, ymax, xmax = (c.astype(np.float32)[:, None] for c in self.head.anchors.T)
        height, width = ymax - ymin, xmax - xmin
        encodings = self._op(
            "Reshape", self._same(self.head.encodings), self._const(np.asarray([-1, len(ymin), 4], np.int32))
        )
        y, x, h, w = self._columns(encodings)
        vy, vx, vh, vw = (np.float32(v) for v in self.head.variance)
        y = self._op("Add", self._op("Mul", y, self._const(height * vy)), self._const(ymin + height / 2))
        x = self._op("Add", self._op("Mul", x, self._const(width * vx)), self._const(xmin + width / 2))
        h = self._op("Mul", self._op("Exp", self._op("Mul", h, self._const(np.asarray(vh)))), self._const(height / 2))
        w = self._op("Mul", self._op("Exp", self._op("Mul", w, self._const(np.asarray(vw)))), self._const(width / 2))
        corners = [self._op("Sub", y, h), self._op("Sub", x, w), self._op("Add", y, h), self._op("Add", x, w)]
        boxes = self._op("ConcatV2", *corners, self._const(np.asarray(2, np.int32)), N=4)
        if self.head.suppression.clip == "never":
            return boxes
        low, high = (self._const(np.asarray(v, np.float32)) for v in (0, 1))
        return self._op("Maximum", self._op("Minimum", boxes, high), low)

    def scores(self) -> Value:
        """Scores [N, A, classes], the background among them."""
        logits = self._same(self.head.logits)
        names = {"sigmoid": "Sigmoid", "softmax": "Softmax"}
        kind = names.get(self.head.converter)
        return logits if kind is None else self._op(kind, logits)

    def _columns(self, encodings: Value) -> list[Value]:
        attrs = {"T": DType.FLOAT, "num_split": 4}
        axis = self._const(np.asarray(2, np.int32))
        split = self.graph.add("Split", "efficient_nms/columns", [axis, encodings], attrs)
        return [split.out(k) for k in range(4)]

    def _same(self, value: Value) -> Value:
        return Value(self.graph.node(value.node.name), value.index)

    def _const(self, array: Array) -> Value:
        tensor = Tensor.from_array(array)
        return self.graph.add("Const", "efficient_nms/const", (), {"dtype": tensor.dtype, "value": tensor}).out()

    def _op(self, op: str, *inputs: Value, **attrs: int) -> Value:
        return self.graph.add(op, f"efficient_nms/{op}", inputs, {"T": DType.FLOAT, **attrs}).out()


def _outputs(head: SsdHead) -> list[Value]:
    found = head.detections
    return [v for v in (found.boxes, found.scores, found.classes, found.count) if v is not None]


def _append(model: OnnxModel, head: SsdHead, boxes: str, scores: str) -> None:
    """The plugin, and behind it what makes the graph's outputs of its own: floats, and classes as the graph counts."""
    s, found = head.suppression, head.detections
    origins = tuple(n.name for n in s.nodes[:1])
    raw = ["efficient_nms/count", "efficient_nms/boxes", "efficient_nms/scores", "efficient_nms/classes"]
    names = [found.count, found.boxes, found.scores, found.classes]
    given = [v.name if v is not None and k in (1, 2) else raw[k] for k, v in enumerate(names)]
    attrs = {
        "plugin_version": "1",
        "background_class": 0 if head.has_background else -1,
        "box_coding": 0,
        "iou_threshold": s.iou_threshold,
        "max_output_boxes": s.total,
        "score_activation": 0,
        "score_threshold": s.score_threshold,
    }
    model.nodes.append(Emitted(PLUGIN, "efficient_nms", [boxes, scores], given, attrs, origins))
    offset = np.asarray(found.label_offset - head.has_background, np.float32)
    if found.classes is not None:
        model.initializers["efficient_nms/offset"] = offset
        _then(model, "Cast", [raw[3]], "efficient_nms/labels", origins, to=1)
        _then(model, "Add", ["efficient_nms/labels", "efficient_nms/offset"], found.classes.name, origins)
    if found.count is not None:
        model.initializers["efficient_nms/axis"] = np.asarray([1], np.int64)
        _then(model, "Cast", [raw[0]], "efficient_nms/rows", origins, to=1)
        _then(model, "Squeeze", ["efficient_nms/rows", "efficient_nms/axis"], found.count.name, origins)
    batch = model.outputs[0][1].shape
    first = None if batch is None else batch[0]
    shapes = {found.boxes: (first, s.total, 4), found.scores: (first, s.total), found.classes: (first, s.total)}
    model.outputs = [(v.name, TensorSpec(DType.FLOAT, shapes.get(v, (first,)))) for v in _outputs(head)]


def _then(model: OnnxModel, op: str, inputs: list[str], output: str, origins: tuple[str, ...], **attrs: int) -> None:
    model.nodes.append(Emitted(op, f"{output}/{op}", inputs, [output], attrs, origins))
