"""--pin: placeholders become constants of the value that was typed, or it is said why they cannot."""

from __future__ import annotations

import re

import numpy as np
import pytest

from graphdoctor.errors import InputError
from graphdoctor.ir import broken_invariants, tensor_of
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.surgery import Pin, load_rewrites, pin_inputs, run_rewrites, undo

TEXT = """
x = Placeholder {dtype: float32, shape: shape[?,3]}
keep = Placeholder {dtype: float32, shape: shape[*]}
count = Placeholder {dtype: int8, shape: shape[2]}
yes = Const bool[] true
go = PlaceholderWithDefault(yes) {dtype: bool, shape: shape[]}
words = Placeholder {dtype: string, shape: shape[]}
huge = Placeholder {dtype: float32, shape: shape[100000,100000]}
y = Mul(x, keep) {T: float32}
z = Cast(count) {SrcT: int8, DstT: float32}
inputs: x, keep, count, go
outputs: y, z, go
"""


def pin(*texts: str) -> dict[str, object]:
    graph = parse_graph(TEXT)
    pin_inputs(graph, [Pin.parse(t) for t in texts])
    assert broken_invariants(graph) == []
    return {n.name: tensor.array().tolist() for n in graph if (tensor := tensor_of(n)) is not None}


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("keep=0.5", "keep", 0.5),
        ("keep:0 = -1e3", "keep", -1000.0),
        ("count=-128", "count", [-128, -128]),
        ("go=false", "go", False),
        ("go=1", "go", True),
        ("keep=inf", "keep", float("inf")),
    ],
)
def test_a_placeholder_becomes_a_constant_in_all_its_elements(text: str, name: str, value: object) -> None:
    assert pin(text)[name] == value


def test_it_is_no_input_any_more_keeps_its_name_as_an_output_and_can_be_taken_back() -> None:
    graph = parse_graph(TEXT)
    before = sorted(format_graph(graph).splitlines())
    result, values = pin_inputs(graph, [Pin.parse("go=false"), Pin.parse("keep=1")])
    assert [n.name for n in graph.inputs] == ["x", "count"]
    assert [v.name for v in graph.outputs] == ["y", "z", "go"]
    assert {k: v.item() for k, v in values.items()} == {"go": False, "keep": 1.0}
    assert values["keep"].dtype == np.float32
    undo(graph, result)
    assert sorted(format_graph(graph).splitlines()) == before


def test_what_depends_on_it_is_resolved_by_the_packs() -> None:
    graph = parse_graph(
        """
        x = Placeholder {dtype: float32, shape: shape[2]}
        go = Placeholder {dtype: bool, shape: shape[]}
        s = Switch(x, go) {T: float32}
        a = Neg(s) {T: float32}
        b = Exp(s:1) {T: float32}
        m = Merge(a, b) {T: float32, N: 2}
        y = Tanh(m) {T: float32}
        inputs: x, go
        outputs: y
        """
    )
    pin_inputs(graph, [Pin.parse("go=true")])
    run_rewrites(graph, load_rewrites(["clean"]))
    assert sorted(n.op for n in graph) == ["Exp", "Placeholder", "Tanh"]


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("keep", "'keep' is not NAME=VALUE", "For example"),
        ("=1", "'=1' is not NAME=VALUE", "For example"),
        ("keeep=1", "is not in the graph", "Did you mean keep?"),
        ("y=1", "is a Mul and no placeholder", "count, go"),
        ("keep=much", "'much' is no float32", "a number that fits"),
        ("count=128", "'128' is no int8", "a number that fits"),
        ("count=1.5", "'1.5' is no int8", "a number that fits"),
        ("go=maybe", "'maybe' is no bool", "a number that fits"),
        ("x=0", "its size is not known", "--input x[1,2]"),
        ("words=a", "its dtype string takes no number", "Pin numbers"),
        ("huge=0", "[100000,100000] is too much for a constant", "smaller"),
    ],
)
def test_what_cannot_be_pinned_says_why(text: str, said: str, remedy: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as e:
        pin(text)
    assert remedy in e.value.remedy
