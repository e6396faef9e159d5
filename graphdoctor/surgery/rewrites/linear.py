"""Convolutions and matrix products with constant weights, and the biases behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.proposal import Facts, New, SetInputs, Step
from graphdoctor.surgery.rewrites.common import (
    IDENTITIES,
    array_of,
    become,
    const_step,
    constant_cone,
    forward,
    known_array,
    looked_at,
)
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy

_ADD = frozenset({"Add", "AddV2"})
_LONGEST = 8
"""Biases and Identities that are looked through."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear op whose weights are constant: what it gives is scaled by scaling the weights.

    Attributes:
        node: Conv2D, Conv3D, DepthwiseConv2dNative, Conv2DBackpropInput or MatMul.
        weights: the constant at input 1.
        axes: the axes of the weights that make up the output's channels, outermost first.
        rank: of the output.
        channel_axis: of the output.
    """

    node: Node
    weights: Array
    axes: tuple[int, ...]
    rank: int
    channel_axis: int

    @property
    def channels(self) -> int:
        """Of the output."""
        return int(np.prod([self.weights.shape[a] for a in self.axes]))

    def scaled(self, scale: Array) -> Array:
        """The weights times ``scale`` (float64, one per channel), in their own dtype."""
        shape = [1] * self.weights.ndim
        for axis in self.axes:
            shape[axis] = self.weights.shape[axis]
        product = self.weights.astype(np.float64) * scale.reshape(shape)
        return rounded(product, self.weights.dtype)

    def per_channel(self, array: Array) -> Array | None:
        """``array`` as float64 [channels] if it broadcasts against the output along its channels alone."""
        if array.ndim > self.rank or array.dtype.kind not in "fiu":
            return None
        full = array.reshape((1,) * (self.rank - array.ndim) + array.shape)
        others = [d for axis, d in enumerate(full.shape) if axis != self.channel_axis]
        if any(d != 1 for d in others) or full.size not in (1, self.channels):
            return None
        return np.array(np.broadcast_to(full.reshape(-1), (self.channels,)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Chain:
    """A layer, and the biases and pass-through nodes between it and a value.

    Attributes:
        layer: the linear op.
        bias: float64 [channels], the sum of the biases; ``None`` where there are none.
        between: the nodes behind the layer, the last one first.
        looked_at: further nodes the answer depends on (constants and what passes them on).
    """

    layer: Layer
    bias: Array | None
    between: tuple[Node, ...]
    looked_at: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The layer and what is between."""
        return (self.layer.node, *self.between)


@dataclass(frozen=True, slots=True)
class NoChain:
    """Why there is no such chain. ``later`` if folding constants may yet make one."""

    reason: str
    later: bool = False


def rounded(array: Array, dtype: np.dtype[Any]) -> Array:
    """``array`` in ``dtype``; what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def layer_of(node: Node) -> Layer | NoChain:
    """``node`` as a linear op with constant weights."""
    axes = _weight_axes(node)
    if axes is None or len(node.inputs) < 2:
        return NoChain(f"{node.op} {node.name} comes before it, which has no weights to fold into")
    weights = array_of(node.inputs[1])
    if weights is None or weights.dtype.kind != "f":
        later = constant_cone(node.inputs[1]) is not None
        return NoChain(f"the weights of {node.name} are not a constant of floats", later)
    if weights.ndim != (2 if node.op == "MatMul" else 5 if node.op == "Conv3D" else 4):
        return NoChain(f"the weights of {node.name} have rank {weights.ndim}")
    rank = weights.ndim
    channel_axis = 1 if str(node.attr("data_format", "NHWC")).startswith("NC") else rank - 1
    return Layer(node, weights, axes, rank, channel_axis)


def _weight_axes(node: Node) -> tuple[int, ...] | None:
    if node.op == "MatMul":
        return (0,) if node.attr("transpose_b", False) else (1,)
    return {"Conv2D": (3,), "Conv3D": (4,), "DepthwiseConv2dNative": (2, 3), "Conv2DBackpropInput": (2,)}.get(node.op)


def chain_before(facts: Facts, value: Value) -> Chain | NoChain:
    """The layer that ``value`` comes from, directly or through biases and pass-through nodes."""
    between: list[Node] = []
    biases: list[_Bias] = []
    for _ in range(_LONGEST):
        node = value.node
        if value.index != 0 or node.is_missing:
            return NoChain(f"{value.name} comes before it")
        step = _step_back(facts, node)
        if step is None:
            break
        value, bias = step
        between.append(node)
        biases += [bias] if bias is not None else []
    layer = layer_of(value.node)
    if isinstance(layer, NoChain):
        return layer
    total: Array | None = None
    for bias in biases:
        vector = bias.of(facts, layer)
        if isinstance(vector, NoChain):
            return vector
        total = vector if total is None else total + vector
    constants = (*(b.value for b in biases), layer.node.inputs[1])
    return Chain(layer, total, tuple(between), tuple(n for c in constants for n in looked_at(c)))


def _step_back(facts: Facts, node: Node) -> tuple[Value, _Bias | None] | None:
    """What is before ``node``, and the bias it adds; ``None`` if it is no bias and no pass-through node."""
    if node.op in IDENTITIES and node.inputs:
        return node.inputs[0], None
    if len(node.inputs) != 2:
        return None
    first, second = node.inputs
    if node.op == "BiasAdd":
        return first, _Bias(second, str(node.attr("data_format", "NHWC")).startswith("NC"))
    if node.op in _ADD:
        for data, added in ((first, second), (second, first)):
            if known_array(facts, added) is not None or constant_cone(added) is not None:
                return data, _Bias(added, False)
    if node.op == "Sub" and (known_array(facts, second) is not None or constant_cone(second) is not None):
        return first, _Bias(second, False, taken=True)
    return None


@dataclass(frozen=True, slots=True)
class _Bias:
    """A constant that is added; ``on_axis_1`` if it is a vector along axis 1 (BiasAdd in NCHW), ``taken`` if by Sub."""

    value: Value
    on_axis_1: bool
    taken: bool = False

    def of(self, facts: Facts, layer: Layer) -> Array | NoChain:
        """One number per channel of ``layer``."""
        array = known_array(facts, self.value)
        if array is None:
            return NoChain(f"the bias {self.value.name} is not constant", constant_cone(self.value) is not None)
        if self.on_axis_1:
            array = array.reshape((-1,) + (1,) * (layer.rank - 2))
        vector = layer.per_channel(array)
        if vector is not None:
            return -vector if self.taken else vector
        return NoChain(f"{self.value.name} is not one number per channel")


def only_reader(graph: GraphView, nodes: tuple[Node, ...], end: Node) -> str:
    """Why what ``nodes`` compute must stay as it is; empty if only they and ``end`` read it."""
    readers = {*nodes, end}
    for node in nodes:
        if node is not nodes[0] and node.controls:
            return f"{node.name} waits for {node.controls[0].name} by control"
        if graph.is_output(node):
            return f"{node.name} is an output of the graph"
        other = next((u.node for u in graph.uses(node) if u.slot >= 0 and u.node not in readers), None)
        if other is not None:
            return f"{other.name} reads {node.name} too"
    return ""


def folded_steps(
    graph: GraphView, chain: Chain, end: Node, scale: Array | None, shift: Array | None
) -> tuple[Step, ...] | str:
    """Steps after which ``end`` gives ``(what the chain gives) * scale + shift``; or why there are none.

    The layer gets new weights; ``end`` becomes a BiasAdd with the new bias, or goes where there is none.
    ``scale`` and ``shift`` are float64 [channels], ``None`` for 1 and 0.
    """
    layer = chain.layer
    node, dtype = layer.node, DType.from_numpy(layer.weights.dtype)
    steps: list[Step] = []
    if scale is not None:
        weights = layer.scaled(scale)
        if not np.isfinite(weights).all():
            return f"the folded weights of {node.name} are not finite"
        key = f"{node.name}/weights"
        inputs = tuple(New(key) if slot == 1 else v for slot, v in enumerate(node.inputs))
        steps += [const_step(key, weights), SetInputs(node, inputs)]
    bias = _bias(chain.bias, scale, shift)
    if bias is None:
        return (*steps, *forward(graph, end, node.out(), dtype))
    vector = rounded(bias, layer.weights.dtype)
    if not np.isfinite(vector).all():
        return f"the folded bias behind {node.name} is not finite"
    key = f"{end.name}/bias"
    attrs: dict[str, AttrPy] = {
        "T": dtype,
        "data_format": "NCHW" if layer.channel_axis == 1 and layer.rank > 2 else "NHWC",
    }
    return (*steps, const_step(key, vector), *become(end, "BiasAdd", (node.out(), New(key)), attrs))


def _bias(bias: Array | None, scale: Array | None, shift: Array | None) -> Array | None:
    """``bias * scale + shift``."""
    product = bias if bias is None or scale is None else bias * scale
    if product is None or shift is None:
        return shift if product is None else product
    return np.asarray(product + shift)
