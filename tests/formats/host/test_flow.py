"""Loops, branches and arrays of tensors as Python: against TensorFlow, and what is refused."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from graphdoctor.formats.host import HostError
from tests.formats.host.loaded import graph_of, host_text, loaded, no_engine, ran
from tests.ops.harness import evaluate

LOOP = """
x = Placeholder {dtype: float32, shape: shape[]}
n = Const int32[] 5
zero = Const int32[] 0
once = Const int32[] 1
one = Enter(once) {T: int32, frame_name: "f", is_constant: true, parallel_iterations: 10}
ei = Enter(zero) {T: int32, frame_name: "f", is_constant: false, parallel_iterations: 10}
ex = Enter(x) {T: float32, frame_name: "f", is_constant: false, parallel_iterations: 10}
en = Enter(n) {T: int32, frame_name: "f", is_constant: true, parallel_iterations: 10}
mi = Merge(ei, ni) {T: int32, N: 2}
mx = Merge(ex, nx) {T: float32, N: 2}
less = Less(mi, en) {T: int32}
go = LoopCond(less)
si = Switch(mi, go) {T: int32}
sx = Switch(mx, go) {T: float32}
body = Identity(si:1) {T: int32}
i2 = Add(body, one) {T: int32}
f = Cast(i2) {SrcT: int32, DstT: float32}
x2 = Mul(sx:1, f) {T: float32}
ni = NextIteration(i2) {T: int32}
nx = NextIteration(x2) {T: float32}
oi = Exit(si) {T: int32}
ox = Exit(sx) {T: float32}
y = Identity(ox) {T: float32}
i = Identity(oi) {T: int32}
outputs: y i
"""
BRANCH = """
x = Placeholder {dtype: float32, shape: shape[3]}
p = Placeholder {dtype: bool, shape: shape[]}
pred = Identity(p) {T: bool}
s = Switch(x, pred) {T: float32}
two = Const float32[] 2
t = Mul(s:1, two) {T: float32}
e = Neg(s) {T: float32}
m = Merge(e, t) {T: float32, N: 2}
y = Exp(m) {T: float32}
outputs: y
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("start", [1.0, -0.5])
def test_a_loop_gives_tensorflows_numbers(start: float) -> None:
    x = np.float32(start)
    real = evaluate(graph_of(LOOP), {"x": x}, ["y", "i"])
    found = ran(LOOP, x=x)
    assert found["y"] == real["y"] == np.float32(start * 120)
    assert found["i"] == real["i"] == 5


@pytest.mark.tensorflow
@pytest.mark.parametrize("p", [True, False])
def test_a_branch_gives_tensorflows_numbers(p: bool) -> None:
    inputs = {"x": np.array([1, 2, 3], np.float32), "p": np.bool_(p)}
    np.testing.assert_allclose(ran(BRANCH, **inputs)["y"], evaluate(graph_of(BRANCH), inputs, ["y"])["y"], rtol=1e-6)


def test_a_loop_is_one_loop_and_a_branch_one_branch() -> None:
    tree = ast.parse(host_text(graph_of(LOOP)))
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "postprocess")
    assert sum(isinstance(n, ast.While) for n in ast.walk(function)) == 1
    tree = ast.parse(host_text(graph_of(BRANCH)))
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "postprocess")
    branch = next(n for n in function.body if isinstance(n, ast.If))
    assert len(branch.body) == len(branch.orelse) == 2


def test_an_op_without_a_rule_is_refused_with_its_node() -> None:
    with pytest.raises(HostError, match="Conv2D c: it is a layer of the network"):
        host_text(
            graph_of("""
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
w = Const float32[3,3,3,4] normal(1)
c = Conv2D(x, w) {T: float32, padding: "SAME", strides: [1,1,1,1], data_format: "NHWC"}
outputs: c
""")
        )


def test_a_switch_outside_of_a_branch_is_refused() -> None:
    with pytest.raises(HostError, match="no branch"):
        host_text(
            graph_of("""
x = Placeholder {dtype: float32, shape: shape[3]}
p = Placeholder {dtype: bool, shape: shape[]}
s = Switch(x, p) {T: float32}
y = Neg(s:1) {T: float32}
outputs: y
""")
        )


def test_names_and_numbers_of_a_file_never_become_code() -> None:
    graph = graph_of("""
x = Placeholder {dtype: float32, shape: shape[3]}
k = Const float32[3] [inf, nan, -1.5]
a = Add(x, k) {T: float32}
y = Neg(a) {T: float32}
outputs: y
""")
    graph.rename(graph.node("a"), 'evil\\n"""\\nraise SystemExit\\n"""')
    graph.rename(graph.node("y"), "class")
    graph.rename(graph.node("x"), "np")
    text = host_text(graph)
    found = loaded(text).run(no_engine, {"np": np.ones(3, np.float32)})
    np.testing.assert_array_equal(found["class"], np.float32([-np.inf, np.nan, 0.5]))


def test_a_deep_chain_needs_no_recursion() -> None:
    lines = ["x0 = Placeholder {dtype: float32, shape: shape[]}"]
    lines += [f"x{k} = Neg(x{k - 1}) {{T: float32}}" for k in range(1, 3001)]
    found = ran("\n".join([*lines, "outputs: x3000"]), x0=np.float32(2))
    assert found["x3000"] == 2
