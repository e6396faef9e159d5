"""Slices that UFF converters refuse, in the one form that they take."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, propose
from graphdoctor.surgery.rewrites.common import (
    become,
    const_step,
    constant_cone,
    dtype_of,
    known_array,
    lacks,
    looked_at,
    reshape_target,
    with_inputs,
)
from graphdoctor.types import Answer, DType, dims_text

_NO_MASKS = {"ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0}
_LAST = np.iinfo(np.int32).max


def slice_to_strided(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Slice with known corners as StridedSlice, where the target has that."""
    for node in with_inputs(graph, 3, "Slice"):
        if lacks(facts, node) and _has_strided(facts) and constant_cone(node.inputs[0]) is None:
            yield _strided(node, facts)


def _has_strided(facts: Facts) -> bool:
    return facts.target is None or facts.target.row("StridedSlice").support is Answer.YES


def _strided(node: Node, facts: Facts) -> Proposal | Refusal:
    begin, size = (known_array(facts, v) for v in node.inputs[1:])
    dtype, data = dtype_of(node, facts.specs.of(node.inputs[0])), facts.specs.of(node.inputs[0]).shape
    if begin is None or size is None or begin.shape != size.shape or dtype is DType.INVALID:
        return Refusal(node, "where it begins, its size or its dtype is not known")
    start, count = begin.astype(np.int64), size.astype(np.int64)
    if (start < 0).any() or (count < -1).any() or (start + np.maximum(count, 0) > _LAST).any():
        return Refusal(node, "it begins or ends outside of what 32 bits count")
    if data is None or len(data) != len(start):
        return Refusal(node, "the rank of its input is not known")
    # Slice fails where it reaches beyond the data, StridedSlice gives what there is.
    if any(n is None and c >= 0 and s + c > 0 for n, s, c in zip(data, start, count, strict=True)):
        return Refusal(node, "a size that it cuts from is not known; fix it with --input")
    to_end = [c == -1 or s + c == n for n, s, c in zip(data, start, count, strict=True)]
    end_mask = sum(1 << i for i, last in enumerate(to_end) if last)
    whole = sum(1 << i for i, n in enumerate(start) if n == 0)
    names = [f"{node.name}/{word}" for word in ("begin", "end", "step")]
    ends = np.where(to_end, 0, start + count)
    arrays = (start.astype(np.int32), ends.astype(np.int32), np.ones(len(start), np.int32))
    attrs = {"T": dtype, "Index": DType.INT32, "begin_mask": whole, "end_mask": end_mask, **_NO_MASKS}
    return propose(
        node,
        *(const_step(name, array) for name, array in zip(names, arrays, strict=True)),
        *become(node, "StridedSlice", (node.inputs[0], *map(New, names)), {**attrs}),
        touches=(node.inputs[0].node, *looked_at(node.inputs[1]), *looked_at(node.inputs[2])),
        note="Slice -> StridedSlice",
    )


def plain_strided(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """StridedSlice with an ellipsis or new dimensions as one of all dimensions, and a Reshape."""
    if facts.target is not None and (facts.target.parser != "uff" or not _has_strided(facts)):
        return
    for node in with_inputs(graph, 4, "StridedSlice"):
        if (node.attr("new_axis_mask", 0) or node.attr("ellipsis_mask", 0)) and constant_cone(node.inputs[0]) is None:
            yield _plain(node, facts)


def _plain(node: Node, facts: Facts) -> Proposal | Refusal:
    corners = [known_array(facts, v) for v in node.inputs[1:]]
    spec, after = facts.specs.of(node.inputs[0]), facts.specs.output(node).shape
    dtype = dtype_of(node, spec)
    if any(c is None for c in corners) or spec.rank is None or after is None or dtype is DType.INVALID:
        return Refusal(node, "its corners or the rank of its input are not known")
    dense = _spelled_out(node, [c for c in corners if c is not None], spec.rank)
    if dense is None:
        return Refusal(node, "it has more indices than its input has dimensions")
    arrays, begin_mask, end_mask, shrink = dense
    names = [f"{node.name}/{word}" for word in ("begin", "end", "step")]
    steps = [const_step(name, np.asarray(a, np.int32)) for name, a in zip(names, arrays, strict=True)]
    masks = {"begin_mask": begin_mask, "end_mask": end_mask, **_NO_MASKS, "shrink_axis_mask": shrink}
    attrs = {"T": dtype, "Index": DType.INT32, **masks}
    touched = (node.inputs[0].node, *(n for v in node.inputs[1:] for n in looked_at(v)))
    inputs: tuple[Ref, ...] = (node.inputs[0], *map(New, names))
    if not node.attr("new_axis_mask", 0):
        note = "the ellipsis spelled out"
        return propose(node, *steps, *become(node, "StridedSlice", inputs, {**attrs}), touches=touched, note=note)
    target = reshape_target(after)
    if target is None:
        return Refusal(node, f"more than one dimension of the result {dims_text(after)} is unknown")
    shape, part = f"{node.name}/shape", f"{node.name}/part"
    return propose(
        node,
        *steps,
        Make(part, "StridedSlice", inputs, attrs),
        const_step(shape, target),
        *become(node, "Reshape", (New(part), New(shape)), {"T": dtype, "Tshape": DType.INT32}),
        touches=touched,
        note=f"new dimensions by Reshape to {dims_text(after)}",
    )


def _spelled_out(
    node: Node, corners: list[np.ndarray], rank: int
) -> tuple[tuple[list[int], list[int], list[int]], int, int, int] | None:
    """Begin, end and step of every dimension, then the masks of begin, end and shrinking; ``None`` if it cannot be."""
    masks = {k: int(str(node.attr(f"{k}_mask", 0))) for k in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    count = len(corners[0])
    real = [i for i in range(count) if not (masks["new_axis"] >> i & 1) and not (masks["ellipsis"] >> i & 1)]
    if len(real) > rank:
        return None
    rows: list[tuple[int, int, int]] = []
    found = {"begin": 0, "end": 0, "shrink_axis": 0}
    for i in range(count):
        if masks["ellipsis"] >> i & 1:
            for _ in range(rank - len(real)):
                found["begin"] |= 1 << len(rows)
                found["end"] |= 1 << len(rows)
                rows.append((0, 0, 1))
        elif i in real:
            for key in found:
                found[key] |= (masks[key] >> i & 1) << len(rows)
            rows.append((int(corners[0][i]), int(corners[1][i]), int(corners[2][i])))
    begin, end, step = ([row[k] for row in rows] for k in range(3))
    return (begin, end, step), found["begin"], found["end"], found["shrink_axis"]


FINDERS = {"slice-to-strided-slice": Finder(slice_to_strided), "plain-strided-slice": Finder(plain_strided)}
