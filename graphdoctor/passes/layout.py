"""NHWC to NCHW: format ops are turned, what lies between them follows, transposes stay only at the borders.

For lowering, ops that TensorFlow has in NHWC alone carry a private ``_layout``; a graph to be written back has none.
"""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import Graph, Node, Value
from graphdoctor.ops import find_op
from graphdoctor.ops.base import Layout
from graphdoctor.passes.fold_constants import constant_tensor
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.types import Array, DType
from graphdoctor.wire.tensors import Tensor

TO_NCHW = (0, 3, 1, 2)
TO_NHWC = (0, 2, 3, 1)
_EITHER_WAY = frozenset({"BiasAdd", "BiasAddV1"})
"""Ops with a data_format that lower as well in NHWC: turned only where their input is NCHW already."""
_RANK = 4
_AXIS = {0: 0, 1: 2, 2: 3, 3: 1}
"""An axis of NHWC to the same axis of NCHW."""


def to_nchw(graph: Graph, specs: Specs | None = None, *, lowered: bool = True) -> int:
    """Lay the graph out NCHW; returns the number of Transpose nodes that were added.

    Inputs and outputs of the graph keep their layout. Where the graph is not ``lowered`` but written back, ops that
    TensorFlow has in NHWC alone stay so.
    """
    turner = _Turner(graph, specs or infer_shapes(graph), lowered)
    for node in graph.order().nodes:
        turner.visit(node)
    graph.outputs = tuple(turner.as_nhwc(v) for v in graph.outputs)
    return turner.added


class _Turner:
    """One run of the pass; remembers which values are NCHW now and which transposes exist."""

    def __init__(self, graph: Graph, specs: Specs, lowered: bool) -> None:
        self.graph = graph
        self.specs = specs
        self.lowered = lowered
        self.turned: set[Value] = set()
        self.forward: dict[Value, Value] = {}
        self.backward: dict[Value, Value] = {}
        self.added = 0

    def visit(self, node: Node) -> None:
        """Turn ``node`` if its op allows and it pays, else give it NHWC inputs."""
        if self._is_transpose(node, TO_NCHW) and node.inputs[0] in self.turned:
            self._bypass(node)
            return
        op = find_op(node.op)
        layout = op.layout if op is not None else Layout()
        turn = {
            "format": self._format,
            "flag": self._flag if self.lowered else self._sized,
            "same": self._same,
            "axes": self._axes,
            "axes_attr": self._axes_attr,
            "paddings": self._paddings,
        }.get(layout.kind)
        whole = op is not None and op.arity[0] <= len(node.inputs)
        if turn is None or not whole or not turn(node, layout):
            self._keep(node)

    def as_nhwc(self, value: Value) -> Value:
        """``value`` in its original layout; adds a Transpose if it was turned."""
        if value not in self.turned:
            return value
        if value not in self.backward:
            self.backward[value] = self._transpose(value, TO_NHWC, "to_nhwc")
        return self.backward[value]

    def as_nchw(self, value: Value) -> Value:
        """A rank-4 ``value`` in NCHW: itself if turned, a transposed constant, or a Transpose of it; a scalar stays."""
        if value in self.turned or self.specs.of(value).rank == 0:
            return value
        if value not in self.forward:
            self.forward[value] = self._make_nchw(value)
        return self.forward[value]

    def _make_nchw(self, value: Value) -> Value:
        if self._is_transpose(value.node, TO_NHWC):
            return self.as_nhwc(value.node.inputs[0])
        tensor = constant_tensor(value)
        if tensor is not None:
            return self._const(value, _const_to_nchw(tensor.array()))
        return self._transpose(value, TO_NCHW, "to_nchw")

    # ---- kinds ----------------------------------------------------------------------------------------------

    def _format(self, node: Node, layout: Layout) -> bool:
        if node.attr("data_format", "NHWC") != "NHWC" or self.specs.output(node, layout.outputs[0]).rank not in (
            4,
            None,
        ):
            return False
        if any(self.specs.of(node.inputs[i]).rank not in (4, None) for i in layout.data):
            return False
        if node.op in _EITHER_WAY and not self._pays(node.inputs[:1]):
            return False
        inputs = [self.as_nchw(v) if i in layout.data else self.as_nhwc(v) for i, v in enumerate(node.inputs)]
        self._turn(node, inputs, layout)
        self.graph.set_attr(node, "data_format", "NCHW")
        for key in layout.per_dim:
            self._permute_attr(node, key)
        return True

    def _flag(self, node: Node, layout: Layout) -> bool:
        if node.attr("data_format", "NHWC") != "NHWC" or self.specs.of(node.inputs[layout.data[0]]).rank != 4:
            return False
        inputs = [self.as_nchw(v) if i in layout.data else self.as_nhwc(v) for i, v in enumerate(node.inputs)]
        self._turn(node, inputs, layout)
        self.graph.set_attr(node, "_layout", "NCHW")
        return True

    def _sized(self, node: Node, layout: Layout) -> bool:
        """A transposed convolution in NCHW, as TensorFlow has it; other ops stay in NHWC."""
        if node.op != "Conv2DBackpropInput" or node.attr("data_format", "NHWC") != "NHWC":
            return False
        sizes = constant_tensor(node.inputs[0])
        if sizes is None or sizes.shape not in ((2,), (4,)) or self.specs.of(node.inputs[2]).rank != _RANK:
            return False
        array = sizes.array()
        wanted = node.inputs[0] if sizes.shape == (2,) else self._const(node.inputs[0], array[list(TO_NCHW)])
        self._turn(node, [wanted, node.inputs[1], self.as_nchw(node.inputs[2])], layout)
        self.graph.set_attr(node, "data_format", "NCHW")
        for key in ("strides", "dilations", "explicit_paddings"):
            self._permute_attr(node, key)
        return True

    def _same(self, node: Node, layout: Layout) -> bool:
        if self.specs.output(node, layout.outputs[0]).rank != 4 or not self._pays(node.inputs):
            return False
        self._turn(node, [self.as_nchw(v) for v in node.inputs], layout)
        return True

    def _axes(self, node: Node, layout: Layout) -> bool:
        arg = layout.arg % len(node.inputs)
        data = [v for i, v in enumerate(node.inputs) if i != arg]
        axes = constant_tensor(node.inputs[arg])
        if axes is None or axes.element_count > _RANK or not self._pays(data):
            return False
        if any(self.specs.of(v).rank != _RANK for v in data):
            return False
        old = axes.array()
        if not np.all((old >= -4) & (old < 4)):
            return False
        rank = self.specs.output(node).rank
        if rank != 4 and not _keeps_order({int(a) % 4 for a in old.reshape(-1)}):
            return False
        new = np.asarray([_AXIS[int(a) % 4] for a in old.reshape(-1)], dtype=old.dtype).reshape(old.shape)
        inputs = [self.as_nchw(v) for v in data]
        inputs.insert(arg, self._const(node.inputs[arg], new))
        self._turn(node, inputs, layout, turned=rank == 4)
        return True

    def _axes_attr(self, node: Node, layout: Layout) -> bool:
        axes = node.attr(layout.per_dim[0], ())
        if not axes or not self._pays(node.inputs) or any(not -4 <= a < 4 for a in axes):
            return False
        if not _keeps_order({a % 4 for a in axes}):
            return False
        self._turn(node, [self.as_nchw(v) for v in node.inputs], layout, turned=False)
        self.graph.set_attr(node, layout.per_dim[0], tuple(sorted(_AXIS[a % 4] for a in axes)))
        return True

    def _paddings(self, node: Node, layout: Layout) -> bool:
        paddings = constant_tensor(node.inputs[layout.arg])
        if paddings is None or paddings.shape != (4, 2) or not self._pays(node.inputs[:1]):
            return False
        inputs = [self.as_nhwc(v) for v in node.inputs]
        inputs[0] = self.as_nchw(node.inputs[0])
        inputs[layout.arg] = self._const(node.inputs[layout.arg], paddings.array()[list(TO_NCHW)])
        self._turn(node, inputs, layout)
        return True

    # ---- tools ----------------------------------------------------------------------------------------------

    def _pays(self, inputs: tuple[Value, ...] | list[Value]) -> bool:
        """True if at least as many inputs are NCHW already as would need a new Transpose, and all can be turned."""
        turned = sum(v in self.turned for v in inputs)
        fresh = 0
        for v in inputs:
            rank = self.specs.of(v).rank
            if v in self.turned or v in self.forward or constant_tensor(v) is not None:
                continue
            if rank == 0:
                continue
            if rank != 4:
                return False
            fresh += 1
        return turned > 0 and turned >= fresh

    def _turn(self, node: Node, inputs: list[Value], layout: Layout, *, turned: bool = True) -> None:
        self.graph.set_inputs(node, inputs)
        if turned:
            self.turned.update(node.out(k) for k in layout.outputs)

    def _keep(self, node: Node) -> None:
        inputs = tuple(self.as_nhwc(v) for v in node.inputs)
        if inputs != node.inputs:
            self.graph.set_inputs(node, inputs)

    def _bypass(self, node: Node) -> None:
        """``node`` transposes a turned value back to NCHW: it becomes an Identity whose output is plain NCHW."""
        self.graph.set_inputs(node, node.inputs[:1])
        self.graph.drop_attrs(node, "Tperm")
        self.graph.set_op(node, "Identity")

    def _is_transpose(self, node: Node, perm: tuple[int, ...]) -> bool:
        if node.op != "Transpose" or len(node.inputs) != 2:
            return False
        tensor = constant_tensor(node.inputs[1])
        return tensor is not None and tensor.shape == (_RANK,) and tuple(tensor.array().tolist()) == perm

    def _permute_attr(self, node: Node, key: str) -> None:
        old = node.attr(key)
        if isinstance(old, tuple) and len(old) == 4:
            self.graph.set_attr(node, key, tuple(old[i] for i in TO_NCHW))
        elif isinstance(old, tuple) and len(old) == 8:
            pairs = [old[2 * i : 2 * i + 2] for i in TO_NCHW]
            self.graph.set_attr(node, key, tuple(p for pair in pairs for p in pair))

    def _transpose(self, value: Value, perm: tuple[int, ...], suffix: str) -> Value:
        graph, origins = self.graph, value.node.origins
        array = np.asarray(perm, dtype=np.int32)
        name = f"{value.node.name}/{suffix}"
        axes = graph.add("Const", f"{name}/perm", attrs=_const_attrs(array), origins=origins)
        node = graph.add("Transpose", name, [value, axes.out()], origins=origins)
        self.added += 1
        return node.out()

    def _const(self, value: Value, array: Array) -> Value:
        name = f"{value.node.name}/nchw"
        return self.graph.add("Const", name, attrs=_const_attrs(array), origins=value.node.origins).out()


def _const_attrs(array: Array) -> dict[str, DType | Tensor]:
    return {"dtype": DType.from_numpy(array.dtype), "value": Tensor.from_array(array)}


def _const_to_nchw(array: Array) -> Array:
    """A constant that broadcasts against NHWC, made to broadcast against NCHW the same way."""
    if array.size == 1 and array.ndim < 4:
        return array.reshape(())
    return np.transpose(array.reshape((1,) * (4 - array.ndim) + array.shape), TO_NCHW)


def _keeps_order(reduced: set[int]) -> bool:
    """True if the axes that are left stand in the same order in NHWC and in NCHW."""
    left = [a for a in TO_NCHW if a not in reduced]
    return left == sorted(left)
