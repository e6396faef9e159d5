"""Ops of later releases of TensorFlow 1, in what earlier ones have."""

from __future__ import annotations

from graphdoctor.ir import GraphView
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Refusal, propose
from graphdoctor.surgery.rewrites.common import become, dtype_of, with_inputs
from graphdoctor.types import DType


def clip(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """ClipByValue(x, low, high) = Maximum(Minimum(x, high), low)."""
    for node in with_inputs(graph, 3, "ClipByValue"):
        x, low, high = node.inputs
        dtype = dtype_of(node, facts.specs.of(x))
        if dtype is DType.INVALID:
            yield Refusal(node, "its dtype is not known")
            continue
        minimum = f"{node.name}/minimum"
        yield propose(
            node,
            Make(minimum, "Minimum", (x, high), {"T": dtype}),
            *become(node, "Maximum", (New(minimum), low), {"T": dtype}),
            touches=(x.node, low.node, high.node),
            note="ClipByValue -> Minimum, Maximum",
        )


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
