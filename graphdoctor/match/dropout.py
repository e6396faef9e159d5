"""Dropout that a graph in training mode keeps.

::

    TensorFlow 1       Mul(RealDiv(x, keep), Floor(Add(keep, uniform)))
    TensorFlow 1.13+   Mul(RealDiv(x, keep) or Mul(x, scale), Cast(GreaterEqual(uniform, rate)))
    TensorFlow 2       SelectV2(GreaterEqual(uniform, rate), Mul(x, scale), zeros)

``uniform`` is RandomUniform, scaled to its range by ``Mul`` and ``Add`` or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphdoctor.ir import GraphView, Node, Use, Value
from graphdoctor.match.constants import scalar_of, source_of
from graphdoctor.match.results import NoMatch
from graphdoctor.words import plural

RANDOM_OPS = ("RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2")
_SELECT = frozenset({"Select", "SelectV2"})
_DIVIDE = frozenset({"RealDiv", "Div"})
_TOWARDS_MASK = frozenset({"Mul", "Add", "AddV2", "Floor", "GreaterEqual", "Less", "LogicalNot", "Cast", "Identity"})
_LONGEST = 10


@dataclass(frozen=True, slots=True)
class DropoutMatch:
    """A dropout: ``output`` is ``input`` with some elements zeroed and the rest scaled.

    Attributes:
        input: what goes in, before the scaling.
        output: what comes out; in inference it is ``input``.
        keep: what ``input`` is divided by or multiplied with.
        random: the source of random numbers.
        interior: all nodes of the dropout, ``random`` first and the one of ``output`` last.
    """

    input: Value
    output: Value
    keep: Value | None
    random: Node
    interior: tuple[Node, ...]


def dropout(graph: GraphView, node: Node) -> DropoutMatch | NoMatch:
    """The dropout whose random numbers come from ``node``."""
    if node.op not in RANDOM_OPS:
        return NoMatch(f"{node.op} gives no random numbers", node.name)
    chain = [node]
    while len(chain) <= _LONGEST:
        use = _only_use(graph, chain[-1])
        if isinstance(use, NoMatch):
            return use
        found = _end(use, tuple(chain))
        if found is not None:
            return found
        if use.node.op not in _TOWARDS_MASK:
            return NoMatch(f"its numbers go into {use.node.op}", use.node.name)
        chain.append(use.node)
    return NoMatch("its numbers take a longer way than in a dropout", node.name)


def dropouts(graph: GraphView) -> Iterator[DropoutMatch]:
    """Every dropout of the graph, in file order of their random nodes."""
    for node in graph.by_op(*RANDOM_OPS):
        found = dropout(graph, node)
        if isinstance(found, DropoutMatch):
            yield found


def _only_use(graph: GraphView, node: Node) -> Use | NoMatch:
    uses = [u for u in graph.uses(node) if u.slot >= 0]
    if len(uses) != 1:
        return NoMatch(f"{node.op} is read {plural(len(uses), 'time')}", node.name)
    return uses[0]


def _end(use: Use, chain: tuple[Node, ...]) -> DropoutMatch | None:
    """The dropout that ends where the mask is applied; ``None`` if ``use`` does not apply a mask."""
    node, masks = use.node, {"Floor", "GreaterEqual", "Less", "Cast", "LogicalNot"}
    if not any(n.op in masks for n in chain):
        return None
    if node.op == "Mul" and len(node.inputs) == 2:
        return _match(node, node.inputs[1 - use.slot], chain)
    if node.op in _SELECT and use.slot == 0 and len(node.inputs) == 3:
        return _match(node, node.inputs[1], chain)
    return None


def _match(end: Node, scaled: Value, chain: tuple[Node, ...]) -> DropoutMatch:
    scale = source_of(scaled).node
    plain = DropoutMatch(scaled, end.out(), None, chain[0], (*chain, end))
    if len(scale.inputs) != 2:
        return plain
    first, second = scale.inputs
    if scale.op in _DIVIDE and _may_be_rate(second):
        return DropoutMatch(first, end.out(), second, chain[0], (*chain, scale, end))
    if scale.op == "Mul":
        # A placeholder may be data as well as a rate: a constant is the surer factor.
        pairs = sorted(((first, second), (second, first)), key=lambda pair: scalar_of(pair[1]) is None)
        for x, factor in pairs:
            if _may_be_rate(factor):
                return DropoutMatch(x, end.out(), factor, chain[0], (*chain, scale, end))
    return plain


def _may_be_rate(value: Value, depth: int = 4) -> bool:
    """True if ``value`` is a constant, a placeholder (keep_prob) or arithmetic on those alone."""
    node = source_of(value).node
    if node.op in ("Const", "Placeholder", "PlaceholderWithDefault"):
        return True
    inputs_count = len(node.inputs)
    return depth > 0 and 0 < inputs_count <= 2 and all(_may_be_rate(v, depth - 1) for v in node.inputs)
