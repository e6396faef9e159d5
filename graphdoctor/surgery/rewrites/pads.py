"""Pads that do nothing, pads behind pads, and pads in front of an activation."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    DropAttrs,
    Facts,
    Make,
    New,
    Proposal,
    Refusal,
    ReplaceValue,
    SetAttr,
    SetInputs,
    StandFor,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import const_step, dtype_of, forward, known_array, looked_at
from graphdoctor.types import Array, DType

_PADS = ("Pad", "PadV2", "MirrorPad")
_ZERO_STAYS = tuple("Relu Relu6 LeakyRelu Elu Selu Tanh Abs Softsign Square Sqrt Sign Floor Ceil Round Rint".split())
"""Ops that give 0, and not -0, for 0, and the same for a number wherever it stands in a tensor."""
_WITH_NUMBER = ("Mul", "RealDiv", "Minimum", "Maximum")
"""Ops that may do so too, with one number as the other operand."""
_LONGEST = 8
"""Ops between a Pad and the convolution that it belongs to."""
_PADDED = frozenset({"Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool"})
_SHAPES = "_output_shapes"


def empty_pads(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Remove pads by nothing."""
    for node in graph.by_op(*_PADS):
        paddings = known_array(facts, node.inputs[1]) if len(node.inputs) > 1 else None
        if paddings is None or not paddings.size or paddings.any():
            continue
        dtype = dtype_of(node, facts.specs.of(node.inputs[0]))
        steps = forward(graph, node, node.inputs[0], dtype)
        touched = (node.inputs[0].node, *looked_at(node.inputs[1]))
        yield propose(node, *steps, touches=touched, note=f"{node.op} by nothing removed")


def merge_pads(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Two Pads, one behind the other, as one."""
    for node in graph.by_op("Pad"):
        first = node.inputs[0].node if len(node.inputs) == 2 else None
        if first is None or first.op != "Pad" or len(first.inputs) != 2 or first.controls:
            continue
        if graph.is_output(first) or sum(u.slot >= 0 for u in graph.uses(first)) != 1:
            yield Refusal(node, f"something else reads {first.name} too")
        else:
            yield _merged(node, first, facts)


def _merged(node: Node, first: Node, facts: Facts) -> Proposal | Refusal:
    inner, outer = known_array(facts, first.inputs[1]), known_array(facts, node.inputs[1])
    if inner is None or outer is None or inner.shape != outer.shape:
        return Refusal(node, "both paddings must be known")
    total: Array = inner.astype(np.int64) + outer.astype(np.int64)
    if total.max(initial=0) > np.iinfo(np.int32).max:
        return Refusal(node, "the paddings together are more than 32 bits hold")
    key = f"{node.name}/paddings"
    steps: tuple[Step, ...] = (
        const_step(key, total.astype(np.int32)),
        SetInputs(node, (first.inputs[0], New(key))),
        SetAttr(node, "Tpaddings", DType.INT32),
        StandFor(node, (first,)),
    )
    touched = (first, *looked_at(first.inputs[1]), *looked_at(node.inputs[1]))
    return propose(node, *steps, touches=touched, note=f"with the paddings of {first.name}")


def pad_behind_activation(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Pad, activation, convolution -> activation, Pad, convolution: where a parser has Pad, it has it there alone."""
    for node in graph.by_op(*_ZERO_STAYS, *_WITH_NUMBER):
        slot = _zero_stays(node, facts)
        pad = node.inputs[slot].node if slot is not None else None
        if slot is None or pad is None or pad.op != "Pad" or len(pad.inputs) != 2:
            continue
        if _ends_in_layers(graph, node, facts):
            yield _swapped(graph, node, slot, pad, facts)


def _ends_in_layers(graph: GraphView, node: Node, facts: Facts) -> bool:
    """True if only layers that take a Pad read ``node``, or one op like it that does."""
    for _ in range(_LONGEST):
        readers = [u.node for u in graph.uses(node) if u.slot >= 0]
        if len(readers) != 1 or _zero_stays(readers[0], facts) is None:
            return bool(readers) and all(r.op in _PADDED for r in readers)
        node = readers[0]
    return False


def _zero_stays(node: Node, facts: Facts) -> int | None:
    """The input that ``node`` gives 0 for where it is 0, whatever its attributes and other inputs are."""
    if node.op in _ZERO_STAYS and len(node.inputs) == 1:
        alpha = node.attr("alpha", 0.2)
        return 0 if node.op != "LeakyRelu" or (isinstance(alpha, float) and 0 < alpha < np.inf) else None
    if node.op not in _WITH_NUMBER or len(node.inputs) != 2:
        return None
    for slot in (0, 1) if node.op != "RealDiv" else (0,):
        number = known_array(facts, node.inputs[1 - slot])
        if number is not None and number.shape == () and _keeps_zero(node.op, number.item()):
            return slot
    return None


def _keeps_zero(op: str, number: object) -> bool:
    """True if ``op`` of 0 and ``number`` is 0, and not -0."""
    if not isinstance(number, float | int) or not np.isfinite(number) or (np.signbit(number) and number == 0):
        return False
    if op == "Maximum":
        return number <= 0
    return number > 0 or (number == 0 and op != "RealDiv")


def _swapped(graph: GraphView, node: Node, slot: int, pad: Node, facts: Facts) -> Proposal | Refusal:
    for kept in (node, pad):
        if graph.is_output(kept):
            return Refusal(node, f"{kept.name} is an output of the graph")
        if kept.controls or any(u.slot < 0 for u in graph.uses(kept)):
            return Refusal(node, f"{kept.name} waits for something, or something for it")
    if sum(u.slot >= 0 for u in graph.uses(pad)) != 1:
        return Refusal(node, f"something else reads {pad.name} too")
    dtype = dtype_of(node, facts.specs.of(pad.inputs[0]))
    if dtype is DType.INVALID:
        return Refusal(node, "its dtype is not known")
    key = f"{node.name}/pad"
    attrs = {"T": dtype, "Tpaddings": dtype_of(pad, facts.specs.of(pad.inputs[1]), "Tpaddings")}
    inputs = tuple(pad.inputs[0] if i == slot else v for i, v in enumerate(node.inputs))
    steps: list[Step] = [SetInputs(node, inputs), Make(key, "Pad", (node.out(), pad.inputs[1]), attrs)]
    steps += [ReplaceValue(node.out(), New(key))]
    steps += [DropAttrs(node, (_SHAPES,))] if _SHAPES in node.attrs else []
    others = [n for i, v in enumerate(node.inputs) if i != slot for n in looked_at(v)]
    return propose(node, *steps, touches=(pad, *others), note=f"{pad.name} moved behind it")


FINDERS = {
    "empty-pads": Finder(empty_pads),
    "merge-pads": Finder(merge_pads),
    "pad-behind-activation": Finder(pad_behind_activation),
}
