"""What goes into a loop and comes out of it: the arrays that are filled before and read behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from graphdoctor.ir import GraphView, Node, TensorSpec, Value
from graphdoctor.match.constants import small_constant, source_of
from graphdoctor.ops import InferError, OpContext, find_op
from graphdoctor.passes.infer_shapes import Specs, inferred
from graphdoctor.passes.loops.form import LoopError
from graphdoctor.passes.loops.lists import LIST_OPS, READING
from graphdoctor.passes.loops.simulate import PASSING, Copies, bare
from graphdoctor.passes.loops.values import DEAD, Ref, Val
from graphdoctor.types import DType, dims_text
from graphdoctor.wire.attrs import AttrPy

_FARTHEST = 64
"""Nodes in a row that are looked through."""
FLOW_SLOT = {
    "TensorArrayReadV3": 2, "TensorArrayGatherV3": 2, "TensorArrayConcatV3": 1, "TensorArraySizeV3": 1,
    "TensorArrayWriteV3": 3, "TensorArrayScatterV3": 3, "TensorArraySplitV3": 3,
}  # fmt: skip
"""Which input of an op is the flow of its array; of lists it is the first."""


@dataclass
class Outside:
    """Values outside of a loop. ``looked_at`` are the nodes on which they were decided."""

    graph: GraphView
    specs: Specs
    copies: Copies
    values: dict[Value, Val] = field(default_factory=dict)
    looked_at: dict[Node, None] = field(default_factory=dict)

    def entered(self, value: Value, depth: int = 0) -> Val:
        """What ``value`` is when it enters the loop; of an array, what it holds.

        Raises:
            LoopError: it is an array, and what it holds is not known.
        """
        if value not in self.values:
            self._enter(value, depth)
        return self.values[value]

    def _enter(self, value: Value, depth: int) -> None:
        node = value.node
        if depth > _FARTHEST:
            raise LoopError(f"what {node.name} holds comes from too far away")
        self.looked_at[node] = None
        if node.op in LIST_OPS and node.op not in READING:
            inputs = tuple(self.entered(v, depth + 1) for v in node.inputs)
            found = LIST_OPS[node.op](self.copies, node, inputs, f"{node.name}/unrolled")
            self.values.update({node.out(i): v for i, v in enumerate(found)})
            self.values.setdefault(value, DEAD)
        elif node.op in PASSING and len(node.inputs) == 1 and self._is_list(value):
            self.values[value] = self.entered(node.inputs[0], depth + 1)
        else:
            self.values[value] = Val(self._spec(value), value)

    def _spec(self, value: Value) -> TensorSpec:
        """What is known of ``value``; a constant is the same in the loop around this one too.

        Of computed floats the value is not taken: TensorFlow may round otherwise.
        """
        spec, source = self.specs.of(value), source_of(value)
        found = small_constant(value) if spec.constant is None and source.node.op == "Const" else None
        self.looked_at[source.node] = None
        if found is not None:
            return TensorSpec(self.specs.of(source).dtype, found.shape, found)
        return spec if spec.dtype.is_integer or spec.dtype is DType.BOOL or source.node.op == "Const" else bare(spec)

    def _is_list(self, value: Value) -> bool:
        source = source_of(value)
        return source.node.op in LIST_OPS and source.node.op not in READING

    def read(self, node: Node) -> Val | None:
        """What ``node`` reads of an array that no loop fills; ``None`` if a loop does, or that is not known.

        Raises:
            LoopError: the array cannot be followed.
        """
        flow = node.inputs[FLOW_SLOT.get(node.op, 0)]
        if not self._is_list(flow):
            return None
        inputs = tuple(self._settled(v) for v in node.inputs)
        return LIST_OPS[node.op](self.copies, node, inputs, f"{node.name}/unrolled")[0]

    # ---- behind the loop --------------------------------------------------------------------------------------

    def followed(self, value: Value, result: Val) -> Iterator[tuple[Value, Ref]]:
        """What is read at ``value`` and what takes its place; of an array, what is read out of it.

        Raises:
            LoopError: the array goes where it cannot be followed.
        """
        waiting = [(value, result)]
        while waiting:
            value, result = waiting.pop()
            self.values[value] = result
            if result.handle is not None:
                continue  # who needs the handle needs the flow too
            if result.items is None:
                yield value, self.copies.ref(result, value.node)
                continue
            if self.graph.is_output(value.node):
                raise LoopError(f"the array {value.name} is an output of the graph")
            for use in self.graph.uses(value.node, value.index):
                if use.slot >= 0:
                    waiting += self._used(use.node, use.slot, result)

    def _used(self, node: Node, slot: int, result: Val) -> list[tuple[Value, Val]]:
        self.looked_at[node] = None
        if node.op in PASSING and node.op not in ("Enter", "NextIteration", "Exit"):
            return [(node.out(), result)]
        if node.op not in LIST_OPS or slot != FLOW_SLOT.get(node.op, 0):
            raise LoopError(f"its array goes on into {node.op} {node.name}")
        if node.controls:
            raise LoopError(f"{node.name}, which reads its array, waits for {node.controls[0].name}")
        inputs = tuple(result if i == slot else self._settled(v) for i, v in enumerate(node.inputs))
        found = LIST_OPS[node.op](self.copies, node, inputs, f"{node.name}/unrolled")
        for use in self.graph.uses(node):
            if use.slot >= 0 and (use.index >= len(found) or found[use.index] is DEAD):
                raise LoopError(f"{use.node.name} reads output {use.index} of {node.op} {node.name}")
        return [(node.out(i), self._shaped(node.out(i), v)) for i, v in enumerate(found) if v is not DEAD]

    def _shaped(self, value: Value, found: Val) -> Val:
        """``found`` in the shape that the array says of its elements, where that is not to be seen otherwise."""
        said, seen = self.specs.of(value).shape, found.spec.shape
        if found.items is not None or said is None or (seen is not None and len(seen) != len(said)):
            return found
        dims = [a if b is None else b for a, b in zip(said, seen or (None,) * len(said), strict=True)]
        if tuple(dims) == seen or dims.count(None) > 1 or 0 in dims:
            return found
        wanted = np.asarray([-1 if d is None else d for d in dims], np.int32)
        shape = Val(TensorSpec(DType.INT32, wanted.shape, wanted))
        attrs: dict[str, AttrPy] = {"T": self.specs.of(value).dtype, "Tshape": DType.INT32}
        return self.copies.add(f"{value.node.name}/shaped", "Reshape", [found, shape], attrs, value.node)[0]

    def _settled(self, value: Value, depth: int = 0) -> Val:
        """What is known of ``value``, which may be computed from the size of an array."""
        if value in self.values:
            return self.values[value]
        node, spec = value.node, self.specs.of(value)
        if self._is_list(value):
            return self.entered(value)
        if spec.constant is not None or not node.inputs or depth > _FARTHEST:
            return Val(self._spec(value), value)
        self.looked_at[node] = None
        inputs = tuple(self._settled(v, depth + 1) for v in node.inputs)
        found = Val(spec, value)
        if node.op == "TensorArraySizeV3" and len(inputs) == 2 and inputs[1].items is not None:
            found = LIST_OPS[node.op](self.copies, node, inputs, "")[0]
        elif inputs and all(v.known is not None for v in inputs):
            found = Val(self._computed(node, value.index, inputs, spec), value)
        self.values[value] = found
        return found

    def _computed(self, node: Node, index: int, inputs: tuple[Val, ...], spec: TensorSpec) -> TensorSpec:
        op = find_op(node.op)
        if op is None or op.stateful or op.side_effect:
            return spec
        try:
            found = inferred(op, OpContext(node, tuple(v.spec for v in inputs), op.defaults))
        except InferError:
            return spec
        return found[index] if index < len(found) else spec


def why_unknown(value: Value, specs: Specs) -> str:
    """What makes ``value`` unknown before the graph runs, to be read behind "depends on"."""
    for _ in range(_FARTHEST):
        node = source_of(value).node
        if node.op in ("Shape", "Size") and node.inputs:
            data = source_of(node.inputs[0])
            shape = specs.of(data).shape
            return f"the shape of {data.name}, which is " + ("unknown" if shape is None else dims_text(shape))
        unknown = [v for v in node.inputs if specs.of(v).constant is None]
        if not unknown or node.op in ("Merge", "Exit"):
            break
        value = unknown[0]
    return source_of(value).name
