"""What many finders use: constants as steps, forwarding, whether a target needs a repair."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdoctor.ir import GraphView, Node, TensorSpec, Value
from graphdoctor.match.constants import constant_of, scalar_of, source_of
from graphdoctor.match.names import marks_branch
from graphdoctor.match.offers import is_writable
from graphdoctor.surgery.proposal import (
    Drop,
    DropAttrs,
    Facts,
    Make,
    ReplaceValue,
    SetAttr,
    SetInputs,
    SetOp,
    Step,
)
from graphdoctor.types import Answer, Array, DType
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.wire.tensors import Tensor, TensorError

IDENTITIES = frozenset({"Identity", "StopGradient", "PreventGradient", "Snapshot"})
"""Ops that give input 0 on as output 0, in the same branch and the same loop."""
_LARGEST_CONE = 64
_LEVELS = 255
"""Steps in the range of 8 bits."""
_LARGEST_BLOWN_UP = 1 << 26
"""Bytes of a constant that repeats one stored value: larger ones are not computed with."""


def with_inputs(graph: GraphView, count: int, *ops: str) -> list[Node]:
    """The nodes of ``ops`` that have ``count`` data inputs, as they should; others are damaged and left alone."""
    return [n for n in graph.by_op(*ops) if len(n.inputs) == count]


def const_step(key: str, array: Array, dtype: DType | None = None) -> Make:
    """Make a constant."""
    tensor = Tensor.from_array(array, dtype)
    return Make(key, "Const", attrs={"dtype": tensor.dtype, "value": tensor})


def array_of(value: Value) -> Array | None:
    """The whole constant that ``value`` is, seen through pass-through nodes.

    ``None`` if it is none, damaged, far larger than what the file holds of it, or waits for something: then it may
    not be there when it is wanted.
    """
    tensor = constant_of(value)
    if tensor is None or any(n.controls for n in path_to_source(value)):
        return None
    try:
        kind = tensor.dtype.numpy
        if kind is None or tensor.element_count * kind.itemsize > max(_LARGEST_BLOWN_UP, 2 * tensor.nbytes_stored):
            return None
        return tensor.array()
    except TensorError:
        return None


def known_array(facts: Facts, value: Value) -> Array | None:
    """The value of ``value``: a constant, or arithmetic on constants that inference has done; else ``None``."""
    inferred = facts.specs.of(value).constant
    return inferred if inferred is not None and constant_cone(value) is not None else array_of(value)


def path_to_source(value: Value) -> tuple[Node, ...]:
    """The nodes from ``value`` back to where it really comes from: what :func:`constant_of` looked at."""
    end, nodes = source_of(value).node, []
    node = value.node
    while node is not end:
        nodes.append(node)
        node = node.inputs[0].node
    return (*nodes, end)


def constant_cone(value: Value) -> tuple[Node, ...] | None:
    """Everything behind ``value`` if that is arithmetic on constants alone, and not too much of it; else ``None``.

    ``None`` too where part of it waits for something by control.
    """
    found = {value.node: None}
    waiting = [value.node]
    while waiting:
        node = waiting.pop()
        if (node.op != "Const" and not node.inputs) or node.controls or takes_range_for_empty(node):
            return None
        for producer in (v.node for v in node.inputs):
            if producer not in found:
                found[producer] = None
                waiting.append(producer)
        if len(found) > _LARGEST_CONE:
            return None
    return tuple(found)


def takes_range_for_empty(node: Node) -> bool:
    """True for a Dequantize whose step is no normal float32: TensorFlow's kernel takes it for zero and gives NaN.

    Arithmetic would give numbers, which is another result.
    """
    if node.op != "Dequantize" or len(node.inputs) != 3:
        return False
    low, high = scalar_of(node.inputs[1]), scalar_of(node.inputs[2])
    return low is not None and high is not None and 0 < high - low < _LEVELS * float(np.finfo(np.float32).tiny)


def looked_at(value: Value) -> tuple[Node, ...]:
    """The nodes that decide what :func:`known_array` says of ``value``."""
    return constant_cone(value) or path_to_source(value)


def dtype_of(node: Node, spec: TensorSpec, key: str = "T") -> DType:
    """Type attribute ``key`` of ``node``, or the dtype of ``spec`` where it is absent; INVALID if unknown."""
    found = node.attr(key)
    return found if isinstance(found, DType) else spec.dtype


def is_absent_or(node: Node, key: str, value: AttrPy) -> bool:
    """True if attribute ``key`` is absent or ``value``."""
    found = node.attr(key)
    return found is None or bool(found == value)


def become(node: Node, op: str, inputs: tuple[Any, ...], attrs: dict[str, AttrPy]) -> tuple[Step, ...]:
    """Steps that make another op of ``node``: it keeps its name, its control inputs and its place among the outputs.

    ``inputs`` are values or nodes made in the same proposal; ``attrs`` replace all attributes but TensorFlow's
    private ones (``_class``).
    """
    gone = tuple(k for k in node.attrs if k not in attrs and not k.startswith("_"))
    steps: list[Step] = [SetOp(node, op)] if node.op != op else []
    steps.append(SetInputs(node, inputs))
    if gone:
        steps.append(DropAttrs(node, gone))
    steps += [SetAttr(node, key, value) for key, value in attrs.items() if node.attr(key) != value]
    return tuple(steps)


def forward(graph: GraphView, node: Node, value: Value, dtype: DType) -> tuple[Step, ...]:
    """Steps that put ``value`` in the place of output 0 of ``node``.

    Where the node's name or its control inputs must stay, it becomes an Identity; otherwise it goes.
    """
    if graph.is_output(node) or node.controls or node in graph.inputs or marks_branch(graph, node, value):
        attrs: dict[str, AttrPy] = {"T": dtype} if dtype is not DType.INVALID else {}
        return become(node, "Identity", (value,), attrs)
    return ReplaceValue(node.out(), value), Drop(node)


def lacks(facts: Facts, node: Node, op: str | None = None) -> bool:
    """True if the target lacks the op of ``node`` or may lack it, or if no target was named.

    A target with the ONNX parser sees no TensorFlow ops: it never needs the repairs that ask this.
    """
    target = facts.target
    if target is None:
        return True
    if target.parser != "uff":
        return False
    return target.row(op or node.op).support is not Answer.YES


def has_limit(facts: Facts, name: str, *, without_target: bool) -> bool:
    """True if the target has the limit ``name``; ``without_target`` is the answer where none was named."""
    return without_target if facts.target is None else facts.target.has_limit(name) is not None


def dims_known(shape: tuple[int | None, ...] | None) -> tuple[int, ...] | None:
    """``shape`` if every dimension is known."""
    if shape is None or any(d is None for d in shape):
        return None
    return tuple(d for d in shape if d is not None)


def reshape_target(shape: tuple[int | None, ...] | None) -> Array | None:
    """The int32 argument of a Reshape to ``shape`` with at most one unknown dimension, written as -1."""
    if shape is None or not is_writable(shape):
        return None
    wanted = [-1 if d is None else d for d in shape]
    if any(d > np.iinfo(np.int32).max for d in wanted):
        return None
    return np.asarray(wanted, dtype=np.int32)
