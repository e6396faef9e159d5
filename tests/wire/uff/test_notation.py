"""UFF as text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from graphdoctor.errors import InputError
from graphdoctor.wire.uff import EMPTY, Data, UffModel, UffNode, constant_of, encode_order, read_uff, uff_bytes
from graphdoctor.wire.uff.notation import format_node
from graphdoctor.wire.uff.notation_read import parse_uff
from tests.wire.uff.models import CORPUS, convolution, models

CONVOLUTION = """
c = Conv(x, w) {strides: [1,1], inputs_orders: orders(N+C, +CK), implicit_padding: "same"}
w = Const float32[1,1,1,1] [2.0]  # a comment
x = Input {shape: [-1,4,4,1], dtype: float32}
MarkOutput_0 = MarkOutput(c)
"""


def test_a_model_is_what_its_text_says():
    stated, made = parse_uff(CONVOLUTION), convolution()
    assert stated.graphs == made.graphs
    assert stated.references == made.references
    assert stated.descriptors == made.descriptors


def test_every_kind_of_value_can_be_stated():
    line = 'n = _P {a: 1, b: 2.0, c: true, d: "t", e: float16, f: type 7, g: [], h: [1.5, 2], i: [false], j: ["x"]'
    line += (
        ", k: [int8, type 7], l: hex:00ff, m: ref(q), o: order(N+C), p: nothing, extra r: -3, s: orders((5: 1 -2), ())}"
    )
    node = parse_uff(line).graph.nodes[0]
    assert list(node.fields.values())[:13] == [
        Data.i(1),
        Data.d(2.0),
        Data.b(True),
        Data.s("t"),
        Data.dtype(0x20010),
        Data.dtype(7),
        Data.i_list([]),
        Data.d_list([1.5, 2]),
        Data.b_list([False]),
        Data.s_list(["x"]),
        Data.dtype_list([0x10008, 7]),
        Data.blob(b"\0\xff"),
        Data.ref("q"),
    ]
    assert node.fields["o"] == Data.dim_orders(encode_order("N+C"))
    assert node.fields["p"] == EMPTY
    assert node.extra_fields == {"r": Data.i(-3)}
    model = parse_uff(line)
    assert model.field(model.graph.nodes[0], "s") == Data.dim_orders_list([((5, (1, -2)),), ()])


@pytest.mark.parametrize(
    "payload, shape, values",
    [("7", "[2]", [7, 7]), ("[1, 2]", "[2]", [1, 2]), ("hex:0100000002000000", "[2]", [1, 2]), ("5", "[]", 5)],
)
def test_constants(payload, shape, values):
    model = parse_uff(f"k = Const int32{shape} {payload}")
    const = constant_of(model, model.graph.nodes[0])
    assert const is not None
    assert const.array().tolist() == values


def test_the_line_of_a_node_says_what_it_means_and_not_where_that_is_filed():
    one = parse_uff(CONVOLUTION)
    other = parse_uff(CONVOLUTION)
    other.references["elsewhere"] = other.references.pop("weights_w")
    other.graph.nodes[1].fields["values"] = Data.ref("elsewhere")
    assert [format_node(one, n) for n in one.nodes()] == [format_node(other, n) for n in other.nodes()]
    other.references["elsewhere"] = Data.blob(b"\0\0\0\0")
    assert format_node(one, one.graph.nodes[1]) != format_node(other, other.graph.nodes[1])


def test_what_cannot_be_followed_is_said_as_it_stands():
    node = UffNode("a b", "Conv", ["x y"], {"inputs_orders": Data.ref("gone")})
    assert format_node(UffModel(), node) == '"a b" = Conv("x y") {inputs_orders: ref(gone)}'


@given(models)
@settings(max_examples=60)
def test_every_node_has_a_line(model):
    for node in model.nodes():
        assert "\n" not in format_node(model, node)


@pytest.mark.skipif(not CORPUS, reason="no UFF files in ../shared/corpus")
@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.name)
def test_lines_of_real_files_are_read_again(path):
    model = read_uff(path.read_bytes())
    lines = [format_node(model, n) for n in model.nodes() if n.op != "Const"]
    again = parse_uff("\n".join(lines))
    assert [format_node(again, n) for n in again.nodes()] == lines
    assert read_uff(uff_bytes(again)) == again


@pytest.mark.parametrize(
    "line, said",
    [
        ("x = ", "'the end' is not expected"),
        ("x = Conv(a", "'the end' is not expected"),
        ("x = Conv {a 1}", "'1' is not expected"),
        ("x = Const uint8[1] 0", "UFF has no type 'uint8'"),
        ("x = Conv {a: orders(NK)}", "'NK' is no order of"),
        ("x = Conv {a: [1, true]}", "is not expected"),
        ("x = Conv ~", "'~' is not expected"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line, said):
    with pytest.raises(InputError, match=said) as caught:
        parse_uff(f"# first\n{line}", "net.ufft")
    assert caught.value.where == "net.ufft:2"
