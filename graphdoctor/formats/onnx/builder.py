"""Lowering a graph, op by op, into ONNX records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from graphdoctor.errors import UnsupportedError
from graphdoctor.formats.onnx.dtypes import onnx_dtype
from graphdoctor.formats.onnx.records import Emitted, OnnxModel
from graphdoctor.ir import WHY, Graph, Node, TensorSpec, Value
from graphdoctor.ops import CannotLowerError, Op, find_op
from graphdoctor.ops.sources import NO_BFLOAT16
from graphdoctor.passes.fold_constants import constant_tensor
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.types import Array, DType
from graphdoctor.words import refusal

_MATRIX = 2
_SHARE_BELOW = 1024
_MOST_ELEMENTS = 1 << 31
"""Of one byte each, that is protobuf's limit; a constant of a few bytes may claim far more."""


class OnnxBuilder:
    """Collects what the ops emit; one per model.

    With ``cut`` a node that cannot be lowered is no obstacle: its inputs become outputs of the model, its outputs
    inputs. So are nodes that stand for one of ``without``, with the reason given there.
    """

    def __init__(
        self,
        graph: Graph,
        specs: Specs,
        output_names: Sequence[str],
        *,
        cut: bool = False,
        without: Mapping[str, str] | None = None,
    ) -> None:
        self.graph = graph
        self.specs = specs
        self.output_names = list(output_names)
        self.model = OnnxModel("graphdoctor")
        self.names: dict[Value, str] = {}
        self.refused: list[tuple[Node, str]] = []
        self.barred: set[Node] = set()
        self.cut = cut
        self.without = without or {}
        self.stand_ins: set[str] = set()
        self._ends: list[Value] = []
        self._shared: dict[tuple[Any, ...], str] = {}
        self._taken: set[str] = set()

    def build(self) -> OnnxModel:
        """Lower every live node.

        Raises:
            UnsupportedError: some nodes cannot be lowered; the message lists them with their reasons.
        """
        live = self.graph.live(controls=False)
        for node in self.graph.live() - live:
            self.model.dropped[node.name] = f"only control edges lead from this {node.op} to an output"
        self._taken.update(self.output_names)
        for node in self.graph.inputs:
            self._add_input(node)
        for node in self.graph.order().nodes:
            if node in live and node.out() not in self.names and node not in self.barred:
                self._lower(node)
        for value in self.graph.outputs:
            if value not in self.names and value.node not in self.barred:
                self._refuse(value.node, f"ONNX does not have its output {value.index}")
        if self.refused and not self.cut:
            reasons = ((n.name, n.op, why) for n, why in self.refused)
            raise UnsupportedError(refusal("cannot be lowered to ONNX", reasons), remedy=self._remedy())
        self._name_outputs()
        self._end_at_cuts()
        self._drop_unread()
        return self.model

    def fresh(self, wanted: str) -> str:
        """``wanted`` or ``wanted_1`` and so on: a tensor or node name not used so far."""
        name, k = wanted, 0
        while name in self._taken:
            k += 1
            name = f"{wanted}_{k}"
        self._taken.add(name)
        return name

    def initializer(self, array: Array, hint: str) -> str:
        """The name of an initializer that holds ``array``; equal small ones are shared."""
        key: tuple[Any, ...] | None = None
        if array.size <= _SHARE_BELOW:
            key = (array.dtype.str, array.shape, array.tobytes())
            if key in self._shared:
                return self._shared[key]
        name = self.fresh(hint)
        self.model.initializers[name] = array
        if key is not None:
            self._shared[key] = name
        return name

    def _add_input(self, node: Node) -> None:
        spec = self.specs.output(node)
        if spec.dtype in (DType.INVALID, DType.STRING, DType.RESOURCE, DType.VARIANT):
            self._refuse(node, f"an ONNX graph input cannot be {spec.dtype.label}")
            return
        if self.cut and spec.shape is None:  # what reads such a model takes the input for a scalar
            self._refuse(node, f"its rank is not known; give it with --input '{node.name}[...]'")
            return
        self._taken.add(node.name)
        self.names[node.out()] = node.name
        self.model.inputs.append((node.name, spec))

    def _lower(self, node: Node) -> None:
        op, why = find_op(node.op), node.attr(WHY)
        if op is None and not isinstance(why, str):
            self._refuse(node, "graphdoctor does not know this op")
            return
        lost = next((v for v in node.inputs if v not in self.names), None)
        if lost is not None:
            self._refuse_reader(node, lost)
            return
        if op is None or isinstance(why, str):
            self._refuse(node, str(why))
            return
        unwanted = next((self.without[name] for name in node.origins if name in self.without), None)
        if unwanted is not None:
            self._refuse(node, unwanted)
            return
        low = NodeLowering(self, node, op)
        try:
            outputs = op.lower(low)
        except CannotLowerError as e:
            self._refuse(node, str(e))
            return
        low.finish(outputs)

    def _refuse(self, node: Node, reason: str) -> None:
        self.refused.append((node, reason))
        self._bar(node)

    def _bar(self, node: Node) -> None:
        self.barred.add(node)
        if not self.cut:
            return
        self._ends += [v for v in node.inputs if v in self.names]
        for value in (node.out(k) for k in range(len(self.specs.table.get(node, ())))):
            spec = self.specs.of(value)
            if value not in self.names and _can_stand_in(spec):
                name = self.names[value] = self.fresh(value.name)
                self.model.inputs.append((name, spec))
                self.stand_ins.add(name)

    def _refuse_reader(self, node: Node, lost: Value) -> None:
        """Behind a refused node one reason is enough; an output that has no ONNX counterpart is one of its own."""
        if lost.node in self.barred:
            self._bar(node)
        elif lost.node.is_missing:
            self._refuse(node, f"it reads {lost.name}, which is not in the graph")
        else:
            self._refuse(node, f"it reads output {lost.index} of {lost.node.name}, which ONNX does not have")

    def _remedy(self) -> str:
        """The inputs whose open sizes may be why, if what was refused has an input of a size that is not known."""
        known = "graphdoctor check names what stands in the way"
        unsure = [n for n, _ in self.refused if find_op(n.op) and any(_is_open(s) for s in self.specs.inputs(n))]
        behind = self.graph.live(unsure, controls=False)
        blank = [n.name for n in self.graph.inputs if n in behind and _is_open(self.specs.output(n))]
        if not blank:
            return known
        shapes = " ".join(f"--input '{name}[{_blank(self.specs.output(self.graph.node(name)))}]'" for name in blank)
        return f"Say how large the input is: {shapes}; {known}"

    def _name_outputs(self) -> None:
        for value, wanted in zip(self.graph.outputs, self.output_names, strict=True):
            if self.cut and (value not in self.names or self.names[value] in self.stand_ins):
                continue
            name = self.names[value]
            self._copy(name, wanted, value.node)
            self.model.outputs.append((wanted, self.specs.of(value)))

    def _end_at_cuts(self) -> None:
        """What the nodes that were cut out read is computed all the same."""
        known = {name for name, _ in (*self.model.inputs, *self.model.outputs)} | self.model.initializers.keys()
        for value in self._ends:
            name = self.names[value]
            if name not in known:
                known.add(name)
                self.model.outputs.append((name, self.specs.of(value)))

    def _copy(self, name: str, wanted: str, node: Node) -> None:
        """Give an output its name: by renaming the tensor if it is inner and not yet an output, else by Identity."""
        if name == wanted:  # an input that is an output as well
            return
        producer = next((n for n in reversed(self.model.nodes) if name in n.outputs), None)
        if producer is None or name in {n for n, _ in self.model.outputs}:
            self.model.nodes.append(
                Emitted("Identity", self.fresh(f"{wanted}/out"), [name], [wanted], {}, node.origins)
            )
            return
        for emitted in self.model.nodes:
            emitted.inputs = [wanted if n == name else n for n in emitted.inputs]
        producer.outputs = [wanted if n == name else n for n in producer.outputs]
        for value, known in self.names.items():
            if known == name:
                self.names[value] = wanted

    def _drop_unread(self) -> None:
        """Remove nodes and constants that nothing reads (axes that became attributes, folded shapes)."""
        read = {name for name, _ in self.model.outputs}
        kept = []
        for emitted in reversed(self.model.nodes):
            if any(o in read for o in emitted.outputs):
                kept.append(emitted)
                read.update(emitted.inputs)
        self.model.nodes = kept[::-1]
        self.model.initializers = {k: v for k, v in self.model.initializers.items() if k in read}
        self.model.inputs = [i for i in self.model.inputs if i[0] in read or i[0] not in self.stand_ins]


class NodeLowering:
    """What one op sees while it lowers one node; fits :class:`graphdoctor.ops.Lowering`."""

    def __init__(self, builder: OnnxBuilder, node: Node, op: Op) -> None:
        self.builder = builder
        self.node = node
        self.defaults = op.defaults
        self.inputs = tuple(builder.names[v] for v in node.inputs)
        self.specs = builder.specs.inputs(node)
        self.outputs: tuple[TensorSpec, ...] = builder.specs.table.get(node, ())
        self.made: list[Emitted] = []

    def attr(self, key: str) -> Any:
        """Attribute of the node, or its default in TensorFlow's op definition."""
        return self.node.attr(key, self.defaults.get(key))

    def constant(self, index: int) -> Array | None:
        """The whole value of data input ``index`` if it is constant, else ``None``."""
        if index >= len(self.node.inputs):
            return None
        tensor = constant_tensor(self.node.inputs[index])
        if tensor is not None and tensor.dtype is DType.BFLOAT16:
            self.fail(NO_BFLOAT16)
        if tensor is not None and tensor.element_count > _MOST_ELEMENTS:
            self.fail(f"input {index} claims {tensor.element_count:,} elements, more than an ONNX file can hold")
        return tensor.array() if tensor is not None else self.specs[index].constant

    def const(self, value: Array | Sequence[int] | float, *, dtype: DType | None = None, hint: str = "const") -> str:
        """An initializer; a list of ints becomes an int64 vector."""
        if dtype is DType.BFLOAT16:
            self.fail(NO_BFLOAT16)
        kind = dtype.numpy if dtype is not None else None
        if kind is None and not isinstance(value, np.ndarray):
            kind = np.dtype(np.float32) if isinstance(value, float) else np.dtype(np.int64)
        array: Array = np.asarray(value, dtype=kind)
        if onnx_dtype(DType.from_numpy(array.dtype)) is None:
            self.fail(f"ONNX has no constants of {array.dtype}")
        name = self.node.name if self.node.op == "Const" else f"{self.node.name}/{hint}"
        return self.builder.initializer(array, name)

    def op(self, op_type: str, inputs: Sequence[str], *, hint: str = "", **attrs: Any) -> str:
        """Emit a node with one output and return the output's name."""
        return self._emit(op_type, inputs, 1, hint, attrs)[0]

    def multi(self, op_type: str, inputs: Sequence[str], outputs: int, **attrs: Any) -> tuple[str, ...]:
        """Emit a node with several outputs and return their names."""
        return self._emit(op_type, inputs, outputs, "", attrs)

    def cast(self, name: str, dtype: DType) -> str:
        """``name`` cast to ``dtype``."""
        target = onnx_dtype(dtype)
        if target is None:
            self.fail(f"ONNX has no {dtype.label}")
        return self.op("Cast", [name], to=target)

    def fail(self, reason: str) -> NoReturn:
        """This node cannot be lowered."""
        raise CannotLowerError(reason)

    def finish(self, outputs: Sequence[str]) -> None:
        """Give the tensors that stand for TensorFlow's values TensorFlow's names, and keep them."""
        renamed: dict[str, str] = {}
        own = {o for e in self.made for o in e.outputs}
        for k, name in enumerate(outputs):
            value = self.node.out(k)
            if name in own and name not in renamed and value.name not in self.builder.output_names:
                renamed[name] = self.builder.fresh(value.name)
            self.builder.names[value] = renamed.get(name, name)
        for emitted in self.made:
            emitted.inputs = [renamed.get(n, n) for n in emitted.inputs]
            emitted.outputs = [renamed.get(n, n) for n in emitted.outputs]
        if not self.made:
            self.builder.model.dropped[self.node.name] = f"{self.node.op} needs no ONNX node"
        self.builder.model.nodes.extend(self.made)

    def _emit(
        self, op_type: str, inputs: Sequence[str], outputs: int, hint: str, attrs: dict[str, Any]
    ) -> tuple[str, ...]:
        stem = f"{self.node.name}/{hint or op_type}"
        name = self.builder.fresh(stem + "__node") if self.made else self.builder.fresh(self.node.name + "__node")
        names = tuple(self.builder.fresh(stem) for _ in range(outputs))
        clean = {k: v for k, v in attrs.items() if v is not None}
        self.made.append(Emitted(op_type, name, list(inputs), list(names), clean, self.node.origins))
        return names


def _is_open(spec: TensorSpec) -> bool:
    """True if a size besides the batch is not known."""
    return spec.shape is None or None in spec.shape[1:]


def _blank(spec: TensorSpec) -> str:
    """The shape to fill in: an ellipsis, or the known sizes with a ? for each open one."""
    return "..." if spec.shape is None else ",".join("?" if d is None else str(d) for d in spec.shape)


def _can_stand_in(spec: TensorSpec) -> bool:
    """True if an input can take the place of such a value: nothing that may be an axis, a shape or an index."""
    if onnx_dtype(spec.dtype) is None or spec.shape is None:
        return False
    return not (spec.dtype.is_integer and len(spec.shape) < _MATRIX)
