"""Unrolled recurrent networks without what UFF parsers lack: gates of one layer, zero states, steps of a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.engine_rank import ACTIVATIONS
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    Drop,
    Facts,
    Make,
    New,
    Proposal,
    Ref,
    Refusal,
    ReplaceValue,
    SetInputs,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import (
    array_of,
    const_step,
    known_array,
    lacks,
    looked_at,
    with_inputs,
)
from graphdoctor.surgery.rewrites.linear import Chain, NoChain, chain_before, only_reader, rounded
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.words import plural


def split_into_weights(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Split of a dense layer along its channels: a layer for each part, with its part of the weights and biases.

    An activation between the two is done for each part.
    """
    if facts.target is None:
        return
    for node in with_inputs(graph, 2, "Split"):
        if not lacks(facts, node):
            continue
        shell = node.inputs[1].node if _is_activation(node.inputs[1].node) else None
        chain = chain_before(facts, node.inputs[1] if shell is None else shell.inputs[0])
        axis, parts = known_array(facts, node.inputs[0]), node.attr("num_split")
        if isinstance(chain, NoChain) or chain.layer.node.op != "MatMul" or axis is None or axis.size != 1:
            continue
        if int(axis.reshape(-1)[0]) % 2 != chain.layer.channel_axis or not isinstance(parts, int) or parts < 1:
            continue
        layer = _Gates(node, chain, shell, parts)
        reason = layer.why_whole(graph)
        yield Refusal(node, reason) if reason else layer.parted(graph)


def _is_activation(node: Node) -> bool:
    return node.op in ACTIVATIONS and len(node.inputs) == 1


@dataclass(frozen=True)
class _Gates:
    """A dense layer that a Split parts equally, and the activation between them."""

    split: Node
    chain: Chain
    shell: Node | None
    parts: int

    @property
    def _between(self) -> tuple[Node, ...]:
        return self.chain.nodes if self.shell is None else (*self.chain.nodes, self.shell)

    def why_whole(self, graph: GraphView) -> str:
        """Why the layer cannot be parted; empty if it can."""
        if graph.is_output(self.split):
            return "it is an output of the graph, and its parts must keep their names"
        if self.chain.layer.channels % self.parts:
            return f"{self.chain.layer.channels} channels are not {self.parts} equal parts"
        if any(n.controls for n in (self.split, self.chain.layer.node)):
            return "it waits for something"
        if any(u.slot < 0 for u in graph.uses(self.split)):
            return "something waits for it"
        return only_reader(graph, self._between, self.split)

    def parted(self, graph: GraphView) -> Proposal:
        """The layer in parts, those that are read."""
        size, layer = self.chain.layer.channels // self.parts, self.chain.layer.node
        used = sorted({u.index for u in graph.uses(self.split)})
        steps = [step for k in used for step in self._part(k, slice(k * size, (k + 1) * size))]
        touched = (*self._between, *self.chain.looked_at, *looked_at(self.split.inputs[0]), layer.inputs[0].node)
        note = f"{layer.name} in {plural(len(used), 'part')}"
        return propose(self.split, *steps, Drop(self.split), touches=touched, note=note)

    def _part(self, number: int, channels: slice) -> Iterator[Step]:
        layer, bias, key = self.chain.layer, self.chain.bias, f"{self.split.name}/part_{number}"
        names = ["MatMul", *(["BiasAdd"] if bias is not None else []), *([self.shell.op] if self.shell else [])]
        *inner, _ = names
        keys = {name: f"{key}/{name}" if name in inner else key for name in names}
        where = (channels, slice(None)) if layer.axes == (0,) else (slice(None), channels)
        yield const_step(f"{key}/weights", np.ascontiguousarray(layer.weights[where]))
        yield Make(keys["MatMul"], "MatMul", (layer.node.inputs[0], New(f"{key}/weights")), _stated(layer.node))
        made = keys["MatMul"]
        if bias is not None:
            dtype = DType.from_numpy(layer.weights.dtype)
            yield const_step(f"{key}/biases", rounded(bias[channels], layer.weights.dtype))
            attrs: dict[str, AttrPy] = {"T": dtype, "data_format": "NHWC"}
            yield Make(keys["BiasAdd"], "BiasAdd", (New(made), New(f"{key}/biases")), attrs)
            made = keys["BiasAdd"]
        if self.shell is not None:
            yield Make(key, self.shell.op, (New(made),), _stated(self.shell))
        yield ReplaceValue(self.split.out(number), New(key))


def _stated(node: Node) -> dict[str, AttrPy]:
    """The attributes of ``node`` but TensorFlow's private ones."""
    return {k: v for k, v in node.attrs.items() if not k.startswith("_")}


def zeros_from_dense(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """A dense layer of what is joined with zeros: without the zeros, and without the rows that they meet."""
    for node in with_inputs(graph, 2, "MatMul"):
        joined = node.inputs[0].node
        if joined.op != "ConcatV2" or joined.controls or node.attr("transpose_a", False) or len(joined.inputs) < 3:
            continue
        axis, weights = known_array(facts, joined.inputs[-1]), array_of(node.inputs[1])
        if axis is None or axis.size != 1 or int(axis.reshape(-1)[0]) not in (1, -1) or weights is None:
            continue
        found = _without_zeros(node, joined, weights, facts)
        if found is not None:
            yield found


def _without_zeros(node: Node, joined: Node, weights: Array, facts: Facts) -> Proposal | None:
    parts = joined.inputs[:-1]
    shapes = [facts.specs.of(v).shape for v in parts]
    arrays = [known_array(facts, v) for v in parts]
    zero = [a is not None and a.ndim == 2 and a.size > 0 and not a.any() for a in arrays]
    rows = weights.T if node.attr("transpose_b", False) else weights
    widths = [s[1] if s is not None and len(s) == 2 else None for s in shapes]
    batches = {s[0] for s in shapes if s}
    if not any(zero) or all(zero) or weights.dtype.kind != "f" or None in widths or len(batches) != 1:
        return None
    ends = np.cumsum([w or 0 for w in widths])
    met = np.concatenate([np.full(w or 0, z) for w, z in zip(widths, zero, strict=True)])
    if ends[-1] != len(rows) or not np.isfinite(rows[met]).all():
        return None
    rest = [v for v, z in zip(parts, zero, strict=True) if not z]
    kept, key, data = np.ascontiguousarray(rows[~met]), f"{node.name}/weights", f"{node.name}/joined"
    steps: list[Step] = [const_step(key, np.ascontiguousarray(kept.T) if node.attr("transpose_b", False) else kept)]
    source: Ref = rest[0]
    if len(rest) > 1:
        attrs = {**joined.attrs, "N": len(rest)}
        steps.append(Make(data, "ConcatV2", (*rest, joined.inputs[-1]), attrs))
        source = New(data)
    steps.append(SetInputs(node, (source, New(key))))
    touched = (joined, *(v.node for v in rest), *(n for v in (*joined.inputs, node.inputs[1]) for n in looked_at(v)))
    return propose(node, *steps, touches=touched, note=f"without {int(met.sum())} zeros that {joined.name} joins to it")


FINDERS = {"split-into-weights": Finder(split_into_weights), "zeros-from-dense": Finder(zeros_from_dense)}
