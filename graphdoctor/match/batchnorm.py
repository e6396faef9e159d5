"""Batch normalization in inference form: the fused op, and the arithmetic that Keras and slim write instead.

::

    Keras, tf.nn.batch_normalization      inv = rsqrt(variance + epsilon) [* gamma]
                                          y   = x * inv + ([beta] - mean * inv)
    slim and hand-written                 y   = (x - mean) / sqrt(variance + epsilon) [* gamma] [+ beta]
                                          y   = (x - mean) * inv [+ beta]

Mean and variance must be constants: computed from the input they make an instance or layer normalization, which
cannot be folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import PASS_THROUGH, constant_of, is_constant_chain, scalar_of, source_of, uses_through
from graphdoctor.match.results import CannotTell, NoMatch
from graphdoctor.words import plural

FUSED_OPS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
UNFUSED_ENDS = ("Add", "AddV2", "BiasAdd", "Mul", "RealDiv", "Div")
"""Ops whose output can be the output of an unfused batch normalization."""
LAYERS = frozenset({"Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MatMul"})
"""Ops whose weights, at input 1, a batch normalization behind them can be folded into."""
DEFAULT_EPSILON = 0.0001
"""Default of attribute epsilon in TensorFlow's op definition of FusedBatchNorm."""
_ADD = frozenset({"Add", "AddV2", "BiasAdd"})
_DIVIDE = frozenset({"RealDiv", "Div"})
_MULTIPLY = frozenset({"Mul"})
_ON_THE_WAY = frozenset({*UNFUSED_ENDS, "Sub", "Neg", *PASS_THROUGH})
_REACH = 6
_WIDEST = 64
"""Nodes that are followed on each step away from a root: its scale is read once or twice in a real graph."""


@dataclass(frozen=True, slots=True)
class BatchNormMatch:
    """A batch normalization: ``output = (input - mean) * scale / sqrt(variance + epsilon) + offset``.

    The parameters are constants, directly or behind reshapes, casts and Identity.

    Attributes:
        input: what is normalized.
        output: the result.
        scale: gamma, ``None`` where it is absent (1).
        offset: beta, ``None`` where it is absent (0).
        mean: moving mean.
        variance: moving variance.
        epsilon: what is added to the variance.
        interior: the nodes that compute it, the one of ``output`` first; constants and pass-through are left out.
        fused: True for the FusedBatchNorm ops.
    """

    input: Value
    output: Value
    scale: Value | None
    offset: Value | None
    mean: Value
    variance: Value
    epsilon: float
    interior: tuple[Node, ...]
    fused: bool

    @property
    def parameters(self) -> tuple[Value, ...]:
        """Scale, offset, mean and variance, those that are present."""
        return tuple(v for v in (self.scale, self.offset, self.mean, self.variance) if v is not None)


def batchnorm_fused(graph: GraphView, node: Node) -> BatchNormMatch | NoMatch | CannotTell:
    """``node`` as a FusedBatchNorm in inference form, its parameters constant and only its first output read."""
    if node.op not in FUSED_OPS:
        return NoMatch(f"{node.op} is no fused batch normalization", node.name)
    if len(node.inputs) != 5:
        return NoMatch(f"it has {plural(len(node.inputs), 'input')}, not 5", node.name)
    if node.attr("is_training", True):
        return NoMatch("it is in training mode", node.name)
    if any(u.index > 0 for u in graph.uses(node)) or any(v.node is node and v.index for v in graph.outputs):
        return NoMatch("an output besides the first is used", node.name)
    x, scale, offset, mean, variance = node.inputs
    epsilon = node.attr("epsilon", DEFAULT_EPSILON)
    if not isinstance(epsilon, (int, float)):
        return NoMatch("its epsilon is no number", node.name)
    epsilon = float(epsilon)
    return _checked(BatchNormMatch(x, node.out(), scale, offset, mean, variance, epsilon, (node,), True))


def batchnorm_unfused(graph: GraphView, node: Node) -> BatchNormMatch | NoMatch | CannotTell:
    """The batch normalization written in arithmetic whose result is output 0 of ``node``.

    The end of a part matches too (``(x - mean) * inv`` in front of ``+ beta``): :func:`unfused_batchnorms` finds
    each one at its full extent.
    """
    if node.op not in UNFUSED_ENDS:
        return NoMatch(f"{node.op} cannot end a batch normalization", node.name)
    refusal: NoMatch | CannotTell = NoMatch("it is not written as a batch normalization", node.name)
    for candidate in (*_affine_form(node), *_plain_form(node)):
        found = _checked(candidate)
        if isinstance(found, BatchNormMatch):
            return found
        refusal = found
    return refusal


@dataclass(frozen=True, slots=True)
class LayerBefore:
    """The convolution or matrix product that can take over a batch normalization.

    Attributes:
        layer: its weights are constant, and nothing reads it but what follows.
        bias_add: the addition of a constant between the two, ``None`` where there is none.
    """

    layer: Node
    bias_add: Node | None


def layer_before(graph: GraphView, found: BatchNormMatch) -> LayerBefore | None:
    """The convolution or matrix product in front of ``found`` that can take it over, or ``None``."""
    node, readers = source_of(found.input).node, frozenset(found.interior)
    bias_add = None
    if node.op in _ADD and len(node.inputs) == 2:
        bias_add = node if _is_private(graph, found.input, readers) and is_constant_chain(node.inputs[1]) else None
        if bias_add is None:
            return None
        found_input, readers = node.inputs[0], frozenset({node})
    else:
        found_input = found.input
    node = source_of(found_input).node
    if node.op not in LAYERS or len(node.inputs) < 2 or constant_of(node.inputs[1]) is None:
        return None
    return LayerBefore(node, bias_add) if _is_private(graph, found_input, readers) else None


def _is_private(graph: GraphView, value: Value, readers: frozenset[Node]) -> bool:
    """True if only ``readers`` read what ``value`` comes from, looking through Identity."""
    node = source_of(value).node
    if graph.is_output(node):
        return False
    return all(user in readers for user, _ in uses_through(graph, node.out(), PASS_THROUGH))


def unfused_batchnorms(graph: GraphView) -> Iterator[BatchNormMatch | CannotTell]:
    """Every unfused batch normalization, once and at its full extent, in file order of its root."""
    for root in graph.by_op("Rsqrt", "Sqrt"):
        best: BatchNormMatch | CannotTell | None = None
        for end in _ends(graph, root):
            found = batchnorm_unfused(graph, end)
            if isinstance(found, BatchNormMatch) and root in found.interior:
                if not isinstance(best, BatchNormMatch) or len(found.interior) > len(best.interior):
                    best = found
            elif isinstance(found, CannotTell):
                best = best or found
        if best is not None:
            yield best


def _ends(graph: GraphView, root: Node) -> Iterable[Node]:
    """Nodes a few steps behind ``root`` at which a match can end, nearest first."""
    level, seen = [root], {root}
    for _ in range(_REACH):
        readers = (u for node in level for u in graph.consumers(node) if u.op in _ON_THE_WAY and u not in seen)
        level = list(islice(dict.fromkeys(readers), _WIDEST))
        seen.update(level)
        yield from (n for n in level if n.op in UNFUSED_ENDS)


def _checked(found: BatchNormMatch) -> BatchNormMatch | NoMatch | CannotTell:
    """``found`` if its parameters are constants."""
    for value in found.parameters:
        if not is_constant_chain(value):
            node = source_of(value).node
            if node.is_missing:
                return CannotTell(f"the parameter {node.name} is missing from the graph", node.name)
            return NoMatch(f"the parameter {value.name} is no constant, {node.op} computes it", node.name)
    return found


# ---- the arithmetic, read backwards --------------------------------------------------------------------------


class _Inverse(NamedTuple):
    """``rsqrt(variance + epsilon) [* scale]``, or ``sqrt(variance + epsilon)`` where it divides."""

    variance: Value
    epsilon: float
    scale: Value | None
    nodes: tuple[Node, ...]


class _Core(NamedTuple):
    """``(x - mean) * inverse``."""

    x: Value
    mean: Value
    inverse: _Inverse
    nodes: tuple[Node, ...]


def _affine_form(node: Node) -> Iterator[BatchNormMatch]:
    """``x * inv + (beta - mean * inv)``."""
    for product, rest in _operands(node, _ADD):
        for x, factor in _operands(source_of(product).node, _MULTIPLY):
            inverse = _inverse(factor)
            shift = _shift(rest, factor) if inverse is not None else None
            if inverse is not None and shift is not None:
                offset, mean, nodes = shift
                yield _found(node, _Core(x, mean, inverse, (source_of(product).node, *nodes)), inverse.scale, offset)


def _shift(value: Value, factor: Value) -> tuple[Value | None, Value, tuple[Node, ...]] | None:
    """``beta - mean * inv``, ``-(mean * inv)`` or ``(-mean) * inv``: offset, mean and the nodes."""
    node = source_of(value).node
    if node.op in ("Sub", "Neg") and node.inputs:
        product = source_of(node.inputs[-1]).node
        for mean, inv in _operands(product, _MULTIPLY):
            if source_of(inv) == source_of(factor):
                return node.inputs[0] if node.op == "Sub" else None, mean, (node, product)
    for negated, inv in _operands(node, _MULTIPLY):
        inner = source_of(negated).node
        if inner.op == "Neg" and inner.inputs and source_of(inv) == source_of(factor):
            return None, inner.inputs[0], (node, inner)
    return None


def _plain_form(node: Node) -> Iterator[BatchNormMatch]:
    """``(x - mean) / sqrt(variance + epsilon) [* gamma] [+ beta]``."""
    for core, scale, nodes in _scaled(node):
        yield _found(node, core._replace(nodes=(*nodes, *core.nodes)), scale, None)
    for inner, offset in _operands(node, _ADD):
        end = source_of(inner).node
        for core, scale, nodes in _scaled(end):
            yield _found(node, core._replace(nodes=(*nodes, *core.nodes)), scale, offset)


def _scaled(node: Node) -> Iterator[tuple[_Core, Value | None, tuple[Node, ...]]]:
    """``core`` or ``core * gamma``: the core, gamma and the nodes outside the core."""
    core = _core(node)
    if core is not None:
        yield core, core.inverse.scale, ()
    for inner, scale in _operands(node, _MULTIPLY):
        core = _core(source_of(inner).node)
        if core is not None and core.inverse.scale is None:
            yield core, scale, (node,)


def _core(node: Node) -> _Core | None:
    for difference, other in _operands(node, _MULTIPLY, ordered=_DIVIDE):
        sub = source_of(difference).node
        root = source_of(other).node
        inverse = _root(root, "Sqrt") if node.op in _DIVIDE else _inverse(other)
        if sub.op == "Sub" and len(sub.inputs) == 2 and inverse is not None:
            return _Core(sub.inputs[0], sub.inputs[1], inverse, (node, sub))
    return None


def _inverse(value: Value) -> _Inverse | None:
    node = source_of(value).node
    root = _root(node, "Rsqrt")
    if root is not None:
        return root
    for inner, scale in _operands(node, _MULTIPLY):
        root = _root(source_of(inner).node, "Rsqrt")
        if root is not None:
            return root._replace(scale=scale, nodes=(node, *root.nodes))
    return None


def _root(node: Node, op: str) -> _Inverse | None:
    """``op(variance + epsilon)``, or ``op(variance)`` of a constant."""
    if node.op != op or not node.inputs:
        return None
    inner = source_of(node.inputs[0])
    for variance, added in _operands(inner.node, _ADD):
        epsilon = scalar_of(added)
        if epsilon is not None:
            return _Inverse(variance, epsilon, None, (node, inner.node))
    return _Inverse(node.inputs[0], 0.0, None, (node,)) if is_constant_chain(inner) else None


def _operands(
    node: Node, ops: frozenset[str], *, ordered: frozenset[str] = frozenset()
) -> Iterator[tuple[Value, Value]]:
    """The two inputs of ``node`` in both orders if its op is in ``ops``, as they are if it is in ``ordered``."""
    if len(node.inputs) != 2 or (node.op not in ops and node.op not in ordered):
        return
    first, second = node.inputs
    yield first, second
    if node.op in ops:
        yield second, first


def _found(end: Node, core: _Core, scale: Value | None, offset: Value | None) -> BatchNormMatch:
    inverse = core.inverse
    nodes = dict.fromkeys((end, *core.nodes, *inverse.nodes))
    return BatchNormMatch(
        core.x, end.out(), scale, offset, core.mean, inverse.variance, inverse.epsilon, tuple(nodes), False
    )
