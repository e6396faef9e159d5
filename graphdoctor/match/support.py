"""Whether a target runs a node: each distinct kind of node is judged once per target.

For the UFF parser a node is looked up as its TensorFlow op. For the ONNX parser it is looked up as the ONNX nodes
that its lowering writes, after what our conversion does first: what does not depend on an input is folded. TF-TRT
folds first as well, and takes its inputs from TensorFlow as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from graphdoctor.ir import GraphView, Node, TensorSpec, Value
from graphdoctor.match.constants import constant_of, small_constant, source_of
from graphdoctor.match.context import EngineRank, SpecTable
from graphdoctor.match.engine_rank import EngineRanks, near_outputs
from graphdoctor.match.history import has_heard_of
from graphdoctor.match.kinds import FED, NOT_IN_ONNX, PLACEHOLDERS, Kind, OnnxKind, OpKind, answer
from graphdoctor.match.layout import Layouts
from graphdoctor.match.lowered import BORDER_TYPES, Emissions, OnnxRecords, Operand, attr_key
from graphdoctor.match.results import CannotTell
from graphdoctor.ops import Op, OpContext, find_op
from graphdoctor.ops.reshape import is_flatten
from graphdoctor.targets import Target
from graphdoctor.types import DType, Support
from graphdoctor.wire.tensors import TensorError

_DELICATE = NOT_IN_ONNX | BORDER_TYPES | {DType.INT8, DType.BFLOAT16}
"""Types of which a constant is refused somewhere."""
_MOST_COMPUTED = 1 << 26
_ALWAYS_TAKEN = 8
"""Dimensions that every target takes, so that they tell no kinds of nodes apart."""
_AXIS = Operand(DType.INT32, (), True, False)
"""The axis of a ConcatV2 that graphsurgeon made: an attribute, where others have a last input."""


class _Asked(NamedTuple):
    """What the rows of all targets ask of one TensorFlow op beside its operands."""

    attrs: tuple[str, ...]
    outputs: bool
    zero: bool


class Judge:
    """Support of the nodes of one graph; stale after any change of the graph.

    Args:
        graph: its inputs and outputs are set.
        specs: from inference over ``graph``.
        targets: all that will be asked for.
        live: the nodes that the outputs depend on, all where those are not known; found where it is not given.
    """

    def __init__(
        self, graph: GraphView, specs: SpecTable, targets: Iterable[Target], live: AbstractSet[Node] | None = None
    ) -> None:
        self.graph = graph
        self.specs = specs
        self._by_op_type = [t for t in targets if t.parser != "onnx"]
        self._written = any(t.alone for t in self._by_op_type)
        self._inputs = frozenset(graph.inputs)
        self._records = OnnxRecords(specs, self._inputs.union(graph.by_op(*PLACEHOLDERS)))
        self._op_kinds: dict[Node, OpKind] = {}
        self._segment_kinds: dict[Node, OpKind] = {}
        self._onnx_kinds: dict[Node, OnnxKind] = {}
        self._answers: dict[tuple[Kind, str], Support] = {}
        self._asked: dict[str, _Asked] = {}
        self._constants: set[Node] | None = None
        self._live = live
        self._ranks: EngineRanks | None = None
        self._layouts = Layouts(graph)
        self._near_outputs: frozenset[Node] | None = None
        self._functions: frozenset[str] | None = None

    def support(self, node: Node, target: Target) -> Support:
        """Whether ``target`` runs ``node``, and why."""
        return self.support_of(self.kind(node, target), target)

    def support_of(self, kind: Kind, target: Target) -> Support:
        """Whether ``target`` runs nodes of ``kind``, and why."""
        key = (kind, target.name)
        if key not in self._answers:
            self._answers[key] = answer(kind, target)
        return self._answers[key]

    def kind(self, node: Node, target: Target) -> Kind:
        """All that ``target`` can ask of ``node``: the same for every target with the same parser."""
        if target.parser == "onnx":
            if node not in self._onnx_kinds:
                self._onnx_kinds[node] = self._onnx_kind(node)
            return self._onnx_kinds[node]
        if target.parser == "tftrt":
            if node not in self._segment_kinds:
                self._segment_kinds[node] = self._segment_kind(node)
            return self._segment_kinds[node]
        if node not in self._op_kinds:
            kind = self._op_kind(node)
            if node.op == "ConcatV2" and "axis" in node.attrs:
                kind = kind._replace(operands=(*kind.operands, _AXIS))
            self._op_kinds[node] = kind
        return self._op_kinds[node]

    def is_constant(self, node: Node) -> bool:
        """True if output 0 of ``node`` does not depend on any input, so that folding makes a constant of it."""
        return node in (self.constants() if self._constants is None else self._constants)

    def constants(self) -> AbstractSet[Node]:
        """The nodes that :meth:`is_constant` is true of."""
        if self._constants is None:
            self._constants = set()
            for candidate in self.graph.order().nodes:
                if self._folds(candidate, self._constants):
                    self._constants.add(candidate)
        return self._constants

    def engine_rank(self, value: Value) -> EngineRank:
        """How many dimensions ``value`` has in an engine with an implicit batch."""
        if self._ranks is None:
            self._ranks = EngineRanks(self.graph, self.specs, self.is_constant)
        return self._ranks.of(value)

    def is_flatten(self, node: Node) -> bool:
        """True for a Reshape that its scope turns into a Flatten; of a file, for what is a Flatten there."""
        return _keeps_rows(node) if self._written else is_flatten(node)

    def is_near_output(self, node: Node) -> bool:
        """True if what ``node`` gives is an output of the graph, as it is or behind ops that keep its dimensions."""
        if self._near_outputs is None:
            self._near_outputs = near_outputs(self.graph)
        return node in self._near_outputs

    def layout(self, value: Value) -> str | CannotTell:
        """``NHWC`` or ``NCHW``; see :func:`graphdoctor.match.layout.data_format`."""
        return self._layouts.of(value)

    def _folds(self, node: Node, constants: set[Node]) -> bool:
        if node.op == "Const":
            return True
        if not node.inputs or node.controls or node.op in FED or node in self._inputs:
            return False
        inferred = self.specs.output(node).constant is not None
        if not inferred and not all(v.node in constants for v in node.inputs):
            return False
        op = find_op(node.op)
        if op is None or op.stateful or op.side_effect or (not inferred and type(op).fold is Op.fold):
            return False
        if not inferred and op.onnx is None and not self._computes(node, op):
            return False
        return all(use.index <= 0 for use in self.graph.uses(node))

    def _computes(self, node: Node, op: Op) -> bool:
        """True if folding has a value for a node that could not be lowered instead."""
        tensors = [constant_of(v) for v in node.inputs]
        try:
            values = [t.array() for t in tensors if t is not None and t.element_count <= _MOST_COMPUTED]
        except TensorError:
            return False
        context = OpContext(node, tuple(self.specs.of(v) for v in node.inputs), op.defaults)
        return len(values) == len(tensors) and op.fold(context, values) is not None

    def _onnx_kind(self, node: Node) -> OnnxKind:
        is_input = node in self._inputs or node.op in PLACEHOLDERS
        op = find_op(node.op)
        dtype = self.specs.output(node).dtype
        emissions: Emissions = ()
        rank = self._large_rank(node)
        constants: frozenset[DType] = frozenset()
        if not is_input and self.is_constant(node):
            constants = frozenset((dtype,)) if dtype in _DELICATE and self._is_left(node) else constants
        elif not is_input:
            if op is None:
                emissions = f"graphdoctor does not know the op {node.op}"
            elif op.onnx is None:
                emissions = f"graphdoctor has no ONNX lowering for {node.op}"
            else:
                emissions, given, constants, between = self._records.of(node, op)
                rank = max(rank, between if between > _ALWAYS_TAKEN else 0)
                lost = self._first_lost(node, given)
                if lost is not None and not isinstance(emissions, str):
                    emissions = f"ONNX does not have its output {lost}"
        unheard = op is None and not self._is_heard_of(node)
        return OnnxKind(node.op, is_input, dtype, emissions, constants & _DELICATE, rank, unheard)

    def _is_heard_of(self, node: Node) -> bool:
        """True for an op of TensorFlow, for a function of the graph, and for a node that does not exist."""
        if self._functions is None:
            source = getattr(self.graph, "source", None)
            functions = () if source is None else source.library.function
            self._functions = frozenset(f.signature.name for f in functions)
        return node.is_missing or node.op in self._functions or has_heard_of(node.op)

    def _large_rank(self, node: Node) -> int:
        ranks = [spec.rank or 0 for spec in self.specs.table.get(node, ())]
        return max((r for r in ranks if r > _ALWAYS_TAKEN), default=0)

    def _is_left(self, node: Node) -> bool:
        """True if a constant is still there when everything is folded: an output, or read by what is computed.

        A text is left only as an output, since what reads one (Assert, Print) is not written; and so is what is cast.
        """
        if self.graph.is_output(node):
            return True
        if self.specs.output(node).dtype in NOT_IN_ONNX | BORDER_TYPES:
            return False
        return any(
            reader in self._live_nodes() and not self.is_constant(reader) for reader in self.graph.consumers(node)
        )

    def _first_lost(self, node: Node, given: int) -> int | None:
        """The first output beyond ``given`` that something live reads."""
        used = [v.index for v in self.graph.outputs if v.node is node]
        used += [u.index for u in self.graph.uses(node) if u.index >= given and u.node in self._live_nodes()]
        return min((k for k in used if k >= given), default=None)

    def _live_nodes(self) -> AbstractSet[Node]:
        if self._live is None:
            self._live = self.graph.live() if self.graph.outputs else set(self.graph)
        return self._live

    def _op_kind(self, node: Node) -> OpKind:
        asked = self._asked.get(node.op)
        if asked is None:
            asked = self._asked[node.op] = self._what_is_asked(node.op)
        return OpKind(
            node.op,
            tuple(self._operand(v, asked.zero) for v in node.inputs),
            self.specs.output(node).dtype,
            attr_key(node, asked.attrs),
            self._outputs_used(node) if asked.outputs else 1,
        )

    def _segment_kind(self, node: Node) -> OpKind:
        if self.is_constant(node):
            return OpKind("Const", (), self.specs.output(node).dtype, (), 1)
        kind = self._op_kind(node)
        folded = tuple(
            operand._replace(is_constant=True) if self.is_constant(source_of(value).node) else operand
            for operand, value in zip(kind.operands, node.inputs, strict=True)
        )
        return kind._replace(operands=folded)

    def _operand(self, value: Value, zero: bool) -> Operand:
        spec = self.specs.of(value)
        constant = spec.constant is not None or constant_of(value) is not None
        rank = None if spec.shape is None else tuple(None if d is None else 1 for d in spec.shape)
        return Operand(spec.dtype, rank, constant, zero and constant and _is_zero(value, spec))

    def _what_is_asked(self, op: str) -> _Asked:
        rows = [t.row(op) for t in self._by_op_type]
        attrs: set[str] = set()
        for row in rows:
            attrs.update(row.attrs, row.unset, row.doubt, (row.dtype_attr,) if row.dtype_attr else ())
        return _Asked(tuple(sorted(attrs)), any(r.outputs is not None for r in rows), any(r.zero for r in rows))

    def _outputs_used(self, node: Node) -> int:
        used = [use.index for use in self.graph.uses(node)]
        used += [v.index for v in self.graph.outputs if v.node is node]
        return max(used, default=0) + 1


def _is_zero(value: Value, spec: TensorSpec) -> bool:
    array = spec.constant if spec.constant is not None else small_constant(value)
    return array is not None and not array.any()


def _keeps_rows(node: Node) -> bool:
    """True for a Reshape to [N,-1] by the batch of its own input: how the graph of a UFF file says Flatten."""
    rows = node.inputs[1].node if node.op == "Reshape" and len(node.inputs) == 2 else None
    if rows is None or rows.op != "Pack" or len(rows.inputs) != 2:
        return False
    batch = rows.inputs[0].node
    if batch.op != "StridedSlice" or len(batch.inputs) != 4 or batch.attr("shrink_axis_mask", 0) != 1:
        return False
    shape, begin, rest = batch.inputs[0].node, small_constant(batch.inputs[1]), small_constant(rows.inputs[1])
    if shape.op != "Shape" or shape.inputs[0] != node.inputs[0] or begin is None or rest is None:
        return False
    return begin.reshape(-1).tolist() == [0] and rest.reshape(-1).tolist() == [-1]
