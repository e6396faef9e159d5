"""Constants, patterns, layouts, paddings, history."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from graphdoctor.errors import InputError
from graphdoctor.ir.text import parse_graph
from graphdoctor.match import (
    CannotTell,
    NoMatch,
    PadMatch,
    Pattern,
    PatternEdge,
    constant_of,
    data_format,
    pad_before,
    scalar_of,
    small_constant,
    source_of,
    uses_through,
)
from graphdoctor.match.constants import is_constant_chain
from graphdoctor.match.history import RELEASES, attributes_after, attributes_after_1_12, newer_attributes

FACTS = Path(__file__).parent.parent.parent.parent / "shared" / "facts" / "tf_op_history.json"
CHAIN = """
c = Const float32[2] [1.0, 2.0]
e = Enter(c) {frame_name: "f"}
i = Identity(e)
s = StopGradient(i)
r = Relu(s)
a = Identity(b)
b = Identity(a)
outputs: r
"""


def test_constants_are_seen_through_what_passes_on() -> None:
    graph = parse_graph(CHAIN)
    tensor = constant_of(graph.value("s"))
    assert tensor is not None
    np.testing.assert_array_equal(tensor.array(), [1.0, 2.0])
    assert constant_of(graph.value("r")) is None


def test_a_circle_of_identities_ends() -> None:
    graph = parse_graph(CHAIN)
    assert source_of(graph.value("a")).node.op == "Identity"
    assert constant_of(graph.value("a")) is None


def test_large_constants_are_not_read() -> None:
    graph = parse_graph('c = Const float32[65536,65536] 0.5\none = Const float32[1] [3.0]\nn = Const string[] ["x"]')
    assert small_constant(graph.value("c")) is None
    assert scalar_of(graph.value("one")) == 3.0
    assert scalar_of(graph.value("n")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("v = Reshape(c, s)", True),
        ("r = Reshape(c, s)\nv = Squeeze(r)", True),
        ("v = Reshape(c, x)", False),
        ("v = Relu(c)", False),
    ),
)
def test_constant_chains(text: str, expected: bool) -> None:
    head = "x = Placeholder {dtype: int32}\nc = Const float32[2] 1.0\ns = Const int32[2] [1, 2]\n"
    graph = parse_graph(head + text)
    assert is_constant_chain(graph.value("v")) is expected


def test_uses_through() -> None:
    graph = parse_graph("x = Placeholder\ni = Identity(x)\nj = Identity(i)\na = Relu(j)\nb = Add(a, x)\nn = NoOp(^i)")
    found = {(n.name, slot) for n, slot in uses_through(graph, graph.value("x"), frozenset({"Identity"}))}
    assert found == {("a", 0), ("b", 1), ("n", -1)}


#   x -> conv -> bn -> relu
#           \--> other
TRIANGLE = """
x = Placeholder
conv = Conv2D(x, w)
w = Const float32[1] 1.0
bn = FusedBatchNorm(conv, w, w, w, w)
relu = Relu(bn)
other = Relu(conv)
outputs: relu, other
"""


def _pattern(only: bool = False, slot: int | None = 0) -> Pattern:
    edges = [PatternEdge("conv", "bn", input=slot, only=only), PatternEdge("bn", "relu")]
    return Pattern({"relu": ["Relu", "Relu6"], "bn": ["FusedBatchNorm"], "conv": ["Conv2D"]}, edges)


def test_a_pattern_binds_its_nodes() -> None:
    graph = parse_graph(TRIANGLE)
    (found,) = _pattern().matches(graph)
    assert {k: n.name for k, n in found.items()} == {"relu": "relu", "bn": "bn", "conv": "conv"}


def test_a_pattern_minds_slots_and_other_readers() -> None:
    graph = parse_graph(TRIANGLE)
    assert list(_pattern(slot=1).matches(graph)) == []
    assert list(_pattern(only=True).matches(graph)) == []


def test_a_pattern_goes_forward_from_its_anchor() -> None:
    graph = parse_graph(TRIANGLE)
    pattern = Pattern({"conv": ["Conv2D"], "user": ["Relu"]}, [PatternEdge("conv", "user")], "conv")
    (found,) = pattern.matches(graph)
    assert found["user"].name == "other"


@pytest.mark.parametrize(
    "edges",
    ([PatternEdge("a", "c")], [PatternEdge("a", "b")], []),
    ids=("unknown node", "loose node", "no edges"),
)
def test_patterns_that_contradict_themselves(edges: list[PatternEdge]) -> None:
    nodes = {"a": ["Add"], "b": ["Relu"]} | ({"d": ["Mul"]} if edges else {})
    with pytest.raises(InputError, match="pattern"):
        Pattern(nodes, edges)


NHWC_CONV = 'c = Conv2D(x, w) {padding: "SAME", strides: [1,1,1,1]}'
NCHW_CONV = NHWC_CONV.replace("}", ', data_format: "NCHW"}')


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        (f"{NHWC_CONV}\nr = Relu(c)\nv = ConcatV2(r, c, axis)", "NHWC"),
        (f"{NCHW_CONV}\nr = Relu(c)\nv = ConcatV2(r, c, axis)", "NCHW"),
        ("v = ConcatV2(x, x, axis)\nr = Relu(v)\np = MaxPool(r)", "NHWC"),
        ("v = ConcatV2(x, x, axis)\nr = ResizeBilinear(v, axis)", "NHWC"),
    ),
)
def test_layout_from_the_neighbours(text: str, expected: str) -> None:
    head = "x = Placeholder\nw = Const float32[1] 1.0\naxis = Const int32[] 1\n"
    graph = parse_graph(head + text)
    assert data_format(graph, graph.value("v")) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    (
        ("v = ConcatV2(x, x, axis)", "no op near says"),
        (
            f'{NHWC_CONV}\np = MaxPool(x) {{data_format: "NCHW"}}\nv = ConcatV2(p, c, axis)',
            "the layout is contradictory",
        ),
        (f"{NHWC_CONV}\nt = Transpose(c, axis)\nv = ConcatV2(t, t, axis)", "no op near says"),
    ),
)
def test_layout_that_cannot_be_told(text: str, reason: str) -> None:
    head = "x = Placeholder\nw = Const float32[1] 1.0\naxis = Const int32[] 1\n"
    graph = parse_graph(head + text)
    found = data_format(graph, graph.value("v"))
    assert isinstance(found, CannotTell)
    assert found.reason.startswith(reason)


PAD = "x = Placeholder\np = Const int32[4,2] [0, 0, 1, 2, 1, 2, 0, 0]\npad = Pad(x, p)\nw = Const float32[1] 1.0\n"


def test_pad_before_a_convolution() -> None:
    graph = parse_graph(f"{PAD}i = Identity(pad)\nc = Conv2D(i, w)\noutputs: c")
    found = pad_before(graph, graph.node("pad"))
    assert isinstance(found, PadMatch)
    assert (found.consumer.name, found.output.name, found.input.name) == ("c", "i", "x")
    assert found.paddings is not None
    assert found.paddings[1].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("rest", "reason"),
    (
        ("r = Relu(pad)\noutputs: r", "Relu reads it"),
        ("c = Conv2D(pad, w)\nd = Conv2D(pad, w)\noutputs: c, d", "2 nodes read it"),
        ("c = Conv2D(pad, w)\noutputs: c, pad", "it is an output of the graph"),
        ("i = Identity(pad)\nc = Conv2D(i, w)\noutputs: c, i", "it is an output of the graph"),
        ("c = Conv2D(x, pad)\noutputs: c", "Conv2D reads it"),
    ),
)
def test_pads_that_stand_alone(rest: str, reason: str) -> None:
    graph = parse_graph(PAD + rest)
    found = pad_before(graph, graph.node("pad"))
    assert isinstance(found, NoMatch)
    assert found.reason == reason


def test_attributes_that_came_after_1_12() -> None:
    graph = parse_graph(
        "x = Placeholder\nr = ResizeBilinear(x, x) {half_pixel_centers: true, align_corners: true}\n"
        'c = Conv2D(x, x) {explicit_paddings: [], padding: "SAME"}'
    )
    (resize,) = newer_attributes(graph.node("r"))
    assert (resize.name, resize.value, resize.at_default) == ("half_pixel_centers", True, False)
    (conv,) = newer_attributes(graph.node("c"))
    assert (conv.name, conv.at_default) == ("explicit_paddings", True)
    assert newer_attributes(graph.node("x")) == []
    assert "FusedBatchNormV3" not in attributes_after_1_12()


def test_attributes_by_the_release_of_tensorflow() -> None:
    assert "Conv2D" in attributes_after("1.12")
    assert "Conv2D" not in attributes_after("1.14")
    assert "incompatible_shape_error" in attributes_after("1.14")["Equal"]
    assert "Equal" not in attributes_after("1.15")
    assert "explicit_paddings" in attributes_after("1.15")["MaxPool"]
    graph = parse_graph('x = Placeholder\nc = Conv2D(x, x) {explicit_paddings: [1], padding: "EXPLICIT"}')
    assert [a.at_default for a in newer_attributes(graph.node("c"), "1.12")] == [False]
    assert newer_attributes(graph.node("c"), "1.14") == []


@pytest.mark.skipif(not FACTS.is_file(), reason="the tables of facts are not here")
def test_attributes_by_release_are_those_of_the_facts() -> None:
    came = {(row["op"], row["attr"]): row["first_seen"] for row in json.loads(FACTS.read_text())["attrs_added"]}
    for release in RELEASES:
        last = tuple(map(int, release.split(".")))
        wanted = {
            (op, attr)
            for op, row in attributes_after("1.12").items()
            for attr in row
            if tuple(map(int, came[op, attr].split(".")))[:2] > last
        }
        assert {(op, attr) for op, row in attributes_after(release).items() for attr in row} == wanted
