"""A UFF model as a graph of TensorFlow's ops, with the meaning that TensorRT's UFF parser gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.ir import Graph, Value
from graphdoctor.ir.edits import Added
from graphdoctor.ops import find_op
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import Specs, infer_more
from graphdoctor.types import Array, DType, Shape, dims_text
from graphdoctor.wire.attrs import AttrPy, ShapeValue
from graphdoctor.wire.tensors import Tensor
from graphdoctor.wire.uff import UffConstant, UffModel, UffNode, constant_of, decode_order, dtype_of, dtype_text
from graphdoctor.wire.uff.model import CONST, INPUT, MARK_OUTPUT
from graphdoctor.words import refusal

NHWC, NCHW = "N+C", "NC+"
OUTPUT = "_"
"""What a further output of a plugin has in its name: ``NMS_1``, as NVIDIA's sampleUffSSD calls it."""
_INT32 = 1 << 31
_IMAGE = 3
"""Dimensions of an image without its batch."""
Registered = Mapping[str, tuple[DType | None, Shape]]
"""Inputs as the user registers them: dtype and dimensions; three dimensions are channels, height, width."""


class RaiseError(Exception):
    """A node has no meaning that is known. The text says why."""


class Raiser:
    """One UFF model on its way to a graph.

    Attributes:
        graph: what was made so far.
        layouts: the order of dimensions of what a node gives, ``N+C`` or ``NC+``; empty where it is not known.
        keep_plugins: plugins of detectors and the like stay plugin nodes.
    """

    def __init__(self, model: UffModel, registered: Registered, *, keep_plugins: bool = False) -> None:
        self.model = model
        self.keep_plugins = keep_plugins
        self.graph = Graph()
        self.layouts: dict[str, str] = {}
        self.nodes = model.graph.by_id()
        self.refused: list[tuple[UffNode, str]] = []
        self._registered = registered
        self._values: dict[str, tuple[Value, ...]] = {}
        self._specs, self._inferred = Specs(), 0

    def run(self) -> Graph:
        """The graph, its inputs and outputs set.

        Raises:
            InputError: the file marks no output, or nodes read each other in a circle.
            UnsupportedError: nodes have no meaning that is known; all are listed.
        """
        from graphdoctor.formats.uff.raise_ops import raise_node

        outputs = list(dict.fromkeys(self.model.graph.outputs()))
        if not outputs:
            raise InputError("marks no node as output", remedy="Convert the graph again, with its outputs named")
        inputs = []
        for node in self._in_order(outputs):
            try:
                self._values[node.id] = raise_node(self, node)
            except RaiseError as e:
                self.refused.append((node, str(e)))
                self._values[node.id] = (self._stand_in(node),)
            if node.op == INPUT:
                inputs.append(self.graph.node(node.id))
        if self.refused:
            reasons = ((n.id, n.op, why) for n, why in self.refused)
            raise UnsupportedError(
                refusal("of the UFF model cannot be read", reasons), remedy="graphdoctor check says more of the file"
            )
        self.graph.inputs = tuple(inputs)
        self.graph.outputs = tuple(value for name in outputs for value in self._values[name])
        complete_attrs(self.graph)
        return self.graph

    # ---- what the ops use -----------------------------------------------------------------------------------

    def input(self, node: UffNode, index: int = 0) -> Value:
        """The value that input ``index`` of ``node`` names."""
        if index >= len(node.inputs):
            raise RaiseError(f"it has {len(node.inputs)} inputs, and wants more")
        values = self._values[node.inputs[index]]
        if len(values) > 1:
            raise RaiseError(f"which of the {len(values)} outputs of {node.inputs[index]} it reads, UFF cannot say")
        return values[0]

    def inputs(self, node: UffNode) -> list[Value]:
        """The values that ``node`` reads."""
        return [self.input(node, k) for k in range(len(node.inputs))]

    def all_inputs(self, node: UffNode) -> list[Value]:
        """The same of a node that joins them: of a plugin with several outputs it reads all."""
        return [value for name in node.inputs for value in self._values[name]]

    def shape(self, value: Value) -> Shape:
        """What is known of the shape of ``value``."""
        new = [edit.node for edit in self.graph.edits(self._inferred) if isinstance(edit, Added)]
        infer_more(self._specs, new)
        self._inferred = self.graph.mark()
        return self._specs.of(value).shape

    def take_back(self, mark: int) -> None:
        """Remove the nodes that were added since ``mark`` of the graph."""
        self.graph.rollback(mark)
        self._inferred = min(self._inferred, mark)

    def add(
        self, node: UffNode, op: str, inputs: Sequence[Value], attrs: Mapping[str, AttrPy] | None = None, part: str = ""
    ) -> Value:
        """A node of TensorFlow that stands for ``node``, or for ``part`` of it: ``_1`` for its second output."""
        name = f"{node.id}/{part}" if part and part[0] != OUTPUT else f"{node.id}{part}"
        if not part and name in self.graph:
            raise RaiseError("another node has its name")
        known = find_op(op)
        if known is not None and not known.arity[0] <= len(inputs) <= known.arity[1]:
            raise RaiseError(f"it has {len(node.inputs)} inputs, and wants others")
        return self.graph.add(op, name, inputs, attrs, origins=(node.id,)).out()

    def const(self, node: UffNode, value: npt.ArrayLike, part: str) -> Value:
        """A constant that is ``part`` of ``node``; Python's integers become int32."""
        array = np.asarray(value)
        if array.dtype == np.int64 and array.size and not -_INT32 <= int(array.min()) <= int(array.max()) < _INT32:
            raise RaiseError(f"a number of its {part} is beyond 32 bits")
        array = array.astype(np.int32) if array.dtype == np.int64 or not array.size else array
        return self.tensor(node, array, part)

    def tensor(self, node: UffNode, array: Array, part: str = "") -> Value:
        """A constant of ``array``."""
        tensor = Tensor.from_array(array)
        return self.add(node, CONST, [], {"value": tensor, "dtype": tensor.dtype}, part)

    def field(self, node: UffNode, key: str, member: str, default: Any = None) -> Any:
        """A field of the wanted type; without a default it has to be there."""
        data = self.model.field(node, key)
        if data is None:
            if default is None:
                raise RaiseError(f"it has no field {key}")
            return default
        if data.member != member:
            raise RaiseError(f"its field {key} is {data.member or 'empty'}, not {member}")
        return data.value

    def orders(self, node: UffNode, *canonical: str) -> list[str]:
        """The orders of the inputs' dimensions, as letters, of those of ``canonical`` an input."""
        found = self.field(node, "inputs_orders", "dim_orders_list")
        if len(found) != len(canonical):
            raise RaiseError(f"inputs_orders has {len(found)} orders, not {len(canonical)}")
        letters = [decode_order(order, c) for order, c in zip(found, canonical, strict=True)]
        known = [order for order in letters if order is not None]
        if len(known) < len(letters):
            raise RaiseError("its inputs_orders are none that is known")
        return known

    def data_format(self, node: UffNode, order: str) -> str:
        """``NHWC`` or ``NCHW``, as the order of input 0 says; it has to agree with what gives that input."""
        if order not in (NHWC, NCHW):
            raise RaiseError(f"the order of its data is {order}")
        known = self.layouts.get(node.inputs[0], "")
        if known and known != order:
            raise RaiseError(f"it takes its data as {order}, and what gives them has {known}")
        self.layouts[node.id] = order
        return "NHWC" if order == NHWC else "NCHW"

    def constant(self, node: UffNode) -> UffConstant:
        """What ``node``, a Const, holds."""
        found = constant_of(self.model, node)
        if found is None:
            raise RaiseError("it has no type, no shape or no values")
        return found

    def registered(self, node: UffNode) -> tuple[DType, Shape, bool]:
        """Dtype and shape of an Input, and whether it comes with channels first for a network in NHWC.

        Without registration it is what the file says: the input of TensorFlow, batch included.
        """
        number = self.field(node, "dtype", "dtype", 131104)
        dims = self.field(node, "shape", "i_list", ())
        said: Shape = tuple(None if d < 0 else d for d in dims) or None
        wanted, shape = self._registered.get(node.id, (None, said))
        dtype = wanted or dtype_of(number)
        if dtype is DType.INVALID:
            raise RaiseError(f"it is of {dtype_text(number)}: give its type with --input {node.id}:float32")
        if shape is None or node.id not in self._registered or (said is not None and len(shape) == len(said)):
            return dtype, shape, False
        layout = self._layout_ahead(node.id)
        first = len(shape) == _IMAGE and layout == NHWC and (said is None or said[1:] != shape)
        if said is not None and len(shape) + 1 != len(said):
            raise RaiseError(f"it is {dims_text(said)}, and {dims_text(shape)} was given")
        return dtype, (None, *shape), first

    def _layout_ahead(self, id: str) -> str:
        """The order in which the first op behind ``id`` that says one takes its data."""
        readers: dict[str, list[UffNode]] = {}
        for node in self.model.graph.nodes:
            for name in node.inputs[:1]:
                readers.setdefault(name, []).append(node)
        waiting, seen = [id], {id}
        while waiting:
            for node in readers.get(waiting.pop(0), ()):
                if node.op in ORDERED:
                    return self.orders(node, *ORDERED[node.op])[0]
                if node.id not in seen and node.op in KEEPS_LAYOUT:
                    seen.add(node.id)
                    waiting.append(node.id)
        return ""

    # ---- the walk -------------------------------------------------------------------------------------------

    def _in_order(self, outputs: Sequence[str]) -> list[UffNode]:
        """The nodes that the outputs need, producers first."""
        done: dict[str, UffNode] = {}
        open_: set[str] = set()
        waiting = [(name, "") for name in reversed(outputs)]
        while waiting:
            name, reader = waiting[-1]
            if name in done:
                waiting.pop()
                continue
            node = self._node(name, reader)
            if name in open_:
                open_.discard(name)
                done[name] = node
                waiting.pop()
                continue
            open_.add(name)
            for one in reversed(node.inputs):
                if one in open_:
                    raise InputError(f"{name!r} and {one!r} read each other in a circle", remedy=_AGAIN)
                if one not in done:
                    waiting.append((one, name))
        return list(done.values())

    def _node(self, name: str, reader: str) -> UffNode:
        node = self.nodes.get(name)
        if node is None:
            raise InputError(f"{reader or 'a marked output'!r} reads {name!r}, which is not there", remedy=_AGAIN)
        if node.op == MARK_OUTPUT:
            raise InputError(f"{reader!r} reads {name!r}, which marks an output", remedy=_AGAIN)
        return node

    def _stand_in(self, node: UffNode) -> Value:
        """In place of what could not be raised, so that the nodes behind it are looked at too."""
        attrs: dict[str, AttrPy] = {"dtype": DType.FLOAT, "shape": ShapeValue(None)}
        return self.graph.add("Placeholder", node.id, (), attrs).out()


ORDERED = {
    "Conv": ("NC+", "KC+"),
    "ConvTranspose": ("NC+", "KC+"),
    "Pool": ("NC+",),
    "BatchNorm": ("NC+",),
    "Softmax": ("NC+",),
}
"""Ops that say the order of their data's dimensions, with the canonical order of each."""
KEEPS_LAYOUT = frozenset({"Activation", "Unary", "Binary", "Identity", "LeakyRelu", "Pad", "_LReLU_TRT", "_Clip_TRT"})
"""Ops whose output has the order of dimensions of input 0."""
_AGAIN = "Convert the graph again; the file is damaged, or was made by another program"


def fail(reason: str) -> NoReturn:
    """The node has no meaning that is known."""
    raise RaiseError(reason)
