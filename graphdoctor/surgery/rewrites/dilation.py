"""A convolution between SpaceToBatchND and BatchToSpaceND is a dilated one."""

from __future__ import annotations

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


class _Sandwich(NamedTuple):
    """``first`` is the SpaceToBatchND, ``last`` the BatchToSpaceND, ``between`` what stands behind the convolution."""

    first: Node
    conv: Node
    between: tuple[Node, ...]
    last: Node


def into_dilation(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """SpaceToBatchND, Conv2D, BatchToSpaceND -> a dilated Conv2D. The UFF converter wants the three ops."""
    if facts.target is not None and facts.target.parser == "uff":
        return
    for last in with_inputs(graph, 3, "BatchToSpaceND"):
        found = _sandwich(last)
        if found is not None:
            reason = _why_not(graph, found)
            yield Refusal(last, reason) if reason else _judged(graph, found, facts)


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
    if conv.op != "Conv2D":
        return f"TensorFlow runs no dilated {conv.op} on a CPU"
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


def _judged(graph: GraphView, found: _Sandwich, facts: Facts) -> Proposal | Refusal:
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
    return _dilated(graph, found, block, margins, (kernel[0] or 0, kernel[1] or 0), facts)


def _dilated(
    graph: GraphView, found: _Sandwich, block: Array, margins: Array, kernel: tuple[int, int], facts: Facts
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
    steps += [SetInputs(conv, (x, conv.inputs[1])), SetAttr(conv, "padding", padding)]
    steps.append(SetAttr(conv, "dilations", (1, int(block[0]), int(block[1]), 1)))
    steps += [DropAttrs(n, (_SHAPES,)) for n in (conv, *between) if _SHAPES in n.attrs]
    steps += [StandFor(conv, (first, last)), *forward(graph, last, last.inputs[0], dtype)]
    touched = [n for v in (*first.inputs[1:], *last.inputs[1:]) for n in looked_at(v)]
    note = f"dilated by {int(block[0])} x {int(block[1])}, {padding}"
    return propose(last, *steps, touches=(first, conv, *between, *touched), note=note)


FINDERS = {"into-dilation": Finder(into_dilation)}
