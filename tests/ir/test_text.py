from __future__ import annotations

import re

import numpy as np
import pytest

from graphdoctor.errors import InputError
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPlaceholder, FuncRef, ShapeValue

EVERYTHING = """\
x = Placeholder {dtype: float32, shape: shape[?,28,28,1]}
any = Placeholder {dtype: resource, shape: shape[*]}
"odd name" = Const int64[2,2] [1, -2, 3, 4]
half = Const float32[64] 0.5
flag = Const bool[] true
words = Const string[2] ["a", "b"]
c = Conv2D(x, half, ^flag) {T: float32, names: ["a", "b"], padding: "SAME", rate: 1.0, strides: [1, 1, 1, 1]}
call = PartitionedCall(c:1, "odd name":2) {Tin: [float32, int64], empty: [], f: @inner, value: $later}
inputs: x
outputs: call:3
"""


def test_everything_the_form_can_say_survives() -> None:
    graph = parse_graph(EVERYTHING)
    assert format_graph(graph) == EVERYTHING
    call = graph.node("call")
    assert call.attr("f") == FuncRef("inner", {})
    assert call.attr("value") == AttrPlaceholder("later")
    assert call.attr("Tin") == (DType.FLOAT, DType.INT64)
    assert graph.node("any").attr("shape") == ShapeValue(None)
    assert [v.name for v in graph.outputs] == ["call:3"]


FUNCTIONS = """\
function scale(x: $T, by: float32) {
    attr T: type
    cast = Cast(by) {DstT: $T, SrcT: float32}
    two = Const int32[] 2 (^cast)
    parts = Split(two:output:0, cast:y:0) {T: $T, num_split: 2}
    y = Mul(x, parts:output:1) {T: $T}
    return out: $T = y:z:0
    return same: float32 = by
    control done = y
}
function nothing() {
}
x = Placeholder {dtype: float32, shape: shape[2]}
function = PartitionedCall(x, x) {Tout: [float32], f: @scale{T: float32, g: @nothing}}
outputs: function
"""


def test_functions_survive() -> None:
    graph = parse_graph(FUNCTIONS)
    assert format_graph(graph) == FUNCTIONS
    assert [f.signature.name for f in graph.source.library.function] == ["scale", "nothing"]
    assert graph.node("function").attr("f").attrs["T"] == DType.FLOAT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("function f(x: float32) {\n", "the function f has no end"),
        ("function f(x: float32)\n}", "expected '{'"),
        ("function f() {\n    return y: float32 = a:z:0, b:z:0\n}", "y is one value, not 2"),
        ("function f() {\n    return y = a:z:0\n}", "expected ':'"),
    ],
)
def test_mistakes_in_functions_are_named(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=re.escape(problem)):
        parse_graph(text)


def test_random_payloads_are_seeded_and_written_exactly() -> None:
    graph = parse_graph("w = Const float32[3,3,1,8] normal(7, 0.1)\nu = Const float32[40] uniform(1, -2, 2)")
    again = parse_graph(format_graph(graph))
    for name in ("w", "u"):
        np.testing.assert_array_equal(graph.node(name).attr("value").array(), again.node(name).attr("value").array())
    assert abs(graph.node("u").attr("value").array()).max() <= 2


def test_elided_form_stays_short() -> None:
    graph = parse_graph("w = Const float32[300,300] normal(7)")
    assert re.fullmatch(r"w = Const float32\[300,300\] \.\.\. #[0-9a-f]{12}\n", format_graph(graph, elide=True))


@pytest.mark.parametrize("special", ["inf", "-inf", "nan"])
def test_special_floats(special: str) -> None:
    graph = parse_graph(f"c = Const float32[2] [{special}, 1.0]")
    again = parse_graph(format_graph(graph))
    np.testing.assert_array_equal(again.node("c").attr("value").array(), np.array([float(special), 1], np.float32))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("x Placeholder", "expected '='"),
        ("x = Relu(a", "ends too early"),
        ("x = Relu {a: }", "is no dtype"),
        ("x = Const float32[2] [1, 2, 3]", "does not fit"),
        ("x = Const int8[1] [300]", "does not fit"),
        ("x = Relu(a) junk", "cannot understand"),
        ("x = Relu(a) ~", "cannot read"),
        ("x = Const float32[?] 1.0", "needs all its dimensions"),
    ],
)
def test_mistakes_name_the_line(line: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        parse_graph("# first\n" + line, "graph.gdt")
    assert caught.value.where == "graph.gdt:2"
