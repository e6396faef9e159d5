"""Unrolled recurrent networks without what UFF parsers lack: gates of one layer, zero states, steps of a sequence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphdoctor.ir import GraphView, Node
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
from graphdoctor.words import plural


def split_into_weights(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Split of a dense layer along its channels: a layer for each part, with its part of the weights and biases."""
    if facts.target is None:
        return
    for node in with_inputs(graph, 2, "Split"):
        if not lacks(facts, node):
            continue
        chain, axis, parts = (
            chain_before(facts, node.inputs[1]),
            known_array(facts, node.inputs[0]),
            node.attr("num_split"),
        )
        if isinstance(chain, NoChain) or chain.layer.node.op != "MatMul" or axis is None or axis.size != 1:
            continue
        if int(axis.reshape(-1)[0]) % 2 != chain.layer.channel_axis or not isinstance(parts, int) or parts < 1:
            continue
        reason = _why_whole(graph, node, chain, parts)
        yield Refusal(node, reason) if reason else _parted(graph, node, chain, parts)


def _why_whole(graph: GraphView, node: Node, chain: Chain, parts: int) -> str:
    """Why the layer in front of ``node`` cannot be parted; empty if it can."""
    if graph.is_output(node):
        return "it is an output of the graph, and its parts must keep their names"
    if chain.layer.channels % parts:
        return f"{chain.layer.channels} channels are not {parts} equal parts"
    if any(n.controls for n in (node, chain.layer.node)) or any(u.slot < 0 for u in graph.uses(node)):
        return "it waits for something, or something for it"
    return only_reader(graph, chain.nodes, node)


def _parted(graph: GraphView, node: Node, chain: Chain, parts: int) -> Proposal:
    size, layer = chain.layer.channels // parts, chain.layer
    used = sorted({u.index for u in graph.uses(node)})
    steps: list[Step] = []
    for part in used:
        steps += _part(node, chain, part, slice(part * size, (part + 1) * size))
    touched = (*chain.nodes, *chain.looked_at, *looked_at(node.inputs[0]), layer.node.inputs[0].node)
    return propose(node, *steps, Drop(node), touches=touched, note=f"{layer.node.name} in {plural(len(used), 'part')}")


def _part(node: Node, chain: Chain, part: int, channels: slice) -> Iterator[Step]:
    layer, key = chain.layer, f"{node.name}/part_{part}"
    where = (channels, slice(None)) if layer.axes == (0,) else (slice(None), channels)
    product = key if chain.bias is None else f"{key}/MatMul"
    yield const_step(f"{key}/weights", np.ascontiguousarray(layer.weights[where]))
    attrs = {k: v for k, v in layer.node.attrs.items() if not k.startswith("_")}
    yield Make(product, "MatMul", (layer.node.inputs[0], New(f"{key}/weights")), attrs)
    if chain.bias is not None:
        dtype = DType.from_numpy(layer.weights.dtype)
        yield const_step(f"{key}/biases", rounded(chain.bias[channels], layer.weights.dtype))
        yield Make(key, "BiasAdd", (New(product), New(f"{key}/biases")), {"T": dtype, "data_format": "NHWC"})
    yield ReplaceValue(node.out(part), New(key))


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
