"""A batch size that was exported with the graph, opened again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    DropAttrs,
    Facts,
    New,
    Proposal,
    Refusal,
    SetAttr,
    SetInputs,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import const_step, dims_known, known_array, looked_at, reshape_target
from graphdoctor.types import DType
from graphdoctor.wire.attrs import ShapeValue

_SAME = frozenset(
    "Identity Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh Softplus Softsign Neg Abs Exp Log Sqrt Rsqrt Square Floor "
    "Ceil Round Erf Cast StopGradient Snapshot CheckNumerics LogicalNot Sign Reciprocal".split()
)
_BINARY = frozenset(
    "Add AddV2 Sub Mul RealDiv Div Maximum Minimum Pow SquaredDifference Greater GreaterEqual Less LessEqual Equal "
    "NotEqual LogicalAnd LogicalOr FloorDiv FloorMod".split()
)
_FIRST = frozenset(
    "Conv2D DepthwiseConv2dNative BiasAdd LRN MaxPool AvgPool ResizeBilinear ResizeNearestNeighbor FusedBatchNorm "
    "FusedBatchNormV2 FusedBatchNormV3 DepthToSpace SpaceToDepth".split()
)
"""Ops that work on each item of input 0; their other inputs are not of the batch."""
_REDUCING = frozenset({"Mean", "Sum", "Max", "Min", "Prod", "Any", "All"})
_SIZES = frozenset("StridedSlice Pack ConcatV2 Cast Prod Mul GatherV2 Slice Identity".split())
"""What a shape passes on its way to a Reshape."""
_SHAPES = "_output_shapes"


def open_batch(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Let every input take any number of items, where no node looks at more than one item at a time."""
    inputs = [n for n in graph.inputs if n.op == "Placeholder" and _size(n)]
    if not inputs:
        return
    if len(sizes := {_size(n) for n in inputs}) > 1:
        yield Refusal(inputs[0], f"the inputs have {' and '.join(str(s) for s in sorted(sizes))} items")
        return
    walk = _Walk(graph, facts, _size(inputs[0]), {n.out() for n in inputs})
    for node in graph.order().nodes:
        reason = walk.visit(node)
        if reason:
            yield Refusal(inputs[0], f"{node.op} {node.name}: {reason}")
            return
    yield _opened(graph, inputs, walk)


def _size(node: Node) -> int:
    """The fixed batch of a placeholder, 0 where it has none."""
    shape = node.attr("shape")
    dims = shape.dims if isinstance(shape, ShapeValue) else None
    return (dims[0] or 0) if dims and len(dims) > 1 else 0


@dataclass
class _Walk:
    """Which values have the batch in front, found producers first, and the Reshapes that must let it open."""

    graph: GraphView
    facts: Facts
    size: int
    carried: set[Value]
    reshapes: dict[Node, tuple[int | None, ...]] = field(default_factory=dict)
    touched: dict[Node, None] = field(default_factory=dict)

    def visit(self, node: Node) -> str:
        """Take ``node`` in; why it cannot work on an open batch, empty if it can."""
        slots = [i for i, v in enumerate(node.inputs) if v in self.carried]
        if not slots:
            return ""
        self.touched[node] = None
        if node.op == "Shape":
            return self._ends_in_reshapes(node)
        reason = self._judge(node, slots)
        if not reason:
            self.carried.add(node.out())
        return reason

    def _ends_in_reshapes(self, node: Node) -> str:
        """A shape that only says the shape of Reshapes: they get a constant one."""
        waiting, seen = [node], {node}
        while waiting:
            for use in self.graph.uses(waiting.pop()):
                if use.slot < 0 or (use.node.op == "Reshape" and use.slot == 1) or use.node in seen:
                    continue
                if use.node.op not in _SIZES:
                    return f"{use.node.op} {use.node.name} computes with the batch"
                seen.add(use.node)
                waiting.append(use.node)
        return "" if not any(self.graph.is_output(n) for n in seen) else "an output says the batch"

    def _judge(self, node: Node, slots: list[int]) -> str:
        if self._shape(node.inputs[slots[0]]) is None:
            return "the shape of its input is not known"
        if node.op in _SAME:
            return ""
        if node.op in _BINARY:
            return self._binary(node)
        special = _SPECIAL.get(node.op) or (_SPECIAL["reducing"] if node.op in _REDUCING else None)
        if slots != [0] and node.op != "ConcatV2":
            return "it reads the batch elsewhere than at input 0"
        if node.op in _FIRST:
            training = node.op.startswith("FusedBatchNorm") and node.attr("is_training", True) is not False
            return "it is in training, and looks at the whole batch" if training else ""
        return special(self, node, slots) if special else "it may look at several items at once"

    def _shape(self, value: Value) -> tuple[int, ...] | None:
        return dims_known(self.facts.specs.of(value).shape)

    def _binary(self, node: Node) -> str:
        shapes = [self._shape(v) for v in node.inputs]
        if len(shapes) != 2 or shapes[0] is None or shapes[1] is None:
            return "the shape of an input is not known"
        ranks = [len(s) for s in shapes if s is not None]
        for value, shape, other in zip(node.inputs, shapes, reversed(ranks), strict=True):
            if value in self.carried:
                if len(shape or ()) < max(ranks):
                    return "the batch does not stand in front of both"
            elif len(shape or ()) > other or (len(shape or ()) == other and (shape or (1,))[0] != 1):
                return "it adds something of its own for each item"
        return ""

    def _axes(self, node: Node, value: Value) -> tuple[int, ...] | None:
        found, shape = known_array(self.facts, value), self._shape(node.inputs[0])
        if found is None or shape is None or found.dtype.kind not in "iu":
            return None
        return tuple(int(a) % len(shape) for a in found.reshape(-1))

    def matmul(self, node: Node, slots: list[int]) -> str:
        return "it is transposed" if node.attr("transpose_a") else ""

    def softmax(self, node: Node, slots: list[int]) -> str:
        shape = self._shape(node.inputs[0])
        return "" if shape is not None and len(shape) > 1 else "it compares the items"

    def concat(self, node: Node, slots: list[int]) -> str:
        axes = self._axes(node, node.inputs[-1])
        if axes is None or len(axes) != 1 or axes == (0,):
            return "it joins items, or its axis is not known"
        return "" if len(slots) == len(node.inputs) - 1 else "not all that it joins is of the batch"

    def reduction(self, node: Node, slots: list[int]) -> str:
        axes = self._axes(node, node.inputs[1])
        return "it reduces over the batch, or its axes are not known" if axes is None or 0 in axes else ""

    def pad(self, node: Node, slots: list[int]) -> str:
        rows = known_array(self.facts, node.inputs[1])
        return "it pads the batch, or its paddings are not known" if rows is None or rows[0].any() else ""

    def transpose(self, node: Node, slots: list[int]) -> str:
        axes = self._axes(node, node.inputs[1])
        return "" if axes is not None and axes[:1] == (0,) else "it moves the batch, or its order is not known"

    def squeeze(self, node: Node, slots: list[int]) -> str:
        dims, shape = node.attr("squeeze_dims"), self._shape(node.inputs[0])
        if not isinstance(dims, tuple) or not dims or shape is None:
            return "it removes every dimension of 1, the batch too"
        return "it removes the batch" if any(isinstance(d, int) and d % len(shape) == 0 for d in dims) else ""

    def expand_dims(self, node: Node, slots: list[int]) -> str:
        axis, shape = known_array(self.facts, node.inputs[1]), self._shape(node.inputs[0])
        if axis is None or shape is None or int(axis.reshape(-1)[0]) % (len(shape) + 1) == 0:
            return "it puts a dimension in front of the batch, or its axis is not known"
        return ""

    def reshape(self, node: Node, slots: list[int]) -> str:
        before, after = self._shape(node.inputs[0]), dims_known(self.facts.specs.output(node).shape)
        if before is None or after is None:
            return "its shape is not known"
        if not after or after[0] != self.size or math.prod(after[1:]) != math.prod(before[1:]):
            return "it mixes the batch with other dimensions"
        if 0 in after:
            return "it has no elements"
        wanted = known_array(self.facts, node.inputs[1])
        if wanted is None or int(wanted.reshape(-1)[0]) != -1:
            self.reshapes[node] = (None, *after[1:])
        return ""


_SPECIAL: Mapping[str, Callable[[_Walk, Node, list[int]], str]] = {
    "MatMul": _Walk.matmul,
    "Softmax": _Walk.softmax,
    "LogSoftmax": _Walk.softmax,
    "ConcatV2": _Walk.concat,
    "reducing": _Walk.reduction,
    "Pad": _Walk.pad,
    "PadV2": _Walk.pad,
    "MirrorPad": _Walk.pad,
    "Transpose": _Walk.transpose,
    "Squeeze": _Walk.squeeze,
    "ExpandDims": _Walk.expand_dims,
    "Reshape": _Walk.reshape,
}


def _opened(graph: GraphView, inputs: list[Node], walk: _Walk) -> Proposal | Refusal:
    if not any(v in walk.carried for v in graph.outputs):
        return Refusal(inputs[0], "no output depends on it by the batch")
    steps: list[Step] = []
    for node in inputs:
        shape = node.attr("shape")
        dims = shape.dims if isinstance(shape, ShapeValue) and shape.dims is not None else ()
        steps.append(SetAttr(node, "shape", ShapeValue((None, *dims[1:]))))
    for node, wanted in walk.reshapes.items():
        target, key = reshape_target(wanted), f"{node.name}/any_batch"
        if target is None:
            return Refusal(inputs[0], f"the shape of {node.name} is more than 32 bits hold")
        steps += [const_step(key, target), SetInputs(node, (node.inputs[0], New(key)))]
        steps.append(SetAttr(node, "Tshape", DType.INT32))
    steps += [DropAttrs(n, (_SHAPES,)) for n in (*inputs, *walk.touched) if _SHAPES in n.attrs]
    touched = [n for node in walk.touched for v in node.inputs[1:] for n in looked_at(v)]
    note = f"any batch in place of {walk.size}; {len(walk.reshapes)} Reshape let it through"
    unsafe = "inputs and outputs have another shape"
    first, *rest = inputs
    return propose(first, *steps, touches=(*walk.touched, *touched), note=note, unsafe=unsafe, also=tuple(rest))


def open_reshapes(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Put -1 for the batch into Reshapes of an open batch to a shape that starts with a number."""
    for node in graph.by_op("Reshape"):
        if len(node.inputs) != 2:
            continue
        before, wanted = facts.specs.of(node.inputs[0]).shape, known_array(facts, node.inputs[1])
        if before and before[0] is None and wanted is not None and wanted.ndim == 1 and (wanted[:1] > 0).all():
            yield _open_reshape(node, before[1:], [int(d) for d in wanted])


def _open_reshape(node: Node, item: tuple[int | None, ...], wanted: list[int]) -> Proposal | Refusal:
    if None in item or not wanted:
        return Refusal(node, "the size of an item is not known")
    size, rest = math.prod(d or 0 for d in item), [d for d in wanted[1:] if d != -1]
    if not size or 0 in rest:
        return Refusal(node, "it has no elements")
    if -1 in wanted[1:]:
        rest = [size // math.prod(rest) if d == -1 else d for d in wanted[1:]]
    target = reshape_target((None, *rest))
    if math.prod(rest) != size or target is None:
        return Refusal(node, f"an item has {size} elements, and the shape says {wanted}")
    key = f"{node.name}/any_batch"
    steps: list[Step] = [const_step(key, target), SetInputs(node, (node.inputs[0], New(key)))]
    steps.append(SetAttr(node, "Tshape", DType.INT32))
    if _SHAPES in node.attrs:
        steps.append(DropAttrs(node, (_SHAPES,)))
    touched = (node.inputs[0].node, *looked_at(node.inputs[1]))
    note = f"shape {target.tolist()} in place of {wanted}"
    return propose(node, *steps, touches=touched, note=note, unsafe="outputs have another shape for another batch")


FINDERS = {"open-batch": Finder(open_batch), "open-reshapes": Finder(open_reshapes)}
