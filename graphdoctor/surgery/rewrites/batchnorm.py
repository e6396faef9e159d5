"""Batch normalization in inference form, folded into the layer before it or into Mul and Add."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.batchnorm import (
    FUSED_OPS,
    BatchNormMatch,
    batchnorm_fused,
    unfused_batchnorms,
)
from graphdoctor.match.results import CannotTell, NoMatch
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Refusal, StandFor, propose
from graphdoctor.surgery.rewrites.common import (
    array_of,
    become,
    const_step,
    constant_cone,
    dtype_of,
    known_array,
    looked_at,
)
from graphdoctor.surgery.rewrites.linear import Chain, NoChain, chain_before, folded_steps, only_reader, rounded
from graphdoctor.types import Array

_LARGEST = 1 << 20
"""Elements that the parameters broadcast to, at most."""
_INSIDE = 64
"""Nodes of one batch normalization, at most."""


def fold_batch_norm(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Into the weights and the bias of the convolution or matrix product before it."""
    for match in _matches(graph):
        if isinstance(match, Refusal):
            yield match
        else:
            planned = _into_layer(graph, facts, match)
            yield Refusal(match.output.node, planned.reason) if isinstance(planned, NoChain) else planned


def fold_into_mul_add(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """As x * scale + shift, where there is no layer to fold it into."""
    for match in _matches(graph):
        if isinstance(match, Refusal):
            continue
        planned = _into_layer(graph, facts, match)
        if isinstance(planned, NoChain) and not planned.later:
            yield _as_mul_add(graph, facts, match, planned.reason)


def _matches(graph: GraphView) -> Iterator[BatchNormMatch | Refusal]:
    """Every batch normalization, and why what looks like one is none."""
    for node in graph.by_op(*FUSED_OPS):
        found = batchnorm_fused(graph, node)
        yield Refusal(node, found.reason) if isinstance(found, NoMatch | CannotTell) else found
    for found in unfused_batchnorms(graph):
        if isinstance(found, BatchNormMatch):
            yield found
        elif (place := graph.get(found.node)) is not None:
            yield Refusal(place, found.reason)


def _into_layer(graph: GraphView, facts: Facts, match: BatchNormMatch) -> Proposal | NoChain:
    end = match.output.node
    chain = chain_before(facts, match.input)
    if isinstance(chain, NoChain):
        return chain
    inside = _inside(match)
    reason = only_reader(graph, (*chain.nodes, *inside), end)
    if reason:
        return NoChain(reason)
    affine = _affine(facts, match)
    if isinstance(affine, NoChain):
        return affine
    vectors = _vectors(match, chain, *affine)
    if vectors is None:
        return NoChain(f"its channels are not those of {chain.layer.node.name}")
    steps = folded_steps(graph, chain, end, *vectors)
    if isinstance(steps, str):
        return NoChain(steps)
    touched = (*chain.nodes, *chain.looked_at, *match.interior, *inside, *_parameter_nodes(match))
    stands = StandFor(end, (*match.interior, *chain.between))
    return propose(end, *steps, stands, touches=touched, note=f"folded into {chain.layer.node.name}")


def _inside(match: BatchNormMatch) -> tuple[Node, ...]:
    """The nodes between the input of ``match`` and its last node that depend on the input."""
    end, start = match.output.node, match.input.node
    readers: dict[Node, list[Node]] = {}
    waiting, seen = [end], {end}
    while waiting and len(seen) < _INSIDE:
        node = waiting.pop()
        for producer in (v.node for v in node.inputs):
            readers.setdefault(producer, []).append(node)
            if producer not in seen and producer is not start:
                seen.add(producer)
                waiting.append(producer)
    inside: dict[Node, None] = {}
    waiting = list(readers.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node is not end and node not in inside:
            inside[node] = None
            waiting += readers.get(node, ())
    return tuple(inside)


def _parameter_nodes(match: BatchNormMatch) -> tuple[Node, ...]:
    return tuple(n for v in match.parameters for n in looked_at(v))


def _affine(facts: Facts, match: BatchNormMatch) -> tuple[Array, Array] | NoChain:
    """Scale and shift in float64, as the parameters broadcast; or why they cannot be computed."""
    for value in match.parameters:
        if known_array(facts, value) is None:
            later = constant_cone(value) is not None and array_of(value) is None
            return NoChain(f"the parameter {value.name} is not known", later)
    mean, variance = _float64(facts, match.mean), _float64(facts, match.variance)
    scale = np.ones(()) if match.scale is None else _float64(facts, match.scale)
    offset = np.zeros(()) if match.offset is None else _float64(facts, match.offset)
    if mean is None or variance is None or scale is None or offset is None:
        return NoChain("a parameter is no constant of floats")
    try:
        shape = np.broadcast_shapes(mean.shape, variance.shape, scale.shape, offset.shape)
    except ValueError:
        return NoChain("its parameters do not broadcast")
    if math.prod(shape) > _LARGEST:
        return NoChain("its parameters are larger than any batch normalization's")
    if not np.all(variance + match.epsilon > 0):
        return NoChain("variance + epsilon is not positive everywhere")
    factor = scale / np.sqrt(variance + match.epsilon)
    return factor, np.asarray(offset - mean * factor)


def _float64(facts: Facts, value: Value) -> Array | None:
    array = known_array(facts, value)
    return array.astype(np.float64) if array is not None and array.dtype.kind == "f" else None


def _vectors(match: BatchNormMatch, chain: Chain, scale: Array, shift: Array) -> tuple[Array, Array] | None:
    """``scale`` and ``shift`` as one number per channel of the layer; ``None`` if they are something else."""
    layer = chain.layer
    if match.fused:
        axis = _channel_axis(match.output.node, layer.rank)
        if axis != layer.channel_axis:
            return None
        tail = (1,) * (layer.rank - 1 - axis)
        scale, shift = scale.reshape((-1, *tail)), shift.reshape((-1, *tail))
    factor, added = layer.per_channel(scale), layer.per_channel(shift)
    return None if factor is None or added is None else (factor, added)


def _channel_axis(node: Node, rank: int) -> int:
    return 1 if str(node.attr("data_format", "NHWC")).startswith("NC") else rank - 1


def _as_mul_add(graph: GraphView, facts: Facts, match: BatchNormMatch, why: str) -> Proposal | Refusal:
    end = match.output.node
    bound = next((n for n in _inside(match) if n.controls), None)
    if bound is not None:
        return Refusal(end, f"{bound.name} waits for {bound.controls[0].name} by control")
    affine = _affine(facts, match)
    if isinstance(affine, NoChain):
        return Refusal(end, affine.reason)
    spec = facts.specs.of(match.input)
    dtype = dtype_of(end, spec)
    if dtype.numpy is None or not dtype.is_float:
        return Refusal(end, f"no constant of dtype {dtype.label} can be made")
    rank = spec.rank if not match.fused else 5 if "D" in str(end.attr("data_format", "NHWC")) else 4
    channels = (
        spec.shape[_channel_axis(end, rank)] if match.fused and rank and spec.rank == rank and spec.shape else None
    )
    if channels is not None and affine[0].size != channels:
        return Refusal(end, f"it has parameters for {affine[0].size} channels, and its input has {channels}")
    scale, shift = (rounded(_laid_out(match, a, rank), dtype.numpy) for a in affine)
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        return Refusal(end, f"its scale or shift is not finite in {dtype.label}")
    by, product, plus = f"{end.name}/scale", f"{end.name}/scaled", f"{end.name}/shift"
    steps = (
        const_step(by, scale),
        const_step(plus, shift),
        Make(product, "Mul", (match.input, New(by)), {"T": dtype}),
        *become(end, end.op if end.op == "AddV2" else "Add", (New(product), New(plus)), {"T": dtype}),
        StandFor(end, match.interior),
    )
    touched = (match.input.node, *match.interior, *_parameter_nodes(match))
    return propose(end, *steps, touches=touched, note=f"as Mul and Add, since {why}")


def _laid_out(match: BatchNormMatch, array: Array, rank: int | None) -> Array:
    """Laid out to broadcast against the input, without a dimension for the batch where that can be.

    UFF constants have no batch, and their rank must be that of what they meet (TensorRT 3 to 7, UFF operators).
    """
    if rank is None:
        return array
    if match.fused:
        tail = (1,) * (rank - 1 - _channel_axis(match.output.node, rank))
        array = array.reshape((-1, *tail))
    if array.ndim < rank - 1:
        return array.reshape((1,) * (rank - 1 - array.ndim) + array.shape)
    if array.ndim == rank and array.shape[0] == 1:
        return array.reshape(array.shape[1:])
    return array


FINDERS = {
    "fold-batch-norm": Finder(fold_batch_norm),
    "fold-batch-norm-into-mul-add": Finder(fold_into_mul_add),
}
