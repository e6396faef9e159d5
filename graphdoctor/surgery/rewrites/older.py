"""Ops of later releases of TensorFlow 1, in what earlier ones have."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Refusal, propose
from graphdoctor.surgery.rewrites.common import become, dtype_of, known_array, looked_at, with_inputs
from graphdoctor.types import Array, DType


def clip(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """ClipByValue(x, low, high) = Maximum(Minimum(x, high), low), where no bound is NaN."""
    for node in with_inputs(graph, 3, "ClipByValue"):
        x, low, high = node.inputs
        dtype = dtype_of(node, facts.specs.of(x))
        reason = _why_not_clip(dtype, [known_array(facts, v) for v in (low, high)])
        if reason:
            yield Refusal(node, reason)
            continue
        minimum = f"{node.name}/minimum"
        yield propose(
            node,
            Make(minimum, "Minimum", (x, high), {"T": dtype}),
            *become(node, "Maximum", (New(minimum), low), {"T": dtype}),
            touches=(x.node, *looked_at(low), *looked_at(high)),
            note="ClipByValue -> Minimum, Maximum",
        )


def _why_not_clip(dtype: DType, bounds: list[Array | None]) -> str:
    """A bound that is NaN ClipByValue passes over, and Maximum gives it on."""
    if dtype is DType.INVALID:
        return "its dtype is not known"
    if dtype.is_integer:
        return ""
    if any(b is None for b in bounds):
        return "its bounds are not known, and may be NaN"
    return "a bound is NaN" if any(np.isnan(b).any() for b in bounds if b is not None) else ""


def ensure_shape(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """EnsureShape as Identity, where the input is sure to have the shape: then it never stops anything."""
    for node in with_inputs(graph, 1, "EnsureShape"):
        wanted, found = getattr(node.attr("shape"), "dims", None), facts.specs.of(node.inputs[0])
        dtype = dtype_of(node, found)
        if dtype is DType.INVALID:
            yield Refusal(node, "its dtype is not known")
        elif wanted is not None and (found.shape is None or not _fits(found.shape, wanted)):
            yield Refusal(node, "whether its input has the shape is not known, and Identity would let it pass")
        else:
            steps = become(node, "Identity", node.inputs, {"T": dtype})
            yield propose(node, *steps, touches=(node.inputs[0].node,), note="EnsureShape -> Identity")


def _fits(found: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(found) == len(wanted) and all(w is None or f == w for f, w in zip(found, wanted, strict=True))


FINDERS = {"clip-to-minimum-maximum": Finder(clip), "ensure-shape-to-identity": Finder(ensure_shape)}
