"""A loop, run on what is known of its variables: what is known is computed, all else is copied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphdoctor.ir import UNKNOWN_SPEC, Attrs, Node, TensorSpec
from graphdoctor.ops import InferError, OpContext, find_op
from graphdoctor.passes.infer_shapes import inferred
from graphdoctor.passes.loops.form import Cell, LoopError, Source
from graphdoctor.passes.loops.values import DEAD, Copy, Out, Ref, Val
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.wire.tensors import Tensor
from graphdoctor.words import plural

PASSING = frozenset(
    "Identity StopGradient PreventGradient Snapshot LoopCond Enter Exit NextIteration RefIdentity".split()
)
_ROUNDED = frozenset({"Dequantize"})
"""Ops that TensorFlow computes otherwise than arithmetic does, in odd cases."""
_EXACT = frozenset(
    "Add AddV2 Sub Mul Neg Abs Maximum Minimum Square RealDiv Div Cast Fill ZerosLike OnesLike Reshape ExpandDims "
    "Squeeze Transpose Pack Unpack ConcatV2 StridedSlice Slice Gather GatherV2 Tile Select SelectV2".split()
)
"""Ops whose floats are the same bits wherever they are computed; of others an iteration stays as it is."""
_LOGIC = {"LogicalAnd": False, "LogicalOr": True}
"""The operand that decides by itself."""
ALWAYS = -1
"""In the place of an output's number: whichever output there is."""
Values = tuple[Val, ...]


@dataclass
class Copies:
    """The copies that are made so far, and constants for known values.

    ``gates`` is what a copy without inputs waits for, so that it does not run where the loop does not.
    ``parted``: what a copy takes apart into rows, and into how many.
    """

    gates: tuple[Node | str, ...] = ()
    made: dict[str, Copy] = field(default_factory=dict)
    constants: dict[tuple[object, ...], Out] = field(default_factory=dict)
    parted: dict[str, tuple[Val, int]] = field(default_factory=dict)

    def add(
        self,
        key: str,
        op: str,
        inputs: Sequence[Val],
        attrs: Mapping[str, AttrPy],
        origin: Node,
        controls: Iterable[Node | str] = (),
    ) -> Values:
        """Copy a node under ``key`` or a name near it; its outputs, as far as inference knows them."""
        waits: tuple[Node | str, ...] = tuple(dict.fromkeys(controls))
        if not inputs and not waits:
            waits = self.gates
        refs = tuple(self.ref(v, origin) for v in inputs)
        key = self._free(key)
        self.made[key] = Copy(key, op, refs, attrs, waits, origin)
        branch = _branches(inputs)
        specs = _inferred(Node(key, op, attrs if isinstance(attrs, Attrs) else Attrs(attrs)), inputs) or (UNKNOWN_SPEC,)
        kept = [s if not branch and is_exact(op, s) else bare(s) for s in specs]
        return tuple(Val(s, Out(key, i), branch) for i, s in enumerate(kept))

    def ref(self, value: Val, origin: Node) -> Ref:
        """Where ``value`` is to be had; a known one becomes a constant.

        Raises:
            LoopError: it is a list, or is not there.
        """
        if value.items is not None or value.handle is not None:
            raise LoopError(f"an array goes into {origin.op} {origin.name}")
        if value.ref is not None:
            return value.ref
        if value.known is None:
            raise LoopError(f"{origin.op} {origin.name} reads what never runs")
        return self._constant(value.known, value.spec.dtype, origin)

    def _constant(self, array: Array, dtype: DType, origin: Node) -> Out:
        identity = (dtype, array.shape, array.tobytes() if array.dtype != object else tuple(array.reshape(-1)))
        if identity not in self.constants:
            tensor = Tensor.from_array(array, dtype)
            key = self._free(f"{origin.name}/value")
            self.made[key] = Copy(key, "Const", (), {"dtype": dtype, "value": tensor}, self.gates, origin)
            self.constants[identity] = Out(key)
        return self.constants[identity]

    def _free(self, key: str) -> str:
        name, k = key, 0
        while name in self.made:
            k += 1
            name = f"{key}_{k}"
        return name


def _inferred(node: Node, inputs: Sequence[Val]) -> tuple[TensorSpec, ...]:
    op = find_op(node.op)
    if op is None:
        return ()
    if node.op == "Merge":
        first = inputs[0].spec
        shape = first.shape if all(v.spec.shape == first.shape for v in inputs) else None
        return TensorSpec(first.dtype, shape), TensorSpec(DType.INT32, ())
    try:
        return inferred(op, OpContext(node, tuple(v.spec for v in inputs), op.defaults))
    except InferError:
        return ()


def is_exact(op: str, spec: TensorSpec) -> bool:
    """True if ``spec``, what is known of an output of ``op``, holds the bits that TensorFlow computes."""
    return spec.dtype.is_integer or spec.dtype is DType.BOOL or op == "Const" or op in PASSING or op in _EXACT


def bare(spec: TensorSpec) -> TensorSpec:
    """What is known of a value that may not be there, or that TensorFlow may round otherwise: not the value."""
    return TensorSpec(spec.dtype, spec.shape)


ListOp = Callable[[Copies, Node, Values, str], Values]
"""What a node makes of lists: given its inputs and the name that a copy of it gets."""


@dataclass
class Simulation:
    """Runs the cells of a loop.

    Attributes:
        copies: what is made.
        lists: the ops of arrays and lists.
        acts: whether a node may have an effect or give something else each time.
        outputs: how many outputs of each node are read.
        most: nodes that may be run.
        values: what each node gave in this iteration.
        memo: what it was given when it was last computed, and what it gave.
        parting: the branches in which a Switch itself lies.
    """

    copies: Copies
    lists: Mapping[str, ListOp]
    acts: Callable[[Node], bool]
    outputs: Mapping[Node, int]
    most: int
    runs: int = 0
    values: dict[Node, Values] = field(default_factory=dict)
    memo: dict[Node, tuple[Values, Values]] = field(default_factory=dict)
    parting: dict[Node, frozenset[object]] = field(default_factory=dict)

    def run(self, cells: Sequence[Cell], variables: Sequence[Val], turn: int) -> None:
        """Run ``cells`` in iteration ``turn``.

        Raises:
            LoopError: a node cannot be copied, or there are too many.
        """
        self.runs += len(cells)
        if self.runs > self.most:
            raise LoopError(f"it comes to more than {self.most:,} nodes, after {plural(turn, 'iteration')}")
        for cell in cells:
            inputs = tuple(self.get(source, variables) for source in cell.inputs)
            found = self._cell(cell, inputs, f"{cell.node.name}/{turn}")
            missing = self.outputs.get(cell.node, 1) - len(found)
            self.values[cell.node] = found if missing <= 0 else (*found, *([DEAD] * missing))

    def get(self, source: Source, variables: Sequence[Val]) -> Val:
        """The value of ``source`` in this iteration."""
        return variables[source] if isinstance(source, int) else self.values[source[0]][source[1]]

    def _cell(self, cell: Cell, inputs: Values, key: str) -> Values:
        node = cell.node
        waits = [self._awaited(c) for c in cell.controls]
        if node.op != "Merge" and (any(v is DEAD for v in inputs) or any(v is DEAD for v in waits)):
            return (DEAD,)
        before = self.memo.get(node)
        if before is not None and not any(v.branch for v in waits) and _same(before[0], inputs):
            return before[1]
        found = self._computed(node, inputs, tuple(v for v in waits if v.branch), key)
        self.memo[node] = (inputs, found)
        return found

    def _awaited(self, node: Node) -> Val:
        """What is there when ``node`` has run. A Switch has run whichever branch it takes."""
        found = self.values[node]
        if node.op != "Switch":
            return found[0]
        alive = next((v for v in found if v is not DEAD), DEAD)
        made = self.copies.made.get(alive.ref.key) if isinstance(alive.ref, Out) else None
        if made is None or made.origin is not node or not isinstance(alive.ref, Out):
            return alive
        return Val(ref=Out(alive.ref.key, ALWAYS), branch=self.parting.get(node, frozenset()))

    def _computed(self, node: Node, inputs: Values, waits: Values, key: str) -> Values:
        branch = _branches((*inputs, *waits))
        if node.op == "Merge":
            return self._merged(node, inputs, waits, key)
        if node.op == "Switch" and len(inputs) != 2:
            raise LoopError(f"Switch {node.name} has {plural(len(inputs), 'input')}")
        if node.op == "Switch" and inputs[1].known is not None and inputs[1].known.size == 1:
            taken = bool(inputs[1].known.reshape(-1)[0])
            return (DEAD, inputs[0]) if taken else (inputs[0], DEAD)
        if node.op in PASSING and len(inputs) == 1 and not branch:
            return inputs
        if node.op in self.lists:
            if branch:
                raise LoopError(f"{node.op} {node.name} lies in a branch that is chosen while the graph runs")
            return self.lists[node.op](self.copies, node, inputs, key)
        if self.acts(node):
            raise LoopError(f"{node.op} {node.name} in it has an effect, or gives something else each time")
        known = None if branch or node.op in _ROUNDED else _known(node, inputs)
        return known or self._copied(node, inputs, waits, key)

    def _copied(self, node: Node, inputs: Values, waits: Values, key: str) -> Values:
        controls = [self._control(v, v.ref) for v in waits if isinstance(v.ref, Out)]
        made = list(self.copies.add(key, node.op, inputs, node.attrs, node, controls))
        first = made[0].ref
        while len(made) < self.outputs.get(node, 1) and isinstance(first, Out):
            made.append(Val(ref=Out(first.key, len(made))))
        sides = self._sides(node, inputs, waits, len(made))
        return tuple(Val(bare(v.spec) if side else v.spec, v.ref, side) for v, side in zip(made, sides, strict=True))

    def _sides(self, node: Node, inputs: Values, waits: Values, count: int) -> list[frozenset[object]]:
        """The branches in which each output of a copy lies."""
        branch = _branches((*inputs, *waits))
        if node.op == "Switch":
            self.parting[node] = branch
            return [branch | {(inputs[1].ref, i)} for i in range(count)]
        if node.op == "Merge":
            branch = _joined(*inputs) if len(inputs) == 2 and not waits else frozenset({("merge", node)})
        return [branch] * count

    def _control(self, value: Val, ref: Out) -> str:
        """The copy that runs when ``value`` is there."""
        if ref.number == ALWAYS or self.copies.made[ref.key].op != "Switch":
            return ref.key
        key = f"{ref.key}/taken_{ref.number}"
        if key not in self.copies.made:
            self.copies.add(key, "Identity", [value], {"T": value.spec.dtype}, self.copies.made[ref.key].origin)
        return key

    def _merged(self, node: Node, inputs: Values, waits: Values, key: str) -> Values:
        """What is left of a Merge where it is known which of its inputs never run."""
        alive = [i for i, v in enumerate(inputs) if v is not DEAD]
        if not alive:
            return (DEAD,)
        if len(alive) == 1 and not waits:
            at = Val(TensorSpec(DType.INT32, (), np.asarray(alive[0], np.int32)))
            value = inputs[alive[0]]
            if value.branch and self.outputs.get(node, 1) > 1:
                raise LoopError(f"Merge {node.name} joins branches that are chosen while the graph runs")
            return value, at
        if len(alive) < len(inputs):
            raise LoopError(f"Merge {node.name} joins branches that are chosen while the graph runs")
        return self._copied(node, inputs, waits, key)


def _branches(values: Iterable[Val]) -> frozenset[object]:
    """The branches in which that lies which needs all of ``values``."""
    return frozenset().union(*(v.branch for v in values))


def _joined(a: Val, b: Val) -> frozenset[object]:
    """The branches in which a Merge of two lies: both sides of one predicate together are always there."""
    for condition in a.branch - b.branch:
        predicate, side = condition if isinstance(condition, tuple) else (None, None)
        if isinstance(side, int):
            other = (predicate, 1 - side)
            if other in b.branch and a.branch - {condition} == b.branch - {other}:
                return a.branch - {condition}
    return frozenset({("merge", (a.ref, b.ref))})


def _same(before: Values, now: Values) -> bool:
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))


def _known(node: Node, inputs: Values) -> Values | None:
    """The outputs of ``node`` where all are known already."""
    decisive = _LOGIC.get(node.op)
    specs = _inferred(node, inputs)
    if decisive is not None and specs and specs[0].shape == ():
        said = [v.known for v in inputs]
        if any(k is not None and bool(k.reshape(-1)[0]) is decisive for k in said):
            return (Val(TensorSpec(DType.BOOL, (), np.asarray(decisive))),)
    if node.op == "Const":
        return None
    if not specs or any(s.constant is None or s.dtype is DType.STRING for s in specs):
        return None
    if not all(is_exact(node.op, s) for s in specs):
        return None
    return tuple(Val(s) for s in specs)
