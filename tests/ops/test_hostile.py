"""Inference and folding must survive whatever a file says: only InferError, no allocation, no endless work."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphdoctor.ir import Attrs, Graph, Node, TensorSpec, Value
from graphdoctor.ir.graph import NodeRecord
from graphdoctor.ops import InferError, Op, OpContext, all_ops
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPlaceholder, FuncRef, RefDType, ShapeValue, UnknownDType
from graphdoctor.wire.tensors import Tensor

HUGE = (1 << 63) - 1
DIMS = st.one_of(st.none(), st.integers(0, 4), st.sampled_from([1 << 31, 1 << 40, HUGE]))
NUMBERS = st.one_of(st.integers(-5, 9), st.sampled_from([HUGE, -HUGE - 1, 1 << 31, 1 << 70, -(1 << 31)]))
DTYPES = st.sampled_from([*DType])
DAMAGED = Tensor.from_payload(b"\x08\x01\x12\x04\x12\x02\x08\x05\x22\x03abc")
CLAIMS_16_GIB = Tensor.from_payload(b"\x08\x01\x12\x08\x12\x06\x08\x80\x80\x80\x80\x10\x2d\x00\x00\x80\x3f")
TENSORS = st.sampled_from(
    [
        DAMAGED,
        CLAIMS_16_GIB,
        Tensor.from_array(np.arange(4, dtype=np.int32)),
        Tensor.from_array(np.asarray(-1, dtype=np.int64)),
        Tensor.from_array(np.asarray([np.nan, np.inf], dtype=np.float32)),
        Tensor.from_array(np.asarray([b"a"], dtype=object)),
        Tensor.from_array(np.zeros((0, 3), dtype=np.int32)),
    ]
)
SCALARS = st.one_of(
    NUMBERS,
    st.booleans(),
    st.floats(),
    st.sampled_from(["", "SAME", "VALID", "NHWC", "NCHW", "REFLECT", "bilinear", "\udcff"]),
    DTYPES,
    st.sampled_from([UnknownDType(77), RefDType(101), FuncRef("f", {}), AttrPlaceholder("T"), None]),
    st.lists(st.one_of(DIMS, st.integers(-9, -1)), max_size=5).map(lambda d: ShapeValue(tuple(d))),
    st.just(ShapeValue(None)),
    TENSORS,
)
ATTRIBUTES = st.one_of(SCALARS, st.lists(SCALARS, max_size=4).map(tuple), st.lists(NUMBERS, max_size=5).map(tuple))
OPS = dict(sorted(all_ops().items()))


@st.composite
def specs(draw: st.DrawFn) -> TensorSpec:
    """Anything inference may hand to an op, small values of every kind included."""
    dtype = draw(DTYPES)
    shape = draw(st.one_of(st.none(), st.lists(DIMS, max_size=5).map(tuple)))
    count = 1
    for d in shape or ():
        count *= 99 if d is None else max(d, 1)
    if shape is None or count > 12 or dtype.numpy is None or dtype is DType.STRING or draw(st.booleans()):
        return TensorSpec(dtype, shape)
    return TensorSpec(dtype, shape, _value(draw, dtype, tuple(d or 0 for d in shape)))


def _value(draw: st.DrawFn, dtype: DType, shape: tuple[int, ...]) -> Any:
    assert dtype.numpy is not None
    count = math.prod(shape)
    if dtype.is_integer and draw(st.booleans()):
        value = np.empty(count, dtype=object)
        value[:] = draw(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=count, max_size=count))
        return value.reshape(shape)
    items = draw(st.lists(st.integers(-3, 9), min_size=count, max_size=count))
    return np.asarray(items).astype(dtype.numpy).reshape(shape)


class Hostile(OpContext):
    """A context that makes up every attribute it is asked for."""

    __slots__ = ()

    def attr(self, key: str) -> Any:
        made, draw = MADE
        if key not in made:
            made[key] = draw(st.one_of(st.just(self.defaults.get(key)), ATTRIBUTES))
        return made[key]

    def dtype(self, key: str = "T") -> DType:
        value = self.attr(key)
        return value if isinstance(value, DType) else self.spec(0).dtype


MADE: tuple[dict[str, Any], Any] = ({}, None)


@pytest.mark.parametrize("name", list(OPS))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_infer_raises_nothing_but_infer_error(name: str, data: st.DataObject) -> None:
    global MADE
    op = OPS[name]
    MADE = ({}, data.draw)
    low, high = op.arity
    inputs = tuple(data.draw(st.lists(specs(), min_size=low, max_size=min(high, low + 3))))
    node = _node(name, len(inputs))
    outputs = _inferred(op, Hostile(node, inputs, op.defaults))
    for spec in outputs:
        assert spec.value is None or spec.shape == spec.value.shape
        assert spec.shape is None or all(d is None or d >= 0 for d in spec.shape)


def _inferred(op: Op, ctx: OpContext) -> list[TensorSpec]:
    try:
        outputs = op.infer(ctx)
        values = [s.constant for s in ctx.inputs]
        if values and not op.stateful and all(v is not None for v in values):
            op.fold(ctx, [v for v in values if v is not None])
    except InferError:
        return []
    return outputs


def _node(op: str, inputs: int) -> Node:
    records = [NodeRecord(f"i{k}", "Placeholder", (), Attrs()) for k in range(inputs)]
    records.append(NodeRecord("n", op, [f"i{k}" for k in range(inputs)], Attrs()))
    return Graph.from_records(records).node("n")


KEYS = st.sampled_from(
    """T N axis dtype shape value num num_split squeeze_dims begin_mask end_mask ellipsis_mask new_axis_mask
    shrink_axis_mask keep_dims batch_dims out_type DstT SrcT Tout output_shapes element_shape mode k""".split()
)
SOURCES = ("Const", "Shape", "Pack", "StridedSlice", "ConcatV2", "Slice", "GatherV2", "ExpandDims", "Cast", "Switch")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_any_graph_is_inferred_without_an_exception(data: st.DataObject) -> None:
    records = []
    for k in range(data.draw(st.integers(1, 7))):
        op = data.draw(st.one_of(st.sampled_from(SOURCES), st.sampled_from(list(OPS))))
        refs = data.draw(st.lists(st.sampled_from([f"n{i}" for i in range(k)] or ["gone"]), max_size=4))
        attrs = data.draw(st.dictionaries(KEYS, ATTRIBUTES, max_size=5))
        if op == "Const":
            tensor = data.draw(TENSORS)
            attrs = {"value": tensor, "dtype": DType.INT32} if data.draw(st.booleans()) else attrs
        records.append(NodeRecord(f"n{k}", op, refs, Attrs(attrs)))
    infer_shapes(Graph.from_records(records))


def test_folding_refuses_to_make_huge_arrays() -> None:
    big = np.asarray([1 << 20, 1 << 20], dtype=np.int64)
    one = np.ones((1, 1), dtype=np.float32)
    calls = {
        "Fill": [big, np.asarray(1.0, dtype=np.float32)],
        "Tile": [one, big],
        "BroadcastTo": [one, big],
        "Range": [np.asarray(n, dtype=np.int64) for n in (0, 1 << 40, 1)],
        "LinSpace": [np.float32(0).reshape(()), np.float32(1).reshape(()), np.asarray(1 << 40, dtype=np.int64)],
        "Pad": [one, np.asarray([[0, 1 << 20], [0, 1 << 20]], dtype=np.int64)],
        "OneHot": [big, np.asarray(1 << 30, dtype=np.int32), one[0, 0].reshape(()), one[0, 0].reshape(())],
        "DynamicStitch": [np.asarray([1 << 30], dtype=np.int32), np.ones((1, 8), dtype=np.float32)],
    }
    for name, values in calls.items():
        node = _node(name, len(values))
        inputs = tuple(TensorSpec(DType.from_numpy(v.dtype), v.shape) for v in values)
        assert OPS[name].fold(OpContext(node, inputs, OPS[name].defaults), values) is None, name


def test_a_constant_that_claims_16_gib_is_read_by_its_header() -> None:
    attrs = Attrs({"dtype": DType.FLOAT, "value": CLAIMS_16_GIB})
    graph = Graph.from_records([NodeRecord("c", "Const", (), attrs)])
    found = infer_shapes(graph)
    assert found.conflicts == []
    assert found.of(Value(graph.node("c"), 0)) == TensorSpec(DType.FLOAT, (1 << 32,))
