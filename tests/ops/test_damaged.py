"""Graphs that no TensorFlow would run: inference answers with a spec or a conflict, folding with a value or none."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

import pytest

from graphdoctor.ir import Graph, TensorSpec
from graphdoctor.ops import find_op
from graphdoctor.passes.fold_constants import find_foldable
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.types import DType, Shape
from graphdoctor.wire.attrs import AttrPlaceholder, AttrPy, FuncRef, ShapeValue, UnknownDType
from tests.ops import harness

VALUES: tuple[AttrPy, ...] = (
    0,
    -1,
    1 << 40,
    -(1 << 63),
    1.5,
    float("nan"),
    True,
    "",
    "NCHW",
    "x",
    (),
    (1,),
    (0, 0, 0, 0),
    (1, -1, 1 << 40, 2),
    ("a", "b", "c", "d"),
    DType.STRING,
    DType.RESOURCE,
    UnknownDType(77),
    ShapeValue((1, None, -1)),
    ShapeValue(None),
    FuncRef("f", {}),
    AttrPlaceholder("T"),
    None,
)
SHAPES: tuple[Shape, ...] = ((), (0,), (1,), (None, 3), (2, 0, 3), (1 << 40, 1 << 40, 1 << 40, 2), (2, 3, 4, 5, 6, 7))
DTYPES = (DType.FLOAT, DType.INT32, DType.BOOL, DType.STRING, DType.RESOURCE, DType.COMPLEX64, DType.INVALID)

FIRST = {case.op: case for case in reversed(harness.all_cases()) if not case.conflict}


def each() -> pytest.MarkDecorator:
    """One test per op, on its first good case."""
    return pytest.mark.parametrize("op", sorted(FIRST))


@each()
def test_any_attribute_value(op: str) -> None:
    graph, known = FIRST[op].parsed(), constants(op)
    for node in graph.by_op(op):
        for key in {*node.attrs, *defaults(node.op), "data_format", "_layout"}:
            for value in VALUES:
                mark = graph.mark()
                graph.set_attr(node, key, value)
                infer_and_fold(graph, known)
                graph.rollback(mark)


def defaults(op: str) -> Mapping[str, AttrPy]:
    """The attributes that an op may leave out."""
    known = find_op(op)
    return known.defaults if known is not None else {}


def constants(op: str) -> dict[str, TensorSpec]:
    """The placeholders' specs with values, so that folding is tried."""
    return {name: harness.spec_of(value, keep=True) for name, value in harness.feeds(FIRST[op]).items()}


@each()
def test_any_missing_attribute(op: str) -> None:
    graph, known = FIRST[op].parsed(), constants(op)
    for node in graph.by_op(op):
        for key in node.attrs:
            mark = graph.mark()
            graph.drop_attrs(node, key)
            infer_and_fold(graph, known)
            graph.rollback(mark)


@each()
def test_any_number_of_inputs(op: str) -> None:
    graph, known = FIRST[op].parsed(), constants(op)
    for node in graph.by_op(op):
        for inputs in (node.inputs[:-1], node.inputs[1:], (*node.inputs, *node.inputs), node.inputs[::-1], ()):
            mark = graph.mark()
            graph.set_inputs(node, inputs)
            infer_and_fold(graph, known)
            graph.rollback(mark)


@each()
def test_any_shape_and_dtype_of_inputs(op: str) -> None:
    graph = FIRST[op].parsed()
    for given in strange(harness.placeholder_specs(graph)):
        infer_shapes(graph, given)


def strange(specs: dict[str, TensorSpec]) -> Iterator[dict[str, TensorSpec]]:
    """Other shapes and dtypes for one placeholder at a time."""
    for name, spec in specs.items():
        yield from ({name: TensorSpec(spec.dtype, shape)} for shape in SHAPES)
        yield from ({name: TensorSpec(dtype, spec.shape)} for dtype in DTYPES)


def infer_and_fold(graph: Graph, known: Mapping[str, TensorSpec]) -> None:
    """No exception and no numpy warning, whatever the graph says."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for given in ({}, known):
            list(find_foldable(graph, infer_shapes(graph, given)))
