"""Concatenation on the channel axis alone."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.layout import data_format
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, Step, propose
from graphdoctor.surgery.rewrites.common import become, const_step, dtype_of, has_limit, known_array, looked_at
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


FINDERS = {"concat-to-channel-axis": Finder(concat_to_channel_axis)}
