"""A mean over height and width as a pooling over the whole image."""

from __future__ import annotations

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Refusal, Step, propose
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
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPy

_LAYOUTS: dict[tuple[int, ...], str] = {(1, 2): "NHWC", (2, 3): "NCHW"}
"""The reduced axes, and the data_format in which they are height and width."""
_POOLED = frozenset({DType.FLOAT, DType.HALF, DType.BFLOAT16, DType.DOUBLE})
"""What TensorFlow's AvgPool takes."""


def mean_to_avg_pool(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Mean over height and width -> AvgPool, and a Reshape where it drops them."""
    for node in with_inputs(graph, 2, "Mean"):
        axes, rank = known_array(facts, node.inputs[1]), facts.specs.of(node.inputs[0]).rank
        if not lacks(facts, node) or axes is None or rank != 4 or constant_cone(node.inputs[0]) is not None:
            continue
        layout = _LAYOUTS.get(tuple(sorted(int(a) % 4 for a in axes.reshape(-1))))
        if layout == "NHWC" or (layout == "NCHW" and _is_nchw(graph)):
            yield _pooled(node, facts, layout)
        elif layout is not None:
            yield Refusal(node, "it is over axes 2 and 3, and no op says that the graph is NCHW")


def _is_nchw(graph: GraphView) -> bool:
    return any(n.attr("data_format") == "NCHW" for n in graph)


def _pooled(node: Node, facts: Facts, layout: str) -> Proposal | Refusal:
    data = facts.specs.of(node.inputs[0])
    dtype, first = dtype_of(node, data), 1 if layout == "NHWC" else 2
    window = (data.shape or ())[first : first + 2]
    if dtype not in _POOLED:
        return Refusal(node, f"no pooling takes {dtype.label}")
    if len(window) != 2 or not all(window):
        return Refusal(node, "height and width are not known, or 0; fix them with --input")
    size = [1, 1, 1, 1]
    size[first : first + 2] = [d or 0 for d in window]
    attrs: dict[str, AttrPy] = {
        "T": dtype,
        "ksize": tuple(size),
        "strides": (1, 1, 1, 1),
        "padding": "VALID",
        "data_format": layout,
    }
    steps: tuple[Step, ...] = become(node, "AvgPool", node.inputs[:1], attrs)
    if not node.attr("keep_dims", False):
        target = reshape_target(facts.specs.output(node).shape)
        if target is None:
            return Refusal(node, "the batch and the channels are both unknown")
        pool, shape = f"{node.name}/pool", f"{node.name}/shape"
        steps = (
            Make(pool, "AvgPool", node.inputs[:1], attrs),
            const_step(shape, target),
            *become(node, "Reshape", (New(pool), New(shape)), {"T": dtype, "Tshape": DType.INT32}),
        )
    touched = (node.inputs[0].node, *looked_at(node.inputs[1]))
    return propose(node, *steps, touches=touched, note=f"AvgPool of {window[0]} x {window[1]}")


FINDERS = {"mean-to-avg-pool": Finder(mean_to_avg_pool)}
