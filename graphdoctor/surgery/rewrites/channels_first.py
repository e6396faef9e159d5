"""A graph in NHWC laid out NCHW, and what is left to do at its borders."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from graphdoctor.ir import Graph, GraphView, Node, Value
from graphdoctor.passes.layout import TO_NCHW, TO_NHWC, to_nchw
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    DropAttrs,
    Facts,
    Make,
    New,
    Proposal,
    Ref,
    Refusal,
    SetAttr,
    SetInputs,
    SetOp,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import array_of, become, const_step, dtype_of, forward, known_array, looked_at
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy, ShapeValue
from graphdoctor.wire.tensors import Tensor

_FORMAT_OPS = (
    "Conv2D DepthwiseConv2dNative Conv2DBackpropInput MaxPool AvgPool FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3"
).split()
_BROADCAST = frozenset("Add AddV2 Sub Mul RealDiv Div Maximum Minimum SquaredDifference Pow".split())
_LOOPS = ("Enter", "RefEnter", "Switch", "RefSwitch")
_SHAPES = "_output_shapes"


def channels_first(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Lay the whole graph out NCHW: attributes, constants and axes change, Transposes stay at the borders."""
    first = next((n for n in graph.by_op(*_FORMAT_OPS) if n.attr("data_format", "NHWC") == "NHWC"), None)
    if first is None:
        return
    if graph.by_op(*_LOOPS) or graph.missing() or graph.order().cyclic:
        yield Refusal(first, "the graph has loops, branches or nodes that do not exist")
        return
    turned = _Turned(graph, _copied(graph))
    added = to_nchw(turned.copy, lowered=False)
    steps = turned.steps(facts)
    if isinstance(steps, Refusal):
        yield steps
    elif steps:
        note = f"laid out NCHW, with {added} Transpose{'' if added == 1 else 's'} at the borders"
        yield propose(first, *steps, touches=tuple(graph), note=note, unsafe="sums are rounded in another order")


def _copied(graph: GraphView) -> Graph:
    """Another graph of the same nodes; constants share their bytes."""
    copy = Graph()
    for node in graph.order().nodes:
        inputs = [Value(copy.node(v.node.name), v.index) for v in node.inputs]
        controls = [copy.node(c.name) for c in node.controls]
        copy.add(node.op, node.name, inputs, dict(node.attrs.items()), controls=controls)
    copy.inputs = tuple(copy.node(n.name) for n in graph.inputs)
    copy.outputs = tuple(Value(copy.node(v.node.name), v.index) for v in graph.outputs)
    return copy


@dataclass
class _Turned:
    """The graph, its copy that is laid out, and the steps that make one of the other."""

    graph: GraphView
    copy: Graph
    names: dict[Node, str] = field(default_factory=dict)

    def steps(self, facts: Facts) -> tuple[Step, ...] | Refusal:
        """The steps, none where nothing changes."""
        ends: dict[str, Value] = {}
        for old, new in zip(self.graph.outputs, self.copy.outputs, strict=True):
            if (old.node.name, old.index) != (new.node.name, new.index):
                if old.index:
                    return Refusal(old.node, f"{old.name} is an output, and only output 0 of a node can be turned back")
                ends[old.node.name] = new
        # What an output was stands under another name; its own name is that of the Transpose behind it.
        self.names = {self.copy.node(name): f"{name}/nchw" for name in ends}
        self.backs = {new.node: self.graph.get(name) for name, new in ends.items()}
        steps: list[Step] = []
        for node in self.copy.order().nodes:
            steps += self._node(node, facts)
        stale = [n for n in self.graph if _SHAPES in n.attrs] if steps else []
        return (*steps, *(DropAttrs(n, (_SHAPES,)) for n in stale))

    def _node(self, node: Node, facts: Facts) -> list[Step]:
        back = self.backs.get(node)
        if back is not None:
            dtype = dtype_of(back, facts.specs.output(back))
            attrs: dict[str, AttrPy] = {"T": dtype, "Tperm": DType.INT32}
            return list(become(back, "Transpose", tuple(self._ref(v) for v in node.inputs), attrs))
        before = self.graph.get(node.name)
        if before is None or node in self.names:
            controls = tuple(c for c in (self.graph.get(c.name) for c in node.controls) if c is not None)
            inputs = tuple(self._ref(v) for v in node.inputs)
            return [Make(self.names.get(node, node.name), node.op, inputs, self._attrs(node), controls)]
        return list(self._changed(before, node))

    def _changed(self, before: Node, after: Node) -> tuple[Step, ...]:
        steps: list[Step] = [SetOp(before, after.op)] if before.op != after.op else []
        inputs = tuple(self._ref(v) for v in after.inputs)
        if inputs != before.inputs:
            steps.append(SetInputs(before, inputs))
        attrs = self._attrs(after)
        steps += [SetAttr(before, k, v) for k, v in attrs.items() if before.attr(k) != v]
        gone = tuple(k for k in before.attrs if k not in attrs and k != _SHAPES)
        return (*steps, DropAttrs(before, gone)) if gone else tuple(steps)

    def _ref(self, value: Value) -> Ref:
        back = self.backs.get(value.node)
        if back is not None:
            return back.out()
        if value.node in self.names:
            return New(self.names[value.node], value.index)
        before = self.graph.get(value.node.name)
        return New(value.node.name, value.index) if before is None else Value(before, value.index)

    def _attrs(self, node: Node) -> dict[str, AttrPy]:
        attrs = {k: v for k, v in node.attrs.items() if k != _SHAPES}
        value = attrs.get("value")
        fresh = self.graph.get(node.name) is None and all(u.node.op in _BROADCAST for u in self.copy.uses(node))
        if fresh and isinstance(value, Tensor) and len(value.shape) == 4 and value.shape[0] == 1:
            # UFF constants have no batch: [1,C,1,1] is [C,1,1] there, which broadcasts the same.
            attrs["value"] = Tensor.from_array(value.array()[0], value.dtype)
        return attrs


# ---- at the borders ----------------------------------------------------------------------------------------


def _perm(node: Node) -> tuple[int, ...]:
    """The order of a Transpose; empty if it is none or not known."""
    if node.op != "Transpose" or len(node.inputs) != 2 or node.controls:
        return ()
    array = array_of(node.inputs[1])
    return tuple(int(a) for a in array.reshape(-1)) if array is not None and array.dtype.kind == "i" else ()


def nchw_input(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """An input that is only transposed to NCHW is fed so."""
    for node in graph.by_op("Placeholder"):
        uses = [u for u in graph.uses(node) if u.slot >= 0]
        shape = node.attr("shape")
        if node not in graph.inputs or not any(_perm(u.node) == TO_NCHW and u.slot == 0 for u in uses):
            continue
        other = next((u.node for u in uses if _perm(u.node) != TO_NCHW or u.slot), None)
        if other is not None:
            yield Refusal(node, f"{other.op} {other.name} reads it as NHWC")
        elif graph.is_output(node) or not isinstance(shape, ShapeValue) or shape.dims is None or len(shape.dims) != 4:
            yield Refusal(node, "it is an output as well, or its shape is not known")
        else:
            dims = shape.dims
            dtype = dtype_of(node, facts.specs.output(node), "dtype")
            steps: list[Step] = [SetAttr(node, "shape", ShapeValue(tuple(dims[i] for i in TO_NCHW)))]
            for reader in dict.fromkeys(u.node for u in uses):
                steps += forward(graph, reader, node.out(), dtype)
            if _SHAPES in node.attrs:
                steps.append(DropAttrs(node, (_SHAPES,)))
            touched = tuple(n for u in uses for n in (u.node, *looked_at(u.node.inputs[1])))
            yield propose(node, *steps, touches=touched, note="fed as NCHW", unsafe="the input has another layout")


def join_transposes(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Transpose behind Transpose as one, or as none."""
    for node in graph.by_op("Transpose"):
        outer, first = _perm(node), node.inputs[0].node if node.inputs else node
        inner = _perm(first)
        dtype = dtype_of(node, facts.specs.output(node))
        if not outer or len(outer) != len(inner) or dtype is DType.INVALID:
            continue
        whole = list(range(len(outer)))
        both = tuple(inner[a] for a in outer) if sorted(outer) == whole == sorted(inner) else ()
        touched = (first, first.inputs[0].node, *looked_at(node.inputs[1]), *looked_at(first.inputs[1]))
        if list(both) == whole:
            steps = forward(graph, node, first.inputs[0], dtype)
            yield propose(node, *steps, touches=touched, note=f"it takes back {first.name}")
        elif both:
            key = f"{node.name}/order"
            attrs: dict[str, AttrPy] = {"T": dtype, "Tperm": DType.INT32}
            steps = become(node, "Transpose", (first.inputs[0], New(key)), attrs)
            order = const_step(key, np.asarray(both, np.int32))
            yield propose(node, order, *steps, touches=touched, note=f"one Transpose with {first.name}")


def flatten_into_weights(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """A Transpose to NHWC in front of a flatten and matrix products: their rows are put in order instead."""
    for node in graph.by_op("Reshape"):
        back = node.inputs[0].node if len(node.inputs) == 2 else node
        if _perm(back) == TO_NHWC:
            yield _flattened(graph, node, back, facts)


def _flattened(graph: GraphView, node: Node, back: Node, facts: Facts) -> Proposal | Refusal:
    source, after = back.inputs[0], facts.specs.output(node).shape
    shape = facts.specs.of(source).shape
    if shape is None or len(shape) != 4 or None in shape[1:] or after is None or len(after) != 2:
        return Refusal(node, "it does not flatten images of a known size")
    image = tuple(d or 0 for d in shape[1:])
    wanted = known_array(facts, node.inputs[1])
    if after[1] != int(np.prod(image)) or wanted is None or wanted.shape != (2,):
        return Refusal(node, "it does not make one row of each image")
    if graph.is_output(node) or node.controls:
        return Refusal(node, "it is an output of the graph, or waits for something")
    steps: list[Step] = []
    touched: list[Node] = [back, source.node, *looked_at(node.inputs[1])]
    for use in graph.uses(node):
        weights = array_of(use.node.inputs[1]) if use.node.op == "MatMul" and use.slot == 0 else None
        if weights is None or weights.ndim != 2 or use.node.attr("transpose_a", False):
            return Refusal(node, f"{use.node.op} {use.node.name} reads it, which has no weights to put in order")
        key = f"{use.node.name}/weights"
        across = bool(use.node.attr("transpose_b", False))
        steps += [
            const_step(key, _in_order(weights, image, across)),
            SetInputs(use.node, (use.node.inputs[0], New(key))),
        ]
        touched += looked_at(use.node.inputs[1])
    if not steps:
        return Refusal(node, "no matrix product reads it")
    steps.append(SetInputs(node, (source, node.inputs[1])))
    note = f"rows of {len(steps) // 2} MatMul in the order of NCHW"
    return propose(node, *steps, touches=tuple(touched), note=note, unsafe="sums are rounded in another order")


def _in_order(weights: Array, image: tuple[int, ...], across: bool) -> Array:
    """Rows for [H,W,C] as rows for [C,H,W]; columns where ``across``."""
    channels, high, wide = image
    rows = weights.T if across else weights
    turned = rows.reshape(high, wide, channels, -1).transpose(2, 0, 1, 3).reshape(rows.shape)
    return np.ascontiguousarray(turned.T if across else turned)


FINDERS = {
    "channels-first": Finder(channels_first),
    "nchw-input": Finder(nchw_input),
    "join-transposes": Finder(join_transposes),
    "flatten-into-weights": Finder(flatten_into_weights),
}
