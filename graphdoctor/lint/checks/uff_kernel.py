"""Kernels of a UFF file: constants they must be, and as many channels as the data."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.uff_subject import UffSubject, live_nodes, subject
from graphdoctor.wire.uff import UffNode, constant_of, decode_order
from graphdoctor.wire.uff.model import CONST

_WEIGHTED = ("Conv", "ConvTranspose", "FullyConnected")
_THROUGH = frozenset({"Activation", "Unary", "Pool", "BatchNorm", "LRN", "LeakyRelu", "Identity", "Softmax", "Binary"})
"""Ops whose result has the channels of their first input, or of the other where that is a constant."""
_FARTHEST = 256
_MOST_INPUTS = 8


def check(ctx: CheckContext, *, ask: str = "computed") -> Iterator[Hit]:
    """One hit for each node whose kernel is ``computed``, or wants other ``channels`` than there are."""
    of = subject(ctx)
    for node, place in live_nodes(ctx, *_WEIGHTED):
        reason = (_computed if ask == "computed" else _channels)(of, node)
        if reason:
            yield Hit(place, reason)


def _computed(of: UffSubject, node: UffNode) -> str:
    kernel = of.nodes.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if kernel is None or kernel.op == CONST:
        return ""
    return f"its kernel is {kernel.id} ({kernel.op})"


def _channels(of: UffSubject, node: UffNode) -> str:
    """Only between convolutions, where nothing in between changes the channels."""
    wanted = _kernel_channels(of, node, "C") if node.op == "Conv" else None
    given = _given(of, node.inputs[0]) if wanted is not None and node.inputs else None
    if wanted is None or given is None or wanted == given[0]:
        return ""
    return f"its kernel takes {wanted} channels, and {given[1]} gives {given[0]}"


def _given(of: UffSubject, id_: str) -> tuple[int, str] | None:
    """How many channels come out of a node, and of which convolution."""
    for _ in range(_FARTHEST):
        node = of.nodes.get(id_)
        if node is None or not node.inputs:
            return None
        if node.op == "Conv":
            count = _produced(of, node)
            return None if count is None else (count, node.id)
        if len(node.inputs) > _MOST_INPUTS:
            return None
        data = [i for i in node.inputs if (n := of.nodes.get(i)) is not None and n.op != CONST]
        if node.op not in _THROUGH or len(data) != 1 or (node.op == "Binary" and not _keeps(of, node)):
            return None
        id_ = data[0]
    return None


def _keeps(of: UffSubject, node: UffNode) -> bool:
    """True if the constant of a Binary is one number or one for each channel, and cannot widen what it is added to."""
    for id_ in node.inputs:
        const = constant_of(of.model, of.nodes[id_]) if id_ in of.nodes and of.nodes[id_].op == CONST else None
        if const is not None:
            return sum(d != 1 for d in const.shape) <= 1
    return False


def _produced(of: UffSubject, node: UffNode) -> int | None:
    groups = of.model.value(node, "number_groups", "i")
    outputs, inputs = _kernel_channels(of, node, "K"), _kernel_channels(of, node, "C")
    if not isinstance(groups, int) or groups <= 1:
        return outputs
    return None if outputs is None or inputs != groups else outputs * groups


def _kernel_channels(of: UffSubject, node: UffNode, letter: str) -> int | None:
    """The size of the axis ``letter`` of the kernel; a depthwise kernel is [h, w, C, K for each channel]."""
    orders = of.model.value(node, "inputs_orders", "dim_orders_list")
    kernel = of.nodes.get(node.inputs[1]) if len(node.inputs) > 1 else None
    const = constant_of(of.model, kernel) if kernel is not None and kernel.op == CONST else None
    if not isinstance(orders, tuple) or len(orders) < 2 or const is None or len(const.shape) != 4:
        return None
    order = decode_order(orders[1], "KC+")
    if order is None:
        return None
    axes = [axis for group in order for axis in ((group, group) if group == "+" else (group,))]
    return const.shape[axes.index(letter)]
