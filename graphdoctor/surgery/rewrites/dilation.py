"""A convolution between SpaceToBatchND and BatchToSpaceND is a dilated one, or one of a wider kernel with zeros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from graphdoctor.ir import GraphView, Node
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
    StandFor,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import (
    const_step,
    dtype_of,
    forward,
    is_absent_or,
    known_array,
    looked_at,
    with_inputs,
)
from graphdoctor.types import Array, DType

_BETWEEN = frozenset({"BiasAdd", "Relu", "Relu6", "Identity"})
"""Ops that do the same to each place: they do not mind in which order the places come."""
_CONVOLUTIONS = frozenset({"Conv2D", "DepthwiseConv2dNative"})
_SHAPES = "_output_shapes"
_MOST_WEIGHTS = 1 << 22
"""Of a kernel with zeros in it; each weight costs a multiplication for every pixel."""


class _Sandwich(NamedTuple):
    """``first`` is the SpaceToBatchND, ``last`` the BatchToSpaceND, ``between`` what stands behind the convolution."""

    first: Node
    conv: Node
    between: tuple[Node, ...]
    last: Node


def into_dilation(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """SpaceToBatchND, Conv2D, BatchToSpaceND -> a dilated Conv2D."""
    for found in _sandwiches(graph):
        if found.conv.op == "Conv2D":
            yield _proposed(graph, found, facts, wide=False)
        elif facts.target is None or facts.target.parser != "uff":  # there it is given a wider kernel
            yield Refusal(found.last, f"TensorFlow runs no dilated {found.conv.op} on a CPU")


def into_wide_kernel(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """SpaceToBatchND, DepthwiseConv2dNative, BatchToSpaceND -> one convolution with zeros between its weights.

    For UFF parsers: the converter makes a dilated layer of the three ops only around Conv2D.
    """
    if facts.target is not None and facts.target.parser == "uff":
        for found in _sandwiches(graph):
            if found.conv.op != "Conv2D":
                yield _proposed(graph, found, facts, wide=True)


def _sandwiches(graph: GraphView) -> Iterator[_Sandwich]:
    found = (_sandwich(last) for last in with_inputs(graph, 3, "BatchToSpaceND"))
    return (f for f in found if f is not None)


def _proposed(graph: GraphView, found: _Sandwich, facts: Facts, *, wide: bool) -> Proposal | Refusal:
    reason = _why_not(graph, found)
    return Refusal(found.last, reason) if reason else _judged(graph, found, facts, wide)


def _sandwich(last: Node) -> _Sandwich | None:
    node, between = last.inputs[0].node, []
    while node.op in _BETWEEN and node.inputs:
        between.append(node)
        node = node.inputs[0].node
    if node.op not in _CONVOLUTIONS or len(node.inputs) != 2:
        return None
    first = node.inputs[0].node
    return _Sandwich(first, node, tuple(between), last) if _is_first(first) else None


def _is_first(node: Node) -> bool:
    return node.op == "SpaceToBatchND" and len(node.inputs) == 3


def _why_not(graph: GraphView, found: _Sandwich) -> str:
    conv = found.conv
    for node in (conv, *found.between):
        if graph.is_output(node) or node in graph.inputs:
            return f"{node.name} is an output of the graph"
        if sum(u.slot >= 0 for u in graph.uses(node)) != 1:
            return f"something else reads {node.name} too"
        if not is_absent_or(node, "data_format", "NHWC"):
            return f"{node.name} is not NHWC"
    if conv.attr("padding") != "VALID":
        return f"{conv.name} pads itself"
    ones = (1, 1, 1, 1)
    if conv.attr("strides") != ones or not (is_absent_or(conv, "dilations", ones) or not conv.attr("dilations")):
        return f"{conv.name} has strides or a dilation of its own"
    return ""


def _judged(graph: GraphView, found: _Sandwich, facts: Facts, wide: bool) -> Proposal | Refusal:
    first, conv, _, last = found
    values = [known_array(facts, v) for v in (*first.inputs[1:], *last.inputs[1:])]
    kernel = facts.specs.of(conv.inputs[1]).shape
    if any(v is None for v in values):
        return Refusal(last, "its blocks, paddings or crops are not known; fix the size with --input")
    if kernel is None or len(kernel) != 4 or None in kernel[:2]:
        return Refusal(last, "the size of the kernel is not known")
    block, pads, other, crops = (v.astype(np.int64) for v in values if v is not None)
    if block.shape != (2,) or pads.shape != (2, 2) or crops.shape != (2, 2) or block.tolist() != other.tolist():
        return Refusal(last, f"it has not the blocks of {first.name}, of height and width")
    margins = pads - crops
    if (margins < 0).any():
        return Refusal(last, "it crops more than was padded")
    weights = known_array(facts, conv.inputs[1]) if wide else None
    if wide and (weights is None or weights.size * block.prod() > _MOST_WEIGHTS):
        return Refusal(last, "its kernel is not constant, or becomes too large with zeros between the weights")
    return _dilated(graph, found, block, margins, (kernel[0] or 0, kernel[1] or 0), facts, weights)


def _dilated(
    graph: GraphView,
    found: _Sandwich,
    block: Array,
    margins: Array,
    kernel: tuple[int, int],
    facts: Facts,
    weights: Array | None,
) -> Proposal | Refusal:
    first, conv, between, last = found
    dtype = dtype_of(conv, facts.specs.of(first.inputs[0]))
    if dtype is DType.INVALID:
        return Refusal(last, "its dtype is not known")
    steps: list[Step] = []
    x: Ref = first.inputs[0]
    same = [[t // 2, t - t // 2] for t in (int(b) * (k - 1) for b, k in zip(block, kernel, strict=True))]
    padding = "SAME" if margins.any() and margins.tolist() == same else "VALID"
    if padding == "VALID" and margins.any():
        rows, pad = f"{conv.name}/paddings", f"{conv.name}/pad"
        steps.append(const_step(rows, np.asarray([[0, 0], *margins.tolist(), [0, 0]], np.int32)))
        steps.append(Make(pad, "Pad", (x, New(rows)), {"T": dtype, "Tpaddings": DType.INT32}))
        x = New(pad)
    weights_of: Ref = conv.inputs[1]
    if weights is None:
        steps.append(SetAttr(conv, "dilations", (1, int(block[0]), int(block[1]), 1)))
    else:
        key = f"{conv.name}/wide"
        steps.append(const_step(key, _with_zeros(weights, block)))
        weights_of = New(key)
    steps += [SetInputs(conv, (x, weights_of)), SetAttr(conv, "padding", padding)]
    steps += [DropAttrs(n, (_SHAPES,)) for n in (conv, *between) if _SHAPES in n.attrs]
    steps += [StandFor(conv, (first, last)), *forward(graph, last, last.inputs[0], dtype)]
    touched = [n for v in (*first.inputs[1:], *last.inputs[1:]) for n in looked_at(v)]
    how = "dilated by" if weights is None else "zeros between the weights, for a dilation of"
    note = f"{how} {int(block[0])} x {int(block[1])}, {padding}"
    return propose(last, *steps, touches=(first, conv, *between, *touched, *looked_at(conv.inputs[1])), note=note)


def _with_zeros(weights: Array, block: Array) -> Array:
    """[h,w,c,m] weights with ``block`` - 1 zeros between each two of height and of width."""
    rows, columns = (int(b) * (k - 1) + 1 for b, k in zip(block, weights.shape[:2], strict=True))
    wide = np.zeros((rows, columns, *weights.shape[2:]), weights.dtype)
    wide[:: int(block[0]), :: int(block[1])] = weights
    return wide


FINDERS = {"into-dilation": Finder(into_dilation), "into-wide-kernel": Finder(into_wide_kernel)}
