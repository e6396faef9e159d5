"""Double precision in single."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from graphdoctor.ir import GraphView, Node, Value, tensor_of
from graphdoctor.ops import find_op
from graphdoctor.surgery.finder import Finder, Found
from graphdoctor.surgery.proposal import Facts, Make, New, Ref, Refusal, SetAttr, SetInputs, Step, propose
from graphdoctor.surgery.rewrites.common import become
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.wire.tensors import Tensor, TensorError

_LIMITS = np.finfo(np.float32)
_WHY_NOT = {
    **dict.fromkeys(("VarHandleOp", "ReadVariableOp", "Variable", "VariableV2"), "its value lies in a checkpoint"),
    **dict.fromkeys(("RandomUniform", "RandomStandardNormal", "TruncatedNormal"), "it draws other numbers in float32"),
    **dict.fromkeys(
        "PartitionedCall StatefulPartitionedCall If StatelessIf While StatelessWhile".split(),
        "it calls a function, which is not looked into",
    ),
    "Bitcast": "it reads the bytes",
    "Range": "how many numbers it gives may depend on the rounding; fold it first",
}
_COMPLEX = frozenset({DType.COMPLEX64, DType.COMPLEX128, DType.STRING})


class PrecisionOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``double-to-float``. ``interface``: inputs and outputs change too; else a Cast stands at each."""

    interface: bool


def double_to_float(graph: GraphView, facts: Facts, options: PrecisionOptions) -> Found:
    """Everything that is float64 as float32, all at once or not at all."""
    ends = {} if options.interface else _ends(graph, facts)
    order = graph.order()
    nodes = [n for n in (*order.nodes, *order.cyclic) if n not in ends and _is_double(facts, n)]
    if not nodes:
        return
    for node in nodes:
        reason = _why_not(graph, node) or ("" if options.interface else _why_no_cast(graph, facts, node))
        if reason:
            yield Refusal(nodes[0], f"{node.op} {node.name}: {reason}")
            return
    steps = [s for n in nodes for s in _narrowed(n)] if options.interface else _inside(graph, facts, nodes, ends)
    note = f"{len(nodes)} nodes, {sum(n.op == 'Const' for n in nodes)} of them constants"
    unsafe = "results are rounded to float32" + (", and inputs and outputs are float32" if options.interface else "")
    first, *rest = nodes
    yield propose(first, *steps, touches=(*nodes, *ends), note=note, unsafe=unsafe, also=tuple(rest))


def _is_double(facts: Facts, node: Node) -> bool:
    """True if ``node`` says float64, or reads or gives it without saying so."""
    if any(_says_double(v) for v in node.attrs.values() if not isinstance(v, Tensor)):
        return True
    if find_op(node.op) is not None:
        return False
    specs = (*facts.specs.inputs(node), *facts.specs.table.get(node, ()))
    return any(s.dtype is DType.DOUBLE for s in specs)


def _says_double(value: AttrPy) -> bool:
    return value is DType.DOUBLE or (isinstance(value, tuple) and DType.DOUBLE in value)


# ---- why not ---------------------------------------------------------------------------------------------


def _why_not(graph: GraphView, node: Node) -> str:
    """Why ``node`` cannot be float32; empty if it can."""
    if find_op(node.op) is None:
        return "whether it takes float32 is not known"
    if node.op in _WHY_NOT:
        return _WHY_NOT[node.op]
    dtypes = {v for value in node.attrs.values() for v in (value if isinstance(value, tuple) else (value,))}
    if node.op == "Cast" and isinstance(node.attr("DstT"), DType) and node.attr("DstT").is_integer:
        return "which integer it gives may depend on the rounding; fold it first"
    if any(isinstance(d, DType) and d in _COMPLEX for d in dtypes):
        return "it makes complex numbers or text of it"
    return _why_no_constant(node) if node.op == "Const" else ""


def _why_no_constant(node: Node) -> str:
    tensor = tensor_of(node)
    try:
        array = None if tensor is None else tensor.array()
    except TensorError as e:
        return str(e)
    if array is None or array.dtype != np.float64:
        return "its value is damaged"
    values = np.abs(_stored(array))
    if (np.isfinite(values) & (values > _LIMITS.max)).any():
        return f"{values[np.isfinite(values)].max():g} is more than float32 holds"
    if ((values > 0) & (values < _LIMITS.tiny)).any():
        return f"{values[values > 0].min():g} is nothing in float32"
    return ""


def _stored(array: Array) -> Array:
    """The elements of ``array`` that are stored: one, where it repeats one."""
    repeats = array.size > 1 and not any(array.strides)
    return array[(0,) * array.ndim].reshape(1) if repeats else array


def _why_no_cast(graph: GraphView, facts: Facts, node: Node) -> str:
    """Why the interface cannot stay float64 at ``node``."""
    if node in graph.inputs:
        return "it is an input, and computed"
    outputs = [v for v in graph.outputs if v.node is node]
    if any(facts.specs.of(v).dtype is DType.DOUBLE for v in outputs) and outputs != [node.out()]:
        return "several of its outputs are outputs of the graph, or not its first"
    return ""


# ---- steps -----------------------------------------------------------------------------------------------


def _narrowed(node: Node, inputs: tuple[Ref, ...] | None = None) -> Iterator[Step]:
    """``node`` in float32; ``inputs`` replace its own."""
    if node.op == "Cast" and {node.attr("SrcT"), node.attr("DstT")} <= {DType.FLOAT, DType.DOUBLE}:
        yield from become(node, "Identity", inputs or node.inputs, {"T": DType.FLOAT})
        return
    if inputs is not None and inputs != node.inputs:
        yield SetInputs(node, inputs)
    for key, value in _attrs(node).items():
        if node.attr(key) is not value:
            yield SetAttr(node, key, value)


def _attrs(node: Node) -> Mapping[str, AttrPy]:
    return {key: _single(value) for key, value in node.attrs.items()}


def _single(value: AttrPy) -> AttrPy:
    if value is DType.DOUBLE:
        return DType.FLOAT
    if isinstance(value, tuple) and DType.DOUBLE in value:
        return tuple(DType.FLOAT if v is DType.DOUBLE else v for v in value)
    if isinstance(value, Tensor) and value.dtype is DType.DOUBLE:
        return Tensor.from_array(value.array(), DType.FLOAT)
    return value


def _ends(graph: GraphView, facts: Facts) -> dict[Node, Ref | None]:
    """Nodes of a float64 interface that stay, and what is float32 of each where that is there already.

    Placeholders and the Casts behind them; Casts that give a float64 output.
    """
    found: dict[Node, Ref | None] = {n: None for n in graph.inputs if n.op == "Placeholder" and _is_double(facts, n)}
    for node in list(found):
        for use in graph.uses(node):
            if use.node.op == "Cast" and use.node.attr("DstT") is DType.FLOAT and use.slot == 0:
                found[use.node] = None
                found[node] = use.node.out()
    for value in graph.outputs:
        node = value.node
        if node.op == "Cast" and (node.attr("SrcT"), node.attr("DstT")) == (DType.FLOAT, DType.DOUBLE):
            found[node] = node.inputs[0]
    return found


def _inside(graph: GraphView, facts: Facts, nodes: list[Node], ends: Mapping[Node, Ref | None]) -> list[Step]:
    """``nodes`` in float32 between Casts at the inputs and outputs that stay float64."""
    steps: list[Step] = []
    instead: dict[Value, Ref] = {}
    for node, ref in ends.items():
        if ref is None and node.op != "Cast":
            ref = New(f"{node.name}/float32")
            steps.append(Make(ref.key, "Cast", (node.out(),), _cast(DType.DOUBLE, DType.FLOAT)))
        if ref is not None:
            instead[node.out()] = ref
    given = {v.node for v in graph.outputs if facts.specs.of(v).dtype is DType.DOUBLE}
    for node in nodes:
        inputs = tuple(instead.get(v, v) for v in node.inputs)
        if node not in given:
            steps += _narrowed(node, inputs)
            continue
        key = f"{node.name}/float32"
        steps.append(Make(key, *_twin(node, inputs), node.controls))
        steps += become(node, "Cast", (New(key),), _cast(DType.FLOAT, DType.DOUBLE))
        steps.append(SetInputs(node, (New(key),), ()))
        instead.update({node.out(u.index): New(key, u.index) for u in graph.uses(node) if u.slot >= 0})
    return steps


def _twin(node: Node, inputs: tuple[Ref, ...]) -> tuple[str, tuple[Ref, ...], Mapping[str, AttrPy]]:
    """Op, inputs and attributes of ``node`` in float32."""
    if node.op == "Cast" and node.attr("SrcT") in (DType.FLOAT, DType.DOUBLE):
        return "Identity", inputs, {"T": DType.FLOAT}
    return node.op, inputs, _attrs(node)


def _cast(source: DType, to: DType) -> dict[str, AttrPy]:
    return {"SrcT": source, "DstT": to, "Truncate": False}


FINDERS = {"double-to-float": Finder(double_to_float, PrecisionOptions)}
