"""Concatenation on the channel axis alone, and concatenation with zeros, which is a Pad."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.layout import data_format
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, Step, propose
from graphdoctor.surgery.rewrites.common import become, const_step, dtype_of, has_limit, known_array, looked_at
from graphdoctor.surgery.rewrites.concat_rows import joined_as_rows
from graphdoctor.types import Answer, DType

_LIMIT = "concat-channel-only"


def concat_to_channel_axis(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """ConcatV2 on the height or width: transposed to the channel axis, concatenated there, transposed back."""
    if not has_limit(facts, _LIMIT, without_target=True):
        return
    for node in graph.by_op("ConcatV2"):
        if len(node.inputs) < 2 or all(v.node.op == "Transpose" for v in node.inputs[:-1]):
            continue
        axis = known_array(facts, node.inputs[-1])
        if axis is None or axis.size != 1:
            yield Refusal(node, "its axis is not a known constant")
        elif facts.specs.output(node).rank == 4:
            yield from _judged(graph, node, int(axis.reshape(-1)[0]), facts)
        elif facts.specs.output(node).rank in (3, 5, 6):
            yield joined_as_rows(node, int(axis.reshape(-1)[0]), facts)


def _judged(graph: GraphView, node: Node, axis: int, facts: Facts) -> Found:
    layout = data_format(graph, node.out())
    if not isinstance(layout, str):
        yield Refusal(node, layout.reason)
        return
    channel = 1 if layout == "NCHW" else 3
    axis %= 4
    if axis == channel:
        return
    if axis == 0:
        yield Refusal(node, "it joins along the batch, and a Transpose cannot move that")
    elif facts.target is not None and facts.target.row("Transpose").support is not Answer.YES:
        yield Refusal(node, f"{facts.target.name} has no Transpose to bring axis {axis} to the channels")
    else:
        yield _transposed(node, axis, channel, facts)


def _transposed(node: Node, axis: int, channel: int, facts: Facts) -> Proposal | Refusal:
    dtype = dtype_of(node, facts.specs.output(node))
    if dtype is DType.INVALID:
        return Refusal(node, "its dtype is not known")
    perm = [0, 1, 2, 3]
    perm[axis], perm[channel] = channel, axis
    order, at, joined = f"{node.name}/perm", f"{node.name}/channel_axis", f"{node.name}/channels"
    attrs = {"T": dtype, "Tperm": DType.INT32}
    data, keys = node.inputs[:-1], [f"{node.name}/turned_{i}" for i in range(len(node.inputs) - 1)]
    steps: list[Step] = [const_step(order, np.asarray(perm, np.int32)), const_step(at, np.asarray(channel, np.int32))]
    steps += [Make(key, "Transpose", (v, New(order)), attrs) for key, v in zip(keys, data, strict=True)]
    inputs: tuple[Ref, ...] = (*(New(k) for k in keys), New(at))
    steps.append(Make(joined, "ConcatV2", inputs, {"T": dtype, "Tidx": DType.INT32, "N": len(keys)}))
    steps += become(node, "Transpose", (New(joined), New(order)), {**attrs})
    touched = (*(v.node for v in data), *looked_at(node.inputs[-1]))
    return propose(node, *steps, touches=touched, note=f"axis {axis} turned to the channel axis {channel}")


Dims = tuple[int | None, ...]


def zeros_to_pad(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """ConcatV2 of an image and rows or columns of zeros -> Pad; along the channels no parser pads."""
    for node in graph.by_op("ConcatV2"):
        axis = known_array(facts, node.inputs[-1]) if len(node.inputs) > 2 else None
        if axis is None or axis.size != 1 or facts.specs.output(node).rank != 4:
            continue
        zeros = [_zeros(facts, v) for v in node.inputs[:-1]]
        data = [i for i, z in enumerate(zeros) if z is None]
        layout = data_format(graph, node.out())
        at = int(axis.reshape(-1)[0]) % 4
        if len(data) == 1 and isinstance(layout, str) and at in ((1, 2) if layout == "NHWC" else (2, 3)):
            yield from _padded(node, at, zeros, data[0], facts)


def _zeros(facts: Facts, value: Value) -> Dims | None:
    """The shape of ``value`` if it is nothing but zeros; -0 is none. A Fill of them may have an open batch."""
    array, shape = known_array(facts, value), facts.specs.of(value).shape
    if array is None and value.node.op == "Fill" and len(value.node.inputs) == 2:
        array = known_array(facts, value.node.inputs[1])
    if array is None or array.any() or (array.dtype.kind == "f" and np.signbit(array).any()):
        return None
    return shape


def _padded(node: Node, axis: int, zeros: Sequence[Dims | None], data: int, facts: Facts) -> Found:
    value = node.inputs[data]
    shape, dtype = facts.specs.of(value).shape, dtype_of(node, facts.specs.of(value))
    if shape is None or dtype is DType.INVALID:
        return
    if not all(z is None or _fits(z, shape, axis) for z in zeros):
        yield Refusal(node, f"what is joined with zeros is {facts.specs.of(value)}, not known to be of their size")
        return
    sizes = [0 if z is None else z[axis] or 0 for z in zeros]
    rows = np.zeros((4, 2), np.int32)
    rows[axis] = sum(sizes[:data]), sum(sizes[data:])
    key = f"{node.name}/paddings"
    steps = (
        const_step(key, rows),
        *become(node, "Pad", (value, New(key)), {"T": dtype, "Tpaddings": DType.INT32}),
    )
    touched = (*(v.node for v in node.inputs), *(n for v in node.inputs for n in looked_at(v)))
    yield propose(node, *steps, touches=touched, note=f"zeros on axis {axis} as a Pad")


def _fits(zeros: Dims, shape: Dims, axis: int) -> bool:
    """True if zeros so many on ``axis`` are joined; a batch that both leave open is one, or TensorFlow refuses it."""
    if len(zeros) != len(shape) or zeros[axis] is None:
        return False
    return all(a == b for k, (a, b) in enumerate(zip(zeros, shape, strict=True)) if k != axis)


FINDERS = {
    "concat-to-channel-axis": Finder(concat_to_channel_axis),
    "zeros-to-pad": Finder(zeros_to_pad),
}
