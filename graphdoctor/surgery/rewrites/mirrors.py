"""Pads that repeat the image, for parsers that pad with zeros alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, Step, propose
from graphdoctor.surgery.rewrites.common import become, const_step, dtype_of, known_array, looked_at, with_inputs
from graphdoctor.types import Answer, Array, DType

_MOST = 64
"""Slices of one node, at most: each is a layer of the engine."""


def mirror_pad(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """MirrorPad as slices of one row or column each, joined by ConcatV2."""
    for node in with_inputs(graph, 2, "MirrorPad"):
        if _wanted(facts):
            yield _judged(node, facts)


def _wanted(facts: Facts) -> bool:
    """True if the target may lack a Pad that repeats, and a UFF parser if it has StridedSlice to do it with."""
    target = facts.target
    if target is None or target.parser == "tftrt":
        return target is None
    if target.parser == "uff":
        return target.row("StridedSlice").support is Answer.YES
    modes = dict(target.row("Pad").attrs).get("mode")
    return modes is not None and "reflect" not in modes


def _judged(node: Node, facts: Facts) -> Proposal | Refusal:
    pads, mode, data = known_array(facts, node.inputs[1]), node.attr("mode"), facts.specs.of(node.inputs[0])
    dtype = dtype_of(node, data)
    if pads is None or pads.ndim != 2 or pads.shape[1] != 2 or dtype is DType.INVALID:
        return Refusal(node, "its paddings or its dtype are not known")
    if mode not in ("REFLECT", "SYMMETRIC") or (pads < 0).any():
        return Refusal(node, "how it pads is not known")
    if not pads.any():
        return Refusal(node, "it pads by nothing")
    if int(pads.sum()) > _MOST:
        return Refusal(node, f"it would take {int(pads.sum())} slices, and {_MOST} is the most")
    if data.shape is None or any(data.shape[a] is None for a in range(len(pads)) if pads[a].any()):
        return Refusal(node, "the size of what it pads is not known; fix it with --input")
    if pads[0].any() and facts.target is not None and facts.target.parser == "uff":
        return Refusal(node, "it pads the batch, which an engine cannot slice")
    return _joined(node, pads.astype(np.int64), int(mode == "REFLECT"), dtype)


def _joined(node: Node, pads: Array, skipped: int, dtype: DType) -> Proposal:
    """One dimension after the other; ``skipped`` is 1 where the border itself is not repeated."""
    axes = [a for a in range(len(pads)) if pads[a].any()]
    steps: list[Step] = []
    value: Ref = node.inputs[0]
    for axis in axes:
        before, after = (int(p) for p in pads[axis])
        rows = [(i, i + 1) for i in range(before - 1 + skipped, skipped - 1, -1)]
        ends = [(i, i + 1) for i in range(-1 - skipped, -1 - skipped - after, -1)]
        keys = [f"{node.name}/dim{axis}_{k}" for k in range(len(rows) + len(ends))]
        for key, (start, stop) in zip(keys, rows + ends, strict=True):
            steps += _row(key, value, axis, start, stop, dtype)
        parts: tuple[Ref, ...] = (*map(New, keys[: len(rows)]), value, *map(New, keys[len(rows) :]))
        at, joined = f"{node.name}/axis{axis}", f"{node.name}/joined{axis}"
        steps.append(const_step(at, np.asarray(axis, np.int32)))
        attrs = {"T": dtype, "Tidx": DType.INT32, "N": len(parts)}
        if axis == axes[-1]:
            steps += become(node, "ConcatV2", (*parts, New(at)), {**attrs})
        else:
            steps.append(Make(joined, "ConcatV2", (*parts, New(at)), attrs))
            value = New(joined)
    touched = (node.inputs[0].node, *looked_at(node.inputs[1]))
    return propose(node, *steps, touches=touched, note=f"{int(pads.sum())} slices joined by {len(axes)} ConcatV2")


def _row(key: str, value: Ref, axis: int, start: int, stop: int, dtype: DType) -> Iterator[Step]:
    """The slice ``start:stop`` of one dimension; the masks leave the others as they are, whatever their size."""
    begin, end, step = np.zeros(axis + 1, np.int32), np.zeros(axis + 1, np.int32), np.ones(axis + 1, np.int32)
    begin[axis], end[axis] = start, stop
    mask = (1 << axis) - 1
    to_end = mask | (1 << axis) if stop == 0 else mask
    names = [f"{key}/{word}" for word in ("begin", "end", "step")]
    yield from (const_step(name, array) for name, array in zip(names, (begin, end, step), strict=True))
    masks = {"begin_mask": mask, "end_mask": to_end, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0}
    yield Make(key, "StridedSlice", (value, *map(New, names)), {"T": dtype, "Index": DType.INT32, **masks})


FINDERS = {"mirror-pad": Finder(mirror_pad)}
