"""Lowering a graph, op by op, into a UFF model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NoReturn

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.formats.uff.fields import attribute, blob_of, data_of
from graphdoctor.ir import Graph, Node, TensorSpec, Value
from graphdoctor.ops import CannotLowerError, Op, find_op
from graphdoctor.ops.base import UffField
from graphdoctor.ops.identity import THROUGH
from graphdoctor.passes.fold_constants import constant_tensor
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.types import Array, DType
from graphdoctor.wire.uff import Data, Descriptor, UffGraph, UffModel, UffNode, encode_order, orders_key
from graphdoctor.wire.uff.model import CONST, CUSTOM, INPUT, MARK_OUTPUT, TENSORFLOW_EXTENSION
from graphdoctor.words import refusal

PLUGIN_SUFFIX = "_TRT"
_FIELD_SUFFIXES = ("_u_int", "_u_float", "_u_bool", "_u_ilist", "_u_flist", "_u_str")
"""How graphsurgeon ends the names of a plugin's fields: with their type."""


class UffBuilder:
    """Collects what the ops emit; one per model.

    Nodes are written in the order of NVIDIA's converter: a walk from the outputs, the last input first, each node
    before what it reads, the marked outputs at the end.

    Args:
        graph: its inputs and outputs are set; not changed.
        specs: from inference over it.
        plugins: ops that the device has a plugin for, besides those that look like a plugin's.
    """

    def __init__(self, graph: Graph, specs: Specs, plugins: Collection[str] = ()) -> None:
        self.graph = graph
        self.specs = specs
        self.plugins = frozenset(plugins)
        self.model = UffModel(descriptors=[Descriptor(TENSORFLOW_EXTENSION)], graphs=[UffGraph()])
        self.refused: list[tuple[Node, str]] = []
        self._written: dict[str, UffNode] = {}
        self._conflicts = {c.node: c.reason for c in specs.conflicts}

    def build(self) -> UffModel:
        """Write every node that an output needs.

        Raises:
            InputError: the graph has no outputs.
            UnsupportedError: some nodes cannot be lowered; the message lists them with their reasons.
        """
        if not self.graph.outputs:
            raise InputError("the graph has no outputs to convert", remedy="Name them with --output")
        waiting = [v.node for v in self.graph.outputs]
        seen: set[Node] = set()
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += self._lower(node)
        self._mark_outputs()
        if self.refused:
            reasons = ((n.name, n.op, why) for n, why in self.refused)
            raise UnsupportedError(
                refusal("cannot be lowered to UFF", reasons), remedy="graphdoctor check names what stands in the way"
            )
        return self.model

    def source(self, value: Value) -> Value:
        """The value that comes out of ``value``'s node, behind nodes that pass on what they read."""
        while value.node.op in THROUGH and value.node.inputs and value.node not in self.graph.inputs:
            value = value.node.inputs[0]
        return value

    def write(self, node: UffNode) -> None:
        """Add ``node`` behind those that are there."""
        self._written[node.id] = node
        self.model.graphs[0].nodes.append(node)

    def const(self, wanted: str, value: Array) -> str:
        """The id of a Const of ``value``: ``wanted`` if that is free or holds the same."""
        fields = {"shape": Data.i_list(value.shape), "dtype": data_of(DType.from_numpy(value.dtype))}
        name, k = wanted, 0
        while not self._is_free(name, wanted, fields, value):
            name, k = f"{wanted}_{k}", k + 1
        if name not in self._written:
            self.write(UffNode(name, CONST, [], {**fields, "values": self.weights(name, value)}))
        return name

    def weights(self, name: str, value: Array) -> Data:
        """The elements of ``value``, filed under ``name``."""
        key = f"weights_{name}"
        self.model.references[key] = Data.blob(blob_of(value))
        return Data.ref(key)

    def orders(self, orders: Sequence[str]) -> Data:
        """The orders of dimensions of a node's inputs; equal ones are filed once."""
        key = orders_key(orders)
        self.model.references.setdefault(key, Data.dim_orders_list(encode_order(o) for o in orders))
        return Data.ref(key)

    def _is_free(self, name: str, wanted: str, fields: dict[str, Data], value: Array) -> bool:
        written = self._written.get(name)
        if written is None:
            node = self.graph.get(name)
            return node is None or (name == wanted and self._is_that(node, value))
        same = written.op == CONST and {k: v for k, v in written.fields.items() if k != "values"} == fields
        return same and bytes(self.model.references[f"weights_{name}"].value) == bytes(blob_of(value))

    def _is_that(self, node: Node, value: Array) -> bool:
        """True if ``node`` is a Const of the same shape: who reads it later finds what it holds."""
        spec = self.specs.output(node)
        return node.op == CONST and spec.shape == value.shape

    def _lower(self, node: Node) -> list[Node]:
        """Write ``node``; the nodes that it reads, in their order."""
        low = NodeLowering(self, node, find_op(node.op))
        try:
            if node in self.graph.inputs:
                self._input(node)
            else:
                low.run()
                if node in self._conflicts:
                    low.fail(f"its inputs contradict it: {self._conflicts[node]}")
        except CannotLowerError as e:
            self.refused.append((node, str(e)))
            return [self.source(v).node for v in node.inputs]
        return low.read

    def _input(self, node: Node) -> None:
        spec = self.specs.output(node)
        shape = Data.i_list(-1 if d is None else d for d in spec.shape or ())
        try:
            dtype = data_of(spec.dtype)
        except ValueError as e:
            raise CannotLowerError(f"an input of UFF cannot be {spec.dtype.label}") from e
        self.write(UffNode(node.name, INPUT, [], {"shape": shape, "dtype": dtype}))

    def _mark_outputs(self) -> None:
        for k, value in enumerate(self.graph.outputs):
            if value.index:
                self.refused.append((value.node, f"output {value.index} is asked for, and UFF has the first alone"))
            self.write(UffNode(f"{MARK_OUTPUT}_{k}", MARK_OUTPUT, [value.node.name]))


class NodeLowering:
    """What one op sees while it lowers one node; fits :class:`graphdoctor.ops.base.UffLowering`."""

    def __init__(self, builder: UffBuilder, node: Node, op: Op | None) -> None:
        self.builder = builder
        self.node = node
        self.op = op
        self.specs = builder.specs.inputs(node)
        self.outputs: tuple[TensorSpec, ...] = builder.specs.table.get(node, ())
        self.read: list[Node] = []

    def run(self) -> None:
        """Write the node.

        Raises:
            CannotLowerError: it cannot be written in UFF, with the reason.
        """
        if self.node.is_missing:
            self.fail("it is read and not in the graph")
        if self.is_plugin():
            self._plugin()
        elif self.op is None:
            self.fail(f"graphdoctor does not know this op; --plugin {self.node.op} writes it for a plugin of yours")
        else:
            self.op.lower_uff(self)

    def is_plugin(self) -> bool:
        """True for an op that a plugin runs: by its name, by the names of its fields, or because the user says so."""
        op = self.node.op
        typed = any(key.endswith(_FIELD_SUFFIXES) for key in self.node.attrs)
        return op in self.builder.plugins or op.endswith(PLUGIN_SUFFIX) or typed

    def attr(self, key: str) -> Any:
        """Attribute of the node, or its default in TensorFlow's op definition."""
        return self.node.attr(key, None if self.op is None else self.op.defaults.get(key))

    def constant(self, index: int) -> Array | None:
        """The whole value of data input ``index`` if it is constant, else ``None``."""
        return self.constant_of(self.node.inputs[index]) if index < len(self.node.inputs) else None

    def constant_of(self, value: Value) -> Array | None:
        """As ``constant``, of any value."""
        tensor = constant_tensor(value)
        return tensor.array() if tensor is not None else self.builder.specs.of(value).constant

    def producer(self, index: int = 0) -> Node:
        """The node that data input ``index`` comes from, behind nodes that pass it on."""
        return self.builder.source(self.node.inputs[index]).node

    def input(self, index: int = 0) -> str:
        """The UFF node that data input ``index`` comes from.

        Raises:
            CannotLowerError: it is another than the first output of a node.
        """
        return self.of(self.node.inputs[index])

    def const(self, value: Array, index: int) -> str:
        """A Const of ``value`` right before this node, named after data input ``index``."""
        return self.builder.const(self.producer(index).name, value)

    def emit(self, op: str, inputs: Sequence[str] = (), **fields: UffField) -> None:
        """Write the node."""
        made: dict[str, Data] = {}
        for key, value in fields.items():
            if key == "values":
                made[key] = self.builder.weights(self.node.name, value)  # type: ignore[arg-type]
            elif key == "inputs_orders":
                made[key] = self.builder.orders(value)  # type: ignore[arg-type]
            else:
                made[key] = self._data(key, value)
        self.builder.write(UffNode(self.node.name, op, list(inputs), made))

    def fail(self, reason: str) -> NoReturn:
        """This node cannot be lowered."""
        raise CannotLowerError(reason)

    def of(self, value: Value) -> str:
        """As ``input``, of any value."""
        source = self.builder.source(value)
        if source.index:
            self.fail(f"it reads output {source.index} of {source.node.name} ({source.node.op}): UFF names nodes alone")
        self.read.append(source.node)
        return source.node.name

    def _data(self, key: str, value: UffField) -> Data:
        try:
            return data_of(value)
        except ValueError as e:
            self.fail(f"{key}: {e}")

    def _plugin(self) -> None:
        """Every attribute becomes a field; those that begin with an underscore are TensorFlow's own."""
        fields: dict[str, Data] = {}
        for key in self.node.attrs:
            if key.startswith("_"):
                continue
            try:
                data = attribute(self.node.attr(key))
            except ValueError as e:
                self.fail(f"its attribute {key} cannot be a field: {e}")
            if data is not None:
                fields[key] = data
        inputs = [self.input(k) for k in range(len(self.node.inputs))]
        if Descriptor(CUSTOM) not in self.builder.model.descriptors:
            self.builder.model.descriptors.append(Descriptor(CUSTOM))
        self.builder.write(UffNode(self.node.name, f"_{self.node.op}", inputs, fields))
