"""Graphs that were damaged or made to hurt: findings, never a traceback, never minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.findings import Verdict
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintOptions, LintResult, lint
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import all_target_names, load_target
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPlaceholder, AttrPy, FuncRef, RefDType, ShapeValue, UnknownDType
from graphdoctor.wire.tensors import Tensor
from tests.work import calls

ROOT = Path(__file__).parent.parent.parent
BAD = sorted((ROOT / "fixtures" / "rules").glob("*/bad.gdt"))
TARGETS = tuple(load_target(name) for name in all_target_names())
DAMAGED = Tensor.from_payload(bytes.fromhex("08011204120208022203000000"))
VALUES: tuple[AttrPy, ...] = (
    None,
    "",
    "NHWC",
    -1,
    1 << 62,
    float("nan"),
    True,
    DType.INVALID,
    DType.STRING,
    RefDType(101),
    UnknownDType(77),
    ShapeValue(None),
    ShapeValue((None, -5, 1 << 60)),
    FuncRef("f", {"a": 1}),
    AttrPlaceholder("p"),
    DAMAGED,
    (),
    (0, 0, 0, 0),
    (FuncRef("f", {}), "x"),
)
KEYS = ("T", "dtype", "value", "padding", "strides", "data_format", "is_training", "epsilon", "shape", "alpha", "f")
KEYS += (
    "explicit_paddings",
    "half_pixel_centers",
    "keep_dims",
    "axis",
    "frame_name",
    "squeeze_dims",
    "DstT",
    "shrink_axis_mask",
)
KEYS += ("begin_mask", "new_axis_mask", "transpose_a", "ksize", "dilations", "depth_radius", "batch_dims")


def _lint(graph: Graph) -> LintResult:
    return lint(graph, infer_shapes(graph), TARGETS, LintOptions(extend_select=("ALL",)))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(BAD),
    st.lists(st.tuples(st.integers(0, 99), st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=4),
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 3)), max_size=3),
)
def test_wrong_attributes_and_inputs_are_findings(
    path: Path, attrs: list[tuple[int, str, AttrPy]], edges: list[tuple[int, int, int]]
) -> None:
    """Rules may fail on such a graph only by saying so, and nothing else may raise."""
    graph = parse_graph(path.read_text(), path.name)
    complete_attrs(graph)
    nodes = list(graph)
    for i, key, value in attrs:
        graph.set_attr(nodes[i % len(nodes)], key, value)
    for i, j, index in edges:
        node = nodes[i % len(nodes)]
        graph.set_inputs(node, [*node.inputs, nodes[j % len(nodes)].out(index)])
    result = _lint(graph)
    assert {v.target for v in result.verdicts} == {t.name for t in TARGETS}
    assert [f.message for f in result.findings if f.code == "GDF002"] == []


@pytest.mark.parametrize("drop", range(3))
@pytest.mark.parametrize("path", BAD, ids=lambda p: p.parent.name)
def test_nodes_without_their_inputs(path: Path, drop: int) -> None:
    graph = parse_graph(path.read_text(), path.name)
    complete_attrs(graph)
    for node in list(graph):
        graph.set_inputs(node, node.inputs[:drop])
    result = _lint(graph)
    assert [f.message for f in result.findings if f.code == "GDF002"] == []


GROWTH = 4
"""How much larger the second of two graphs is."""


def _work(text: str) -> int:
    graph = parse_graph(text)
    return calls(lambda: _lint(graph))


def _assert_linear(make: Callable[[int], str], size: int) -> None:
    """Work grows as the graph does; n log n passes, n² does not."""
    _work(make(8))  # what is loaded and looked up once
    small, large = _work(make(size)), _work(make(GROWTH * size))
    assert large <= 1.5 * GROWTH * small, (small, large)


def _hub(n: int) -> str:
    """Roots of batch normalizations, controls and concatenations around one node."""
    lines = ["x = Placeholder {dtype: float32, shape: shape[1,8,8,2]}", "c = Const float32[2] 1.0", "hub = Mul(x, x)"]
    lines += [f"r{i} = Rsqrt(c)\nm{i} = Mul(r{i}, hub)\nk{i} = ConcatV2(hub, m{i}, a, ^hub)" for i in range(n)]
    lines += [
        "a = Const int32[] 1",
        "y = AddN(" + ", ".join(f"k{i}" for i in range(n)) + ")",
        "inputs: x",
        "outputs: y",
    ]
    return "\n".join(lines)


def _cycles(n: int) -> str:
    """Cycles of two, and a tail behind all of them that stands before them in the file."""
    lines = [f"a{i} = Relu(b{i})\nb{i} = Relu(a{i})" for i in range(n)]
    lines.append("t0 = AddN(" + ", ".join(f"a{i}" for i in range(n)) + ")")
    lines += [f"t{i} = Relu(t{i - 1})" for i in range(1, n)]
    return "\n".join([*reversed(lines), f"outputs: t{n - 1}"])


def _chain(n: int) -> str:
    lines = ["x = Placeholder {dtype: float32, shape: shape[1,8]}", "v0 = Identity(x)"]
    lines += [f"v{i} = Identity(v{i - 1})" for i in range(1, n)]
    return "\n".join([*lines, "inputs: x", f"outputs: v{n - 1}"])


@pytest.mark.parametrize(
    ("make", "size"), [(_hub, 400), (_cycles, 600), (_chain, 1250)], ids=["hub", "cycles", "chain"]
)
def test_work_grows_as_the_graph_does(make: Callable[[int], str], size: int) -> None:
    """Around a node that thousands read, behind thousands of cycles, along a chain longer than Python recurses."""
    _assert_linear(make, size)


def test_an_empty_graph() -> None:
    result = _lint(parse_graph(""))
    assert {v.verdict for v in result.verdicts} == {Verdict.UNKNOWN}
    assert all(v.total == 0 for v in result.verdicts)
