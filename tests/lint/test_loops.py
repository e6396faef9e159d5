"""A loop is one trouble: what stands inside is told with it."""

from __future__ import annotations

import pytest

from graphdoctor.findings import Verdict
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintResult, lint
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import load_target

LOOP = """
x = Placeholder {dtype: float32, shape: shape[1,8]}
size = Const int32[] 8
array = TensorArrayV3(size) {dtype: float32}
a/Enter = Enter(x) {T: float32, frame_name: "a"}
a/Merge = Merge(a/Enter, a/Next)
top = Const float32[] 10.0
axes = Const int32[2] [0, 1]
a/all = Max(a/Merge, axes)
a/Less = Less(a/all, top)
a/Cond = LoopCond(a/Less)
a/Switch = Switch(a/Merge, a/Cond)
b/Enter = Enter(a/Switch:1) {T: float32, frame_name: "b"}
b/Merge = Merge(b/Enter, b/Next)
b/most = Max(b/Merge, axes)
b/Less = Less(b/most, top)
b/Cond = LoopCond(b/Less)
b/Switch = Switch(b/Merge, b/Cond)
b/Body = Erf(b/Switch:1)
b/Next = NextIteration(b/Body)
b/Exit = Exit(b/Switch)
a/behind = Erfc(b/Exit)
a/Next = NextIteration(a/behind)
a/Exit = Exit(a/Switch)
y = Erf(a/Exit)
inputs: x
outputs: y
"""


def _lint(text: str, target: str) -> LintResult:
    graph = parse_graph(text)
    complete_attrs(graph)
    return lint(graph, infer_shapes(graph), [load_target(target)])


def test_nothing_inside_is_told_where_no_loop_can_run() -> None:
    result = _lint(LOOP, "trt5")
    told = {f.node for f in result.findings if f.target == "trt5" and f.code != "GDC008"}
    assert told == {"y"}
    loops = {f.node: set(f.covers) for f in result.findings if f.code == "GDC008"}
    assert set(loops) == {"a/Enter", "b/Enter"}
    assert {"a/behind", "a/Exit", "b/Body", "b/Exit"} <= loops["a/Enter"]
    assert "a/behind" not in loops["b/Enter"]
    assert "y" not in loops["a/Enter"]
    assert result.verdicts[0].verdict is Verdict.INCOMPATIBLE


def test_where_it_cannot_be_told_what_is_certain_is_still_told() -> None:
    boxes = LOOP.replace("a/behind = Erfc(b/Exit)", "a/behind = Where(flags)\nflags = Greater(b/Exit, top)")
    result = _lint(boxes, "trt8.0")
    assert [(f.code, f.node) for f in result.findings if f.certain and f.severity.label == "error"] == [
        ("GDO001", "a/behind")
    ]
    assert {f.code for f in result.findings if not f.certain} == {"GDC008"}
    assert result.verdicts[0].verdict is Verdict.INCOMPATIBLE


ARRAYS = """
x = Placeholder {dtype: float32, shape: shape[4,8]}
size = Const int32[] 4
array = TensorArrayV3(size) {dtype: float32}
indices = Const int32[4] [0,1,2,3]
filled = TensorArrayScatterV3(array, indices, x, array:1) {T: float32}
Enter = Enter(filled) {T: float32, frame_name: "w"}
Merge = Merge(Enter, Next)
top = Const float32[] 1.0
Less = Less(Merge, top)
Cond = LoopCond(Less)
Switch = Switch(Merge, Cond)
Body = Erf(Switch:1)
Next = NextIteration(Body)
Exit = Exit(Switch)
count = TensorArraySizeV3(array, Exit)
y = Relu(Exit)
inputs: x
outputs: y, count
"""


@pytest.mark.parametrize("name", ("array", "filled", "count"))
def test_the_arrays_of_a_loop_go_with_it(name: str) -> None:
    result = _lint(ARRAYS, "trt5")
    loop = next(f for f in result.findings if f.code == "GDC008")
    assert name in loop.covers
    assert name not in {f.node for f in result.findings}
