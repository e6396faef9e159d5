"""Multiplications and additions of constants behind a layer, folded into its weights and bias."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Proposal, StandFor, Step, propose
from graphdoctor.surgery.rewrites.common import known_array, looked_at, with_inputs
from graphdoctor.surgery.rewrites.linear import Chain, NoChain, chain_before, folded_steps, only_reader
from graphdoctor.types import Array


def fold_multiply(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Mul or RealDiv by one constant per channel, into the weights and the bias of the layer before it."""
    for node in with_inputs(graph, 2, "Mul", "RealDiv", "Div"):
        data, factor = _operands(node, facts, ordered=node.op != "Mul")
        if data is None or factor is None:
            continue
        array = known_array(facts, factor)
        chain = chain_before(facts, data)
        if isinstance(chain, NoChain) or array is None or array.dtype.kind != "f":
            continue
        scale = chain.layer.per_channel(array)
        if scale is None or (node.op != "Mul" and not scale.all()):
            continue
        scale = scale if node.op == "Mul" else 1.0 / scale
        proposal = _folded(graph, node, chain, scale, None, factor)
        if proposal is not None:
            yield proposal


def fold_biases(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """A constant added behind a bias, into that bias."""
    for node in with_inputs(graph, 2, "Add", "AddV2", "Sub", "BiasAdd"):
        data, added = _operands(node, facts, ordered=node.op in ("Sub", "BiasAdd"))
        chain = chain_before(facts, data) if data is not None else None
        if not isinstance(chain, Chain) or chain.bias is None or added is None:
            continue
        array = known_array(facts, added)
        if array is None or array.dtype.kind != "f":
            continue
        if node.op == "BiasAdd" and str(node.attr("data_format", "NHWC")).startswith("NC"):
            array = array.reshape((-1,) + (1,) * (chain.layer.rank - 2))
        shift = chain.layer.per_channel(array)
        if shift is None:
            continue
        proposal = _folded(graph, node, chain, None, -shift if node.op == "Sub" else shift, added)
        if proposal is not None:
            yield proposal


def _operands(node: Node, facts: Facts, *, ordered: bool) -> tuple[Value | None, Value | None]:
    """The data and the constant operand of ``node``."""
    first, second = node.inputs
    if known_array(facts, second) is not None:
        return first, second
    if not ordered and known_array(facts, first) is not None:
        return second, first
    return None, None


def _folded(
    graph: GraphView, node: Node, chain: Chain, scale: Array | None, shift: Array | None, constant: Value
) -> Proposal | None:
    if only_reader(graph, chain.nodes, node):
        return None
    steps: tuple[Step, ...] | str = folded_steps(graph, chain, node, scale, shift)
    if isinstance(steps, str) or (scale is not None and not np.isfinite(scale).all()):
        return None
    touched = (*chain.nodes, *chain.looked_at, *looked_at(constant))
    stands = StandFor(node if shift is not None or chain.bias is not None else chain.layer.node, (node, *chain.between))
    return propose(node, *steps, stands, touches=touched, note=f"{node.op} folded into {chain.layer.node.name}")


FINDERS = {"fold-multiply": Finder(fold_multiply), "fold-biases": Finder(fold_biases)}
