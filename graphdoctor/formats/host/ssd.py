"""The tail of a single-shot detector as one readable function: decode, score, suppress, keep the best."""

from __future__ import annotations

from graphdoctor.formats.host.call import real_text
from graphdoctor.formats.host.module import Function, Written
from graphdoctor.formats.host.text import plain
from graphdoctor.formats.host.writer import Shared
from graphdoctor.ir import Value
from graphdoctor.match.detection import SsdHead
from graphdoctor.passes.infer_shapes import Specs

_SCORES = {"sigmoid": "sigmoid(class_logits)", "softmax": "softmax(class_logits)", "identity": "class_logits"}


def write_ssd(head: SsdHead, specs: Specs, shared: Shared, replaced: Written) -> Written | None:
    """The function behind ``head``; ``None`` where it gives more than detections.

    Args:
        head: what was found of the detector.
        specs: from inference over its graph.
        shared: what the file has besides.
        replaced: the function that spells out the graph's nodes.
    """
    function = replaced.function
    parameters = {"box_encodings": head.encodings, "class_logits": head.logits}
    made = _made(head)
    if not set(function.gives) <= set(made):
        return None
    shared.need("decode_boxes")
    shared.need("detect")
    if head.converter != "identity":
        shared.need(head.converter)
    anchors = shared.array(head.encodings.node, head.anchors, "anchors")
    head_line = f"def {function.name}({', '.join(f'{p}: Array' for p in parameters)}) -> dict[str, Array]:"
    lines = ['@np.errstate(all="ignore")', head_line]
    lines += _docstring(head, specs, function)
    lines += [f"    {line}" for line in _body(head, anchors)]
    lines += ["    return {", *(f"        {v.name!r}: {made[v]}," for v in function.gives), "    }"]
    taken = Function(function.name, (head.encodings, head.logits), function.gives)
    return Written(taken, parameters, "\n".join(lines), replaced.nodes)


def _made(head: SsdHead) -> dict[Value, str]:
    found = head.detections
    columns = {
        found.boxes: "np.stack(boxes)",
        found.scores: "np.stack(scores)",
        found.classes: f"np.stack(classes) + np.float32({real_text(found.label_offset)})",
        found.count: "np.stack(count)",
    }
    return {value: text for value, text in columns.items() if value is not None}


def _body(head: SsdHead, anchors: str) -> list[str]:
    s = head.suppression
    scales = ", ".join(real_text(round(1 / v, 6)) for v in head.variance)
    scores = _SCORES[head.converter] + ("[..., 1:]  # without the background" if head.has_background else "")
    return [
        f"encodings = np.reshape(box_encodings, (len(box_encodings), -1, 4))  # {plain(head.encodings.name)}",
        f"decoded = decode_boxes(encodings, {anchors}, ({scales}))  # {plain(head.decoded.name)}",
        f"scored = {scores}" + ("" if head.has_background else f"  # {plain(head.scored.name)}"),
        "found = [",
        "    detect(",
        "        one,",
        "        own,",
        f"        per_class={s.per_class},",
        f"        total={s.total},",
        f"        iou_threshold=np.float32({real_text(s.iou_threshold)}),",
        f"        score_threshold=np.float32({real_text(s.score_threshold)}),",
        f'        clip="{s.clip}",',
        f"    )  # {plain(s.nodes[0].op)} x {len(s.nodes)}, {plain(s.nodes[0].name)}",
        "    for one, own in zip(decoded, scored)",
        "]",
        "boxes, scores, classes, count = zip(*found)",
    ]


def _docstring(head: SsdHead, specs: Specs, function: Function) -> list[str]:
    s, dropped = head.suppression, ", the background dropped" if head.has_background else ""
    counted = ", the background counted," if head.has_background else ""
    lines = [
        f"What stands behind the engine: boxes of {head.classes} classes{counted} at {len(head.anchors):,} anchors.",
        "",
        "Args:",
        f"    box_encodings: {specs.of(head.encodings)}, {plain(head.encodings.name)} of the graph.",
        f"    class_logits: {specs.of(head.logits)}, {plain(head.logits.name)} of the graph.",
        "",
        "Returns:",
        *(f"    {plain(v.name)}: {specs.of(v)}." for v in function.gives),
        "",
        "Steps:",
        f"    1. Boxes from encodings and anchors, variances {', '.join(f'{v:g}' for v in head.variance)}.",
        f"    2. Scores: {head.converter} of the logits{dropped}.",
        f"    3. Of each class at most {s.per_class} boxes with a score above {s.score_threshold:g}; what overlaps a",
        f"       better one by more than {s.iou_threshold:g} is dropped. Clipped to the image: {s.clip} that.",
        f"    4. The best {s.total} of all classes, best first, and zeros behind them.",
    ]
    return [f'    """{lines[0]}', *(f"    {line}" if line else "" for line in lines[1:]), '    """']
