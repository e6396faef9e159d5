"""Steps of a sequence: of one that was just stacked, and of an input, for parsers without slices."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    Drop,
    Facts,
    Make,
    New,
    Proposal,
    Refusal,
    ReplaceValue,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import (
    const_step,
    constant_cone,
    dtype_of,
    forward,
    has_limit,
    known_array,
    lacks,
    looked_at,
    with_inputs,
)
from graphdoctor.surgery.rewrites.reshapes import as_rows
from graphdoctor.types import DType, Shape
from graphdoctor.words import plural

_LARGEST = 1 << 24
"""Numbers in the matrices that pick the steps of one op."""
_PICKS = "NaN and infinities of one step reach the others"


def slice_of_stack(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """A StridedSlice that takes one whole element of a Pack: what was packed there."""
    for node in with_inputs(graph, 4, "StridedSlice"):
        packed = node.inputs[0].node
        index = _taken(node, packed, facts) if packed.op == "Pack" and not packed.controls else None
        if index is None:
            continue
        value = packed.inputs[index]
        dtype = dtype_of(packed, facts.specs.of(value))
        touched = (packed, value.node, *(n for v in node.inputs[1:] for n in looked_at(v)))
        note = f"element {index} of {packed.name}"
        yield propose(node, *forward(graph, node, value, dtype), touches=touched, note=note)


def _taken(node: Node, packed: Node, facts: Facts) -> int | None:
    """Which element of ``packed`` the StridedSlice ``node`` is, if it is one and the whole of it."""
    shape, axis = facts.specs.output(packed).shape, packed.attr("axis", 0)
    return _index(node, axis % len(shape), shape, facts) if shape and isinstance(axis, int) else None


def _index(node: Node, axis: int, shape: Shape, facts: Facts) -> int | None:
    """Which element along ``axis`` of data of ``shape`` the StridedSlice ``node`` takes, if it is one, whole."""
    corners = [known_array(facts, v) for v in node.inputs[1:]]
    masks = [node.attr(f"{m}_mask", 0) for m in ("ellipsis", "new_axis", "shrink_axis")]
    size = shape[axis] if shape else None
    if shape is None or size is None or any(c is None for c in corners) or masks != [0, 0, 1 << axis]:
        return None
    begin, end, step = ([int(n) for n in c.reshape(-1)] for c in corners if c is not None)
    if not axis < len(begin) <= len(shape):
        return None
    whole = all(_is_whole(node, k, begin[k], end[k], step[k], shape[k]) for k in range(len(begin)) if k != axis)
    index = begin[axis] + size * (begin[axis] < 0)
    return index if whole and 0 <= index < size else None


def _is_whole(node: Node, axis: int, begin: int, end: int, step: int, size: int | None) -> bool:
    """True if the StridedSlice ``node`` takes all of dimension ``axis``."""
    from_start = bool(int(str(node.attr("begin_mask", 0))) >> axis & 1) or begin == 0
    to_end = bool(int(str(node.attr("end_mask", 0))) >> axis & 1) or (size is not None and end >= size)
    return from_start and to_end and step == 1


def step_to_dense(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """A step of a sequence [N,T,F] that dense layers read, as a dense layer that picks it: ones and zeros.

    It has the three dimensions that a dense layer wants, and needs no slices.
    """
    if not has_limit(facts, "fc-3dims", without_target=False):
        return
    for node in (*with_inputs(graph, 1, "Unpack"), *with_inputs(graph, 4, "StridedSlice")):
        shape = facts.specs.of(node.inputs[0]).shape
        if shape is None or len(shape) != 3 or constant_cone(node.inputs[0]) is not None:
            continue
        taken = _steps_of(node, shape, facts)
        if taken and _is_wanted(graph, facts, node):
            yield _picked(graph, node, shape, taken, facts)


def _steps_of(node: Node, shape: Shape, facts: Facts) -> dict[int, int]:
    """Output number to the step that it is; empty if ``node`` takes something else."""
    size = shape[1] if shape is not None else None
    if size is None:
        return {}
    if node.op == "Unpack":
        return {k: k for k in range(size)} if node.attr("axis", 0) in (1, -2) else {}
    index = _index(node, 1, shape, facts)
    return {} if index is None else {0: index}


def _is_wanted(graph: GraphView, facts: Facts, node: Node) -> bool:
    """True if dense layers read it, and the target lacks its op or something is joined to it.

    Where they read it alone, a Reshape before them is enough (reshape-before-dense).
    """
    ops = {u.node.op for u in graph.uses(node)}
    return ops <= {"MatMul", "ConcatV2", "Reshape"} and ("ConcatV2" in ops or ("MatMul" in ops and lacks(facts, node)))


def _picked(graph: GraphView, node: Node, shape: Shape, taken: dict[int, int], facts: Facts) -> Proposal | Refusal:
    dtype = dtype_of(node, facts.specs.of(node.inputs[0]))
    steps, width = (shape[1], shape[2]) if shape is not None else (None, None)
    used = sorted({u.index for u in graph.uses(node)})
    if graph.is_output(node) or node.controls or any(u.slot < 0 for u in graph.uses(node)):
        return Refusal(node, "it is an output of the graph, or something is waited for")
    if not steps or not width or dtype not in (DType.FLOAT, DType.HALF) or not set(used) <= set(taken):
        return Refusal(node, "how many numbers a step has is not known, or they are no floats")
    if steps * width * width * len(used) > _LARGEST:
        return Refusal(node, f"{steps} steps of {width} numbers make the matrices that pick them too large")
    rows, made = as_rows(node, node.inputs[0], steps * width, dtype)
    picks: list[Step] = []
    for output in used:
        key, matrix = f"{node.name}/step_{taken[output]}", np.zeros((steps, width, width), dtype.numpy)
        matrix[taken[output]] = np.eye(width)
        attrs = {"T": dtype, "transpose_a": False, "transpose_b": False}
        picks.append(const_step(f"{key}/pick", matrix.reshape(-1, width)))
        picks.append(Make(key, "MatMul", (rows, New(f"{key}/pick")), attrs))
        picks.append(ReplaceValue(node.out(output), New(key)))
    touched = (node.inputs[0].node, *(n for v in node.inputs[1:] for n in looked_at(v)))
    note = f"{node.op} -> {plural(len(used), 'dense layer')} to pick steps"
    return propose(node, *made, *picks, Drop(node), touches=touched, note=note, unsafe=_PICKS)


FINDERS = {"slice-of-stack": Finder(slice_of_stack), "step-to-dense": Finder(step_to_dense)}
