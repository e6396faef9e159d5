"""Shape and dtype inference over the whole graph, with partial values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphdoctor.ir import UNKNOWN_SPEC, GraphView, Node, TensorSpec, Value
from graphdoctor.ir.spec import PARTIAL_LIMIT
from graphdoctor.ops import InferError, OpContext, find_op
from graphdoctor.ops.base import Op
from graphdoctor.types import DType, element_count
from graphdoctor.wire.attrs import ShapeValue
from graphdoctor.words import plural


@dataclass(frozen=True, slots=True)
class Conflict:
    """A node whose inputs contradict its op, and how."""

    node: Node
    reason: str


@dataclass(slots=True)
class Specs:
    """What is known of each value of a graph; stale after any change of the graph."""

    table: dict[Node, tuple[TensorSpec, ...]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    def of(self, value: Value) -> TensorSpec:
        """What is known of ``value``."""
        node, index = value
        specs = self.table.get(node, ())
        return specs[index] if index < len(specs) else UNKNOWN_SPEC

    def output(self, node: Node, index: int = 0) -> TensorSpec:
        """What is known of output ``index`` of ``node``."""
        specs = self.table.get(node, ())
        return specs[index] if index < len(specs) else UNKNOWN_SPEC

    def inputs(self, node: Node) -> tuple[TensorSpec, ...]:
        """What is known of each data input of ``node``."""
        return tuple([self.of(v) for v in node.inputs])


def infer_shapes(graph: GraphView, given: Mapping[str, TensorSpec] | None = None) -> Specs:
    """Infer every value of ``graph`` in one pass, producers first.

    Args:
        graph: not changed.
        given: specs for nodes by name (what ``--input`` says); they win over what the node says of itself.
    """
    specs = Specs()
    given = {**_legacy_scalars(graph), **(given or {})}
    inputs = frozenset(graph.inputs)
    for node in graph.order().nodes:
        if node.name in given:
            specs.table[node] = (given[node.name],)
        elif find_op(node.op) is None and node not in inputs:
            specs.table[node] = _read_as(graph, node)
        else:
            specs.table[node] = _infer(node, specs)
    return specs


def infer_more(specs: Specs, nodes: Iterable[Node]) -> None:
    """Infer ``nodes``, producers first, in a graph that is being made; ``specs`` has what stands before them."""
    for node in nodes:
        specs.table[node] = _infer(node, specs)


_MOST_OUTPUTS = 1000
"""Outputs of an unknown op that are told apart; a damaged reference may name any number."""


def _read_as(graph: GraphView, node: Node) -> tuple[TensorSpec, ...]:
    """The dtypes of the outputs of an unknown op, as the type attributes of the nodes that read them say."""
    found: dict[int, DType] = {}
    for use in graph.uses(node):
        op = find_op(use.node.op)
        for key in () if op is None else (k for k, slot in op.types.items() if slot == use.slot):
            dtype = use.node.attr(key)
            if isinstance(dtype, DType) and use.index < _MOST_OUTPUTS:
                found.setdefault(use.index, dtype)
    return tuple(TensorSpec(found.get(i, DType.INVALID)) for i in range(max(found, default=-1) + 1))


LEGACY_PRODUCER = 21
"""Up to this GraphDef version a Placeholder of shape [] has an unknown shape (TensorFlow, ops/array_ops.cc)."""


def _legacy_scalars(graph: GraphView) -> dict[str, TensorSpec]:
    """Placeholders whose shape [] says nothing because of the age of the file; 0 is a file that does not say."""
    if graph.producer is None or graph.producer > LEGACY_PRODUCER:
        return {}
    found = {}
    for node in graph.by_op("Placeholder"):
        shape, dtype = node.attr("shape"), node.attr("dtype")
        if isinstance(shape, ShapeValue) and shape.dims == () and isinstance(dtype, DType):
            found[node.name] = TensorSpec(dtype)
    return found


def context(node: Node, op: Op, specs: Specs) -> OpContext:
    """The context that ``op`` infers and folds ``node`` in."""
    return OpContext(node, specs.inputs(node), op.defaults)


def _infer(node: Node, specs: Specs) -> tuple[TensorSpec, ...]:
    op = find_op(node.op)
    if op is None:
        return ()
    ctx = context(node, op, specs)
    low, high = op.arity
    if not low <= len(ctx.inputs) <= high:
        specs.conflicts.append(Conflict(node, f"{node.op} has {plural(len(ctx.inputs), 'input')}, not {low}"))
        return ()
    try:
        return inferred(op, ctx)
    except InferError as e:
        specs.conflicts.append(Conflict(node, str(e)))
        return ()


def inferred(op: Op, ctx: OpContext) -> tuple[TensorSpec, ...]:
    """What ``op`` gives, small values included.

    Raises:
        InferError: the inputs contradict it.
    """
    outputs = op.infer(ctx)
    return tuple(outputs) if _all_valued(outputs) else _with_values(op, ctx, outputs)


def _all_valued(outputs: list[TensorSpec]) -> bool:
    return all(o.value is not None for o in outputs)


def _with_values(op: Op, ctx: OpContext, outputs: list[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Small values whose inputs are all known are computed, so that shape arithmetic resolves."""
    values = [s.constant for s in ctx.inputs]
    if op.stateful or not values or any(v is None for v in values) or not all(_small(o) for o in outputs):
        return tuple(outputs)
    folded = op.fold(ctx, [v for v in values if v is not None])
    if folded is None:
        return tuple(outputs)
    return tuple(TensorSpec(o.dtype, tuple(v.shape), v) for o, v in zip(outputs, folded, strict=True))


def _small(spec: TensorSpec) -> bool:
    count = element_count(spec.shape)
    return count is not None and count <= PARTIAL_LIMIT
