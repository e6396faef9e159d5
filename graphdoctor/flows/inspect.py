"""inspect: what a file is, its ends, its ops, its weights, and where to cut it."""

from __future__ import annotations

from graphdoctor.findings import TensorInfo
from graphdoctor.flows.cutting import LOOP, boundary_of
from graphdoctor.flows.opening import Opened, open_model
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.tensorflow import read_raw
from graphdoctor.ir import Graph, Node, Value
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.passes.signature import find_leaves, is_training_scope
from graphdoctor.render.text_inspect import InspectView, RankedOutput, Suggestion, Weight
from graphdoctor.targets import load_target
from graphdoctor.types import DType, Shape
from graphdoctor.wire.tensors import Tensor

_LARGEST = 5
_HOST_OPS = (
    "DecodeWav AudioSpectrogram Mfcc DecodeJpeg DecodePng DecodeImage DecodeBmp DecodeGif DecodeRaw DecodeCSV "
    "ParseExample ParseSingleExample ReadFile IteratorGetNext IteratorGetNextSync QueueDequeueV2 QueueDequeueManyV2 "
    "Enter NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 "
    "CombinedNonMaxSuppression"
).split()
"""Ops that are the work of a host: where one is, it is worth looking for a place to cut."""
_SHOWN = 3
_STRICTEST = "rtx1.7"
"""The target whose cut is suggested: an ONNX parser without plugins, whose table was measured."""


def inspect_model(path: str) -> InspectView:
    """Describe ``path``, whatever it is.

    Raises:
        InputError: it cannot be read, is damaged, or is no model.
    """
    raw = read_raw(path)
    if raw.kind in (Kind.ONNX, Kind.UFF):
        return _other(path, *raw)
    return _graph_view(open_model(path, raw=raw))


def _other(path: str, kind: Kind, data: bytes) -> InspectView:
    """Models of other formats."""
    if kind is Kind.UFF:
        from graphdoctor.flows.uff_views import inspect_uff

        return inspect_uff(path, data)
    import hashlib

    from graphdoctor.formats.onnx import onnx_signature

    s = onnx_signature(data, path)
    return InspectView(
        path,
        f"onnx, opset {s.opset}, by {s.producer or 'an unnamed producer'}",
        len(data),
        hashlib.sha256(data).hexdigest(),
        nodes=sum(s.ops.values()),
        inputs=s.inputs,
        outputs=tuple(RankedOutput(o, "output of the ONNX graph") for o in s.outputs),
        ops=tuple(s.ops.items()),
    )


def _graph_view(opened: Opened) -> InspectView:
    model, graph, specs = opened.model, opened.graph, opened.specs
    weights = _weights(graph)
    return InspectView(
        path=model.path,
        kind=model.kind,
        size=model.size,
        sha256=model.sha256,
        producer=model.producer,
        nodes=len(graph),
        inputs=tuple(opened.inputs()),
        outputs=_ranked(graph, specs, model.kind),
        ops=tuple(graph.ops().items()),
        weight_count=len(weights),
        weight_size=sum(w.size for w in weights),
        weights=tuple(weights[:_LARGEST]),
        functions=model.functions,
        notes=tuple(model.notes),
        suggestions=tuple(_suggestions(opened)),
    )


def _weights(graph: Graph) -> list[Weight]:
    found = []
    for node in graph.by_op("Const"):
        tensor = node.attr("value")
        if isinstance(tensor, Tensor):
            found.append(Weight(TensorInfo(node.name, tensor.dtype, tensor.shape), tensor.nbytes_stored))
    return sorted(found, key=lambda w: (-w.size, w.tensor.name))


def _ranked(graph: Graph, specs: Specs, kind: str) -> tuple[RankedOutput, ...]:
    """The outputs in use first, then other leaves that depend on an input: training ends and the like."""
    used = [RankedOutput(_info(v, specs), _why(v.node, kind)) for v in graph.outputs]
    taken = {v.node for v in graph.outputs}
    others = [n for n in find_leaves(graph) if n not in taken] if kind != "saved-model" else []
    return (*used, *(RankedOutput(_info(n.out(), specs), _why(n, kind)) for n in others))


def _why(node: Node, kind: str) -> str:
    if kind == "saved-model":
        return "stated by the signature"
    if is_training_scope(node):
        return "nobody reads it; its name belongs to training"
    return "nobody reads it"


def _info(value: Value, specs: Specs) -> TensorInfo:
    spec = specs.of(value)
    return TensorInfo(value.name, spec.dtype, spec.shape)


def _suggestions(opened: Opened) -> list[Suggestion]:
    """Where ``fix --cut`` would cut; with the host part where it can be written, else with what to say to ``check``."""
    path, specs = opened.model.path, opened.specs
    if not opened.graph.by_op(*_HOST_OPS):
        return []
    found = boundary_of(opened, load_target(_STRICTEST))
    if found is None:
        return []
    ops = ", ".join([op for op in found.ops if op in _HOST_OPS or op == LOOP] or found.ops[:_SHOWN])
    ends = f"from {', '.join(found.takes)} to {', '.join(found.gives)}"
    if not found.unwritable:
        text = f"{ops}: this stays on the host, and an engine goes {ends}. Cut it, with the rest in numpy:"
        return [Suggestion(text, f"graphdoctor fix {path} --cut --target {_STRICTEST}")]
    fed = {n.name for n in opened.graph.inputs}
    taken = [opened.graph.value(n) for n in found.takes if n not in fed]
    inputs = [f"{v.name}:{_label(specs.of(v).dtype)}{_dims(specs.of(v).shape)}" for v in taken]
    words = [f"--input '{i}'" for i in inputs] + ([f"--output {g}" for g in found.gives] if found.has_tail else [])
    if not words:
        return []
    text = f"{ops}: this stays on the host, and an engine goes {ends}. Cut the graph there"
    text += ":" if all(specs.of(v).is_static for v in taken) else ", and fill in what is marked ?:"
    return [Suggestion(text, f"graphdoctor check {path} {' '.join(words)}")]


def _label(dtype: DType) -> str:
    return "float32" if dtype is DType.INVALID else dtype.label


def _dims(shape: Shape) -> str:
    return "[?]" if shape is None else "[" + ",".join("?" if d is None else str(d) for d in shape) + "]"
