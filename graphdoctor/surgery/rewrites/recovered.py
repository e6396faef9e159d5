"""Activations written by hand, as the op that they are; in Relu where the target lacks that and what was written."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.piecewise import ROOTS, Piecewise, piecewise
from graphdoctor.surgery.finder import Finder, Found
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, StandFor, Step, propose
from graphdoctor.surgery.rewrites.common import array_of, become, const_step, dtype_of, has_limit, known_array, lacks
from graphdoctor.surgery.rewrites.curves import SELU_ALPHA, SELU_SCALE
from graphdoctor.types import Answer, Array, DType

_FLOATS = (DType.FLOAT, DType.HALF)
_ROUNDED = "a zero may get the other sign, and a sum is rounded elsewhere"
_NEAR = 1e-5
"""Of constants that are written with six or more digits."""


class RecoverOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``recover-activation``: ``always`` also where no target was named."""

    always: bool = False


class _Named(NamedTuple):
    """An activation that is an op; ``alpha`` is the slope of LeakyRelu."""

    op: str
    alpha: float = 0.0


def recover(graph: GraphView, facts: Facts, options: RecoverOptions) -> Found:
    """Sums, maxima and choices that are Relu, LeakyRelu, Elu or Selu of one value."""
    if facts.target is None and not options.always:
        return
    found: dict[Node, Piecewise] = {}
    for node in graph.by_op(*ROOTS):
        if dtype_of(node, facts.specs.output(node)) in _FLOATS:
            match = piecewise(node, lambda v: known_array(facts, v))
            if match is not None:
                found[node] = match
    inner = {n for root, match in found.items() for n in match.nodes if n is not root}
    for node, match in found.items():
        if node not in inner:
            proposal = _proposed(node, match, facts)
            if proposal is not None:
                yield proposal


def _proposed(node: Node, match: Piecewise, facts: Facts) -> Proposal | Refusal | None:
    named = _named(match)
    if named is not None and _has(facts, named.op):
        return _as_op(node, match, named, facts)
    if any(_hinders(n, facts) for n in match.nodes):
        return _in_relu(node, match, facts)
    return None


def _named(match: Piecewise) -> _Named | None:
    """The op that it is, if it is one."""
    above, below, curve = (_number(a) for a in (match.above.x, match.below.x, match.below.e))
    if above is None or below is None or curve is None:
        return None
    if above == 1 and curve == 0:
        return _Named("Relu") if below == 0 else _Named("LeakyRelu", below)
    if above == 1 and curve == 1:
        return _Named("Elu")
    selu = abs(above - SELU_SCALE) < _NEAR and abs(curve - SELU_SCALE * SELU_ALPHA) < _NEAR
    return _Named("Selu") if selu else None


def _number(array: Array) -> float | None:
    """The one number of ``array``, ``None`` if it has several."""
    return float(array.flat[0]) if array.size and (array == array.flat[0]).all() else None


def _has(facts: Facts, op: str) -> bool:
    target = facts.target
    return target is None or target.parser == "onnx" or target.row(op).support is Answer.YES


def _hinders(node: Node, facts: Facts) -> bool:
    """True if the target lacks the op of ``node``, or takes it with no constant and it has one."""
    if facts.target is not None and facts.target.parser == "uff" and lacks(facts, node):
        return True
    if node.op not in ("Maximum", "Minimum") or not has_limit(facts, "binary-const-minmax", without_target=False):
        return False
    return any(known_array(facts, v) is not None for v in node.inputs)


def _shape_changes(node: Node, match: Piecewise, facts: Facts) -> str:
    """Why the result may have another shape than what it is computed of; empty if it has not."""
    before, after = facts.specs.of(match.base).shape, facts.specs.output(node).shape
    if before is None or after is None or before != after:
        return f"whether it has the shape of {match.base.name} is not known"
    return ""


def _as_op(node: Node, match: Piecewise, named: _Named, facts: Facts) -> Proposal | Refusal:
    reason = _shape_changes(node, match, facts)
    if reason:
        return Refusal(node, reason)
    dtype = dtype_of(node, facts.specs.output(node))
    attrs = {"T": dtype, **({"alpha": named.alpha} if named.op == "LeakyRelu" else {})}
    same = named.op == "Relu" and _is_exactly_relu(node, match.base)
    return propose(
        node,
        *become(node, named.op, (match.base,), {**attrs}),
        StandFor(node, match.nodes),
        touches=(match.base.node, *_looked_at(match)),
        note=f"{named.op} of {match.base.name}" + (f" with a slope of {named.alpha:g}" if named.alpha else ""),
        unsafe="" if same else _ROUNDED,
        safe=same,
    )


def _is_exactly_relu(node: Node, base: Value) -> bool:
    """True for Maximum(x, 0) in this order: TensorFlow takes the first of two zeros, as Relu does."""
    if node.op != "Maximum" or node.inputs[0] != base:
        return False
    zero = array_of(node.inputs[1])
    return zero is not None and zero.shape == () and not zero.any() and not np.signbit(zero)


def _looked_at(match: Piecewise) -> tuple[Node, ...]:
    return (*match.nodes, *(v.node for n in match.nodes for v in n.inputs))


def _in_relu(node: Node, match: Piecewise, facts: Facts) -> Proposal | Refusal:
    """``above * Relu(x) - below * Relu(-x)``; an exponential branch in Elu or Exp, whichever the target has."""
    reason = _shape_changes(node, match, facts)
    if reason:
        return Refusal(node, reason)
    dtype = dtype_of(node, facts.specs.output(node))
    writer, x, above, below = _Writer(node.name, dtype), match.base, match.above, match.below
    parts: list[tuple[Ref, bool]] = []
    if above.x.any():
        parts.append((writer.times("above", writer.op("above", "Relu", x), above.x), True))
    if below.e.any():
        curve, plus = writer.curve(x, elu=_has(facts, "Elu"))
        parts.append((writer.times("below", curve, below.e), plus))
    elif below.x.any():
        falling = writer.op("below", "Relu", writer.op("negated", "Neg", x))
        parts.append((writer.times("below", falling, below.x), False))
    return propose(
        node,
        *writer.steps,
        *_summed(node, dtype, parts),
        StandFor(node, match.nodes),
        touches=(match.base.node, *_looked_at(match)),
        note=f"in Relu of {match.base.name}",
        unsafe=_ROUNDED,
    )


def _summed(node: Node, dtype: DType, parts: list[tuple[Ref, bool]]) -> tuple[Step, ...]:
    """``node`` as the sum of ``parts``, a part that is not marked taken away."""
    if len(parts) == 2:
        return become(node, "Add" if parts[1][1] else "Sub", (parts[0][0], parts[1][0]), {"T": dtype})
    value, plus = parts[0]
    return become(node, "Identity" if plus else "Neg", (value,), {"T": dtype})


class _Writer:
    """Steps that make nodes under ``name``."""

    def __init__(self, name: str, dtype: DType) -> None:
        self.name, self.dtype = name, dtype
        self.steps: list[Step] = []

    def op(self, word: str, op: str, *inputs: Ref) -> New:
        key = f"{self.name}/{word}"
        self.steps.append(Make(key, op, inputs, {"T": self.dtype}))
        return New(key)

    def curve(self, x: Value, *, elu: bool) -> tuple[New, bool]:
        """What is exp(x) - 1 below zero and nothing above, and whether it is to be added or taken away."""
        if elu:
            return self.op("below", "Relu", self.op("negated", "Neg", self.op("elu", "Elu", x))), False
        below = self.op("below", "Neg", self.op("relu_below", "Relu", self.op("negated", "Neg", x)))
        self.steps.append(const_step(f"{self.name}/one", np.ones((), self.dtype.numpy), self.dtype))
        return self.op("curve", "Sub", self.op("exp", "Exp", below), New(f"{self.name}/one")), True

    def times(self, word: str, value: Ref, by: Array) -> Ref:
        if (by == 1).all():
            return value
        key = f"{self.name}/{word}_slope"
        self.steps.append(const_step(key, by.astype(self.dtype.numpy), self.dtype))
        return self.op(f"{word}_scaled", "Mul", value, New(key))


FINDERS = {"recover-activation": Finder(recover, RecoverOptions)}
