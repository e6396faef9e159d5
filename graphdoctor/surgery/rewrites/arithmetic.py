"""Arithmetic and splits that the UFF parser lacks, in ops that it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    Drop,
    Facts,
    Make,
    New,
    Proposal,
    Ref,
    Refusal,
    ReplaceValue,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import become, const_step, dtype_of, known_array, lacks, looked_at, with_inputs
from graphdoctor.types import Answer, Array, DType

_FLOATS = (DType.FLOAT, DType.HALF, DType.DOUBLE)
_POWER = "TensorFlow's power is rounded otherwise"
_ROUNDED = "TensorFlow rounds it otherwise than a division"


def add_n(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """AddN as a chain of Add; of more than two floats TensorFlow's kernel takes another order."""
    for node in graph.by_op("AddN"):
        dtype = dtype_of(node, facts.specs.output(node))
        if len(node.inputs) < 2 or not lacks(facts, node):
            continue
        if dtype is DType.INVALID:
            yield Refusal(node, "its dtype is not known")
        else:
            yield _added(node, dtype)


def _added(node: Node, dtype: DType) -> Proposal:
    total: Ref = node.inputs[0]
    steps: list[Step] = []
    for i, value in enumerate(node.inputs[1:-1]):
        key = f"{node.name}/sum_{i}"
        steps.append(Make(key, "Add", (total, value), {"T": dtype}))
        total = New(key)
    steps += become(node, "Add", (total, node.inputs[-1]), {"T": dtype})
    touched, note = tuple(v.node for v in node.inputs), f"AddN -> {len(node.inputs) - 1} Add"
    exact = len(node.inputs) == 2 or dtype.is_integer
    return propose(node, *steps, touches=touched, note=note, unsafe="" if exact else "they are added in another order")


def squared_difference(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """SquaredDifference(x, y) = (x - y) * (x - y)."""
    for node in with_inputs(graph, 2, "SquaredDifference"):
        if not lacks(facts, node):
            continue
        dtype = dtype_of(node, facts.specs.of(node.inputs[0]))
        if dtype not in (*_FLOATS, DType.INT32, DType.INT64):
            yield Refusal(node, f"it is of dtype {dtype.label}")
            continue
        key = f"{node.name}/difference"
        steps = (
            Make(key, "Sub", node.inputs, {"T": dtype}),
            *become(node, "Mul", (New(key), New(key)), {"T": dtype}),
        )
        touched = tuple(v.node for v in node.inputs)
        yield propose(node, *steps, touches=touched, note="SquaredDifference -> Sub, Mul")


def power(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Pow by a constant of 1, 2, 3, 4, 1/2, -1/2 or -1, in Mul, Sqrt, Rsqrt or a division."""
    for node in with_inputs(graph, 2, "Pow"):
        exponent = known_array(facts, node.inputs[1])
        if lacks(facts, node) and exponent is not None and known_array(facts, node.inputs[0]) is None:
            yield _power(node, exponent, facts)


def _power(node: Node, exponent: Array, facts: Facts) -> Proposal | Refusal:
    x, dtype = node.inputs[0], dtype_of(node, facts.specs.of(node.inputs[0]))
    if dtype not in _FLOATS:
        return Refusal(node, f"it is of dtype {dtype.label}")
    if exponent.shape != () and exponent.shape != (1,):
        return Refusal(node, "its exponent is not one number")
    by, key, attrs = float(exponent.reshape(())), f"{node.name}/square", {"T": dtype}
    square = Make(key, "Mul", (x, x), attrs)
    one = const_step(f"{node.name}/one", np.asarray(1, dtype=dtype.numpy), dtype)
    forms: dict[float, tuple[tuple[Step, ...], str, tuple[Ref, ...]]] = {
        2.0: ((), "Mul", (x, x)),
        3.0: ((square,), "Mul", (New(key), x)),
        4.0: ((square,), "Mul", (New(key), New(key))),
        0.5: ((), "Sqrt", (x,)),
        -0.5: ((), "Rsqrt", (x,)),
        -1.0: ((one,), "RealDiv", (New(one.key), x)),
        1.0: ((), "Identity", (x,)),
    }
    if by not in forms:
        return Refusal(node, f"no few products are a power of {by:g}")
    made, op, inputs = forms[by]
    touched = (x.node, *looked_at(node.inputs[1]))
    note = f"Pow by {by:g} -> {op}"
    return propose(node, *made, *become(node, op, inputs, {**attrs}), touches=touched, note=note, unsafe=_POWER)


def reciprocal(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Reciprocal(x) = 1 / x."""
    for node in with_inputs(graph, 1, "Reciprocal", "Inv"):
        if not lacks(facts, node):
            continue
        dtype = dtype_of(node, facts.specs.of(node.inputs[0]))
        if dtype not in _FLOATS:
            yield Refusal(node, f"it is of dtype {dtype.label}")
            continue
        key = f"{node.name}/one"
        steps = (
            const_step(key, np.asarray(1, dtype=dtype.numpy), dtype),
            *become(node, "RealDiv", (New(key), node.inputs[0]), {"T": dtype}),
        )
        yield propose(node, *steps, touches=(node.inputs[0].node,), note=f"{node.op} -> 1 / x", unsafe=_ROUNDED)


def split(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Split as one StridedSlice for each part that is read."""
    for node in with_inputs(graph, 2, "Split"):
        if _wanted(facts, node):
            yield _split(graph, node, facts)


def split_v(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """SplitV as one StridedSlice for each part that is read."""
    for node in with_inputs(graph, 3, "SplitV"):
        if _wanted(facts, node):
            yield _split_v(graph, node, facts)


def unpack(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Unpack as one StridedSlice for each part that is read, which drops the dimension."""
    for node in with_inputs(graph, 1, "Unpack"):
        if _wanted(facts, node):
            yield _unpack(graph, node, facts)


def _wanted(facts: Facts, node: Node) -> bool:
    target = facts.target
    return lacks(facts, node) and (target is None or target.row("StridedSlice").support is Answer.YES)


def _split(graph: GraphView, node: Node, facts: Facts) -> Proposal | Refusal:
    axis, data = known_array(facts, node.inputs[0]), facts.specs.of(node.inputs[1])
    parts, dtype = node.attr("num_split"), dtype_of(node, data)
    if axis is None or axis.size != 1 or data.shape is None or not isinstance(parts, int) or parts < 1:
        return Refusal(node, "its axis or the rank of its input is not known")
    at = int(axis.reshape(-1)[0]) % len(data.shape)
    size = data.shape[at]
    if size is None or size % parts:
        return Refusal(node, f"the size of dimension {at} is not known")
    bounds = [(k * size // parts, (k + 1) * size // parts) for k in range(parts)]
    return _parts(graph, node, _Cut(node.inputs[1], at, bounds, dtype), looked_at(node.inputs[0]))


def _split_v(graph: GraphView, node: Node, facts: Facts) -> Proposal | Refusal:
    data = facts.specs.of(node.inputs[0])
    sizes, axis = known_array(facts, node.inputs[1]), known_array(facts, node.inputs[2])
    dtype = dtype_of(node, data)
    if sizes is None or axis is None or axis.size != 1 or data.shape is None:
        return Refusal(node, "its sizes, its axis or the rank of its input are not known")
    at = int(axis.reshape(-1)[0]) % len(data.shape)
    lengths, whole = [int(s) for s in sizes.reshape(-1)], data.shape[at]
    if -1 in lengths:
        if whole is None:
            return Refusal(node, f"the size of dimension {at} is not known")
        lengths[lengths.index(-1)] = whole - sum(s for s in lengths if s >= 0)
    if min(lengths) < 0:
        return Refusal(node, f"its sizes {lengths} do not fit")
    ends = [sum(lengths[: k + 1]) for k in range(len(lengths))]
    bounds = [(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    known = (*looked_at(node.inputs[1]), *looked_at(node.inputs[2]))
    return _parts(graph, node, _Cut(node.inputs[0], at, bounds, dtype), known)


def _unpack(graph: GraphView, node: Node, facts: Facts) -> Proposal | Refusal:
    data, axis, parts = facts.specs.of(node.inputs[0]), node.attr("axis"), node.attr("num")
    if data.shape is None or not isinstance(parts, int) or not isinstance(axis, (int, type(None))):
        return Refusal(node, "its axis or the rank of its input is not known")
    at = (axis or 0) % len(data.shape)
    bounds = [(k, k + 1) for k in range(parts)]
    return _parts(graph, node, _Cut(node.inputs[0], at, bounds, dtype_of(node, data), drops=True), ())


class _Cut(NamedTuple):
    """``data`` in parts along ``axis``, each from its first element to the one behind its last."""

    data: Value
    axis: int
    bounds: Sequence[tuple[int, int]]
    dtype: DType
    drops: bool = False
    """True if the parts, of one element, lose the dimension."""


def _parts(graph: GraphView, node: Node, cut: _Cut, known: Iterable[Node]) -> Proposal | Refusal:
    if graph.is_output(node):
        return Refusal(node, "it is an output of the graph, and its parts must keep their names")
    if cut.dtype is DType.INVALID or node.controls or any(u.slot < 0 for u in graph.uses(node)):
        return Refusal(node, "it waits for something, or something for it")
    used = sorted({u.index for u in graph.uses(node)})
    if used and used[-1] >= len(cut.bounds):
        return Refusal(node, f"output {used[-1]} is read, and it has {len(cut.bounds)}")
    steps = [step for part in used for step in _slice(node, part, cut)]
    touched = (cut.data.node, *known)
    return propose(node, *steps, Drop(node), touches=touched, note=f"{node.op} -> {len(used)} StridedSlice")


def _slice(node: Node, part: int, cut: _Cut) -> tuple[Step, ...]:
    """Part number ``part``; the masks leave every other dimension as it is, whatever its size."""
    axis, dtype = cut.axis, cut.dtype
    begin, end, step, key = (f"{node.name}/{word}_{part}" for word in ("begin", "end", "step", "part"))
    corner = np.zeros(axis + 1, np.int32)
    start, stop = corner.copy(), corner.copy()
    start[axis], stop[axis] = cut.bounds[part]
    mask = (1 << axis) - 1
    attrs = {"T": dtype, "Index": DType.INT32, "begin_mask": mask, "end_mask": mask}
    none = {"ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": int(cut.drops) << axis}
    return (
        const_step(begin, start),
        const_step(end, stop),
        const_step(step, np.ones(axis + 1, np.int32)),
        Make(key, "StridedSlice", (cut.data, New(begin), New(end), New(step)), {**attrs, **none}),
        ReplaceValue(node.out(part), New(key)),
    )


FINDERS = {
    "add-n-to-adds": Finder(add_n),
    "squared-difference-to-mul": Finder(squared_difference),
    "pow-to-mul": Finder(power),
    "reciprocal-to-division": Finder(reciprocal),
    "split-to-strided-slices": Finder(split),
    "split-v-to-strided-slices": Finder(split_v),
    "unpack-to-strided-slices": Finder(unpack),
}
