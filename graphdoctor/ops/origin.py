"""Where an element of a computed shape comes from: which dimension of which value it is.

``Reshape(x, Pack(StridedSlice(Shape(x), 0, 1), -1))`` keeps the first dimension of ``x`` although nobody knows how
large it is. These functions read that off the graph; they answer ``None`` wherever they cannot prove it.
"""

from __future__ import annotations

from typing import NamedTuple

from graphdoctor.ir import Node, Value, tensor_of
from graphdoctor.wire.tensors import TensorError

_MAX_STEPS = 256
_SMALL = 64

_SAME_SHAPE = frozenset(
    """Identity StopGradient PreventGradient Snapshot CheckNumerics Cast OnesLike ZerosLike
    Abs Neg Exp Log Log1p Sqrt Rsqrt Square Reciprocal Inv Floor Ceil Round Sign Sin Cos Tanh Erf LogicalNot
    Relu Relu6 Elu Selu LeakyRelu Sigmoid Softplus Softsign Softmax LogSoftmax LRN BiasAdd
    FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 FakeQuantWithMinMaxVars FakeQuantWithMinMaxArgs""".split()
)
"""Ops whose output 0 has the shape of input 0."""
_SAME_BATCH = frozenset(
    """Conv2D Conv3D DepthwiseConv2dNative MaxPool MaxPoolV2 AvgPool MaxPool3D AvgPool3D
    ResizeBilinear ResizeNearestNeighbor ResizeBicubic""".split()
)
"""Ops whose output 0 has dimension 0 of input 0."""


class DimOf(NamedTuple):
    """Dimension ``axis`` of ``value``."""

    value: Value
    axis: int


def dim_origin(value: Value, axis: int) -> DimOf:
    """The earliest value that is known to have the same dimension as ``axis`` (from the front) of ``value``."""
    for _ in range(_MAX_STEPS):
        before = _axis_before(value.node, axis) if value.index == 0 and value.node.inputs else None
        if before is None:
            break
        value, axis = value.node.inputs[0], before
    return DimOf(value, axis)


def _axis_before(node: Node, axis: int) -> int | None:
    """The axis of input 0 that ``axis`` of output 0 is, if it is one."""
    if node.op in _SAME_SHAPE or (axis == 0 and node.op in _SAME_BATCH):
        return axis
    perm = _constant(node.inputs[1]) if node.op == "Transpose" and len(node.inputs) == 2 else None
    return perm[axis] if perm is not None and axis < len(perm) and perm[axis] >= 0 else None


class _Element(NamedTuple):
    """Element ``at`` of ``value``, a vector (``rank`` 1) or a scalar (``rank`` 0, ``at`` 0)."""

    value: Value
    at: int
    rank: int


def element_origin(value: Value, at: int) -> DimOf | None:
    """The dimension that element ``at`` of the integer vector ``value`` is, if it is one."""
    here: _Element | None = _Element(value, at, 1)
    for _ in range(_MAX_STEPS):
        if here is None or not here.value.node.inputs:
            return None
        if here.value.node.op in ("Shape", "ShapeN"):
            return _of_shape(here)
        here = _behind(here)
    return None


def _of_shape(here: _Element) -> DimOf | None:
    node, port = here.value
    if here.rank != 1 or port >= len(node.inputs):
        return None
    return dim_origin(node.inputs[port], here.at)


def _behind(here: _Element) -> _Element | None:
    """The element that ``here`` was copied from."""
    node, step = here.value.node, _STEPS.get(here.value.node.op)
    return None if step is None or here.value.index != 0 else step(node, here)


def _through(node: Node, here: _Element) -> _Element | None:
    return here._replace(value=node.inputs[0])


def _pack(node: Node, here: _Element) -> _Element | None:
    if here.rank != 1 or here.at >= len(node.inputs) or node.attr("axis", 0) not in (0, -1):
        return None
    return _Element(node.inputs[here.at], 0, 0)


def _expand(node: Node, here: _Element) -> _Element | None:
    return _Element(node.inputs[0], 0, 0) if here.rank == 1 and here.at == 0 else None


def _squeeze(node: Node, here: _Element) -> _Element | None:
    return _Element(node.inputs[0], 0, 1) if here.rank == 0 else None


def _concat(node: Node, here: _Element) -> _Element | None:
    at = here.at
    for value in node.inputs[:-1] if here.rank == 1 else ():
        length = _length(value)
        if length is None:
            return None
        if at < length:
            return _Element(value, at, 1)
        at -= length
    return None


def _length(value: Value) -> int | None:
    """The number of elements of a vector that is written down or packed."""
    node = value.node
    if node.op == "Const":
        items = _constant(value)
        return None if items is None else len(items)
    if node.op == "Pack":
        return len(node.inputs)
    return 1 if node.op == "ExpandDims" else None


def _strided(node: Node, here: _Element) -> _Element | None:
    if len(node.inputs) != 4 or node.attr("ellipsis_mask", 0) or node.attr("new_axis_mask", 0):
        return None
    begin, step = _constant(node.inputs[1]), _constant(node.inputs[3])
    if begin is None or step is None or len(begin) != 1 or len(step) != 1:
        return None
    shrinks = bool(node.attr("shrink_axis_mask", 0))
    first = 0 if node.attr("begin_mask", 0) and not shrinks else begin[0]
    if first < 0 or step[0] < 1 or here.rank != (0 if shrinks else 1):
        return None
    return _Element(node.inputs[0], first + here.at * step[0], 1)


def _slice(node: Node, here: _Element) -> _Element | None:
    begin = _constant(node.inputs[1]) if len(node.inputs) == 3 else None
    if begin is None or len(begin) != 1 or here.rank != 1 or begin[0] < 0:
        return None
    return _Element(node.inputs[0], begin[0] + here.at, 1)


def _gather(node: Node, here: _Element) -> _Element | None:
    indices = _constant(node.inputs[1]) if len(node.inputs) >= 2 else None
    if indices is None or here.at >= len(indices) or indices[here.at] < 0:
        return None
    if here.rank == 0 and len(indices) != 1:
        return None
    return _Element(node.inputs[0], indices[here.at], 1)


_STEPS = {
    "Identity": _through,
    "Cast": _through,
    "StopGradient": _through,
    "Pack": _pack,
    "ExpandDims": _expand,
    "Squeeze": _squeeze,
    "ConcatV2": _concat,
    "StridedSlice": _strided,
    "Slice": _slice,
    "Gather": _gather,
    "GatherV2": _gather,
}


def _constant(value: Value) -> list[int] | None:
    """The elements of a small integer constant."""
    tensor = tensor_of(value.node)
    try:
        if tensor is None or tensor.element_count > _SMALL or not tensor.dtype.is_integer:
            return None
        return [int(i) for i in tensor.array().reshape(-1)]
    except TensorError:
        return None
