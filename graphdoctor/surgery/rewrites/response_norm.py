"""A local response normalization in ops whose meaning every parser agrees on."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, Step, propose
from graphdoctor.surgery.rewrites.common import become, const_step, dtype_of, has_limit, lacks, with_inputs
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy

_MOST_CHANNELS = 1024
"""The kernel has channels x channels numbers: 4 MB here."""
_T: dict[str, AttrPy] = {"T": DType.FLOAT}
_UNSAFE = "rounded otherwise; an infinity spreads over all channels"


def response_norm(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """LRN -> x * (bias + alpha * sum of squares) ** -beta, the sum by a 1x1 convolution."""
    for node in with_inputs(graph, 1, "LRN"):
        if lacks(facts, node) or has_limit(facts, "lrn-window", without_target=True):
            yield _written_out(node, facts)


def _written_out(node: Node, facts: Facts) -> Proposal | Refusal:
    data = facts.specs.of(node.inputs[0])
    channels = data.shape[3] if data.rank == 4 and data.shape is not None else None
    radius, bias = int(_number(node, "depth_radius", 5)), _number(node, "bias", 1.0)
    alpha, beta = _number(node, "alpha", 1.0), _number(node, "beta", 0.5)
    if dtype_of(node, data) is not DType.FLOAT:
        return Refusal(node, f"it is of dtype {dtype_of(node, data).label}")
    if not channels or channels > _MOST_CHANNELS:
        return Refusal(node, f"the number of channels is not known, 0, or above {_MOST_CHANNELS}")
    if not (bias > 0 and alpha >= 0 and radius >= 0 and np.isfinite([bias, alpha, beta]).all()):
        return Refusal(node, "bias is not above 0, or alpha or depth_radius is below 0")
    denominator = f"{node.name}/denominator"
    steps = (*_denominator(node, denominator, _band(channels, radius, alpha), bias), *_divided(node, denominator, beta))
    return propose(node, *steps, touches=(node.inputs[0].node,), note="LRN -> a convolution", unsafe=_UNSAFE)


def _number(node: Node, key: str, default: float) -> float:
    value = node.attr(key, default)
    return float(value) if isinstance(value, int | float) else default


def _band(channels: int, radius: int, alpha: float) -> Array:
    """A kernel [1, 1, C, C]: ``alpha`` where two channels are no farther than ``radius`` from each other."""
    apart = np.abs(np.arange(channels)[:, None] - np.arange(channels)[None, :])
    return np.where(apart <= radius, np.float32(alpha), np.float32(0)).reshape(1, 1, channels, channels)


def _denominator(node: Node, key: str, kernel: Array, bias: float) -> tuple[Step, ...]:
    """bias + alpha * sum of squares over the window; every number is above 0."""
    x, name = node.inputs[0], node.name
    attrs: dict[str, AttrPy] = {**_T, "strides": (1, 1, 1, 1), "padding": "VALID", "data_format": "NHWC"}
    offsets = np.full(kernel.shape[3], bias, dtype=np.float32)
    return (
        Make(f"{name}/squares", "Mul", (x, x), _T),
        const_step(f"{name}/window", kernel),
        Make(f"{name}/sums", "Conv2D", (New(f"{name}/squares"), New(f"{name}/window")), attrs),
        const_step(f"{name}/bias", offsets),
        Make(key, "BiasAdd", (New(f"{name}/sums"), New(f"{name}/bias")), {**_T, "data_format": "NHWC"}),
    )


def _divided(node: Node, key: str, beta: float) -> tuple[Step, ...]:
    """The input by the denominator to the power of ``beta``: by roots where that is enough, else by logarithms."""
    x, name, below = node.inputs[0], node.name, New(key)

    def made(part: str, op: str, *inputs: Ref) -> Make:
        return Make(f"{name}/{part}", op, inputs, _T)

    root, scaled = New(f"{name}/rsqrt"), New(f"{name}/scaled")
    if beta == 1.0:
        return become(node, "RealDiv", (x, below), dict(_T))
    if beta == 0.5:
        return (made("rsqrt", "Rsqrt", below), *become(node, "Mul", (x, root), dict(_T)))
    if beta == 0.75:
        fourth = (made("sqrt", "Sqrt", below), made("fourth", "Rsqrt", New(f"{name}/sqrt")))
        halves = (made("rsqrt", "Rsqrt", below), made("scaled", "Mul", x, root))
        return (*halves, *fourth, *become(node, "Mul", (scaled, New(f"{name}/fourth")), dict(_T)))
    return (
        made("log", "Log", below),
        const_step(f"{name}/exponent", np.asarray(-beta, dtype=np.float32)),
        made("power", "Mul", New(f"{name}/log"), New(f"{name}/exponent")),
        made("factor", "Exp", New(f"{name}/power")),
        *become(node, "Mul", (x, New(f"{name}/factor")), dict(_T)),
    )


FINDERS = {"lrn-to-convolution": Finder(response_norm)}
