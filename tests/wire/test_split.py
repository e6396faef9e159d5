from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.formats.tensorflow import graph_from_bytes, graph_from_graphdef, graphdef_bytes
from graphdoctor.ir.text import format_graph
from graphdoctor.wire import scan
from graphdoctor.wire.split import LARGE, split_graph_def
from graphdoctor.wire.tensorflow import GraphDef, parse_graph_def, serialize
from graphdoctor.wire.tensors import Tensor


def const(graph: GraphDef, name: str, count: int, key: str = "value") -> None:
    node = graph.node.add(name=name, op="Const")
    node.attr[key].tensor = Tensor.from_array(np.arange(count, dtype=np.float32)).to_payload()
    node.attr["dtype"].type = 1


def test_large_payloads_leave_the_message_and_small_ones_stay() -> None:
    graph = GraphDef()
    const(graph, "small", 10)
    const(graph, "large", 5_000)
    const(graph, "larger", 9_000)
    graph.versions.producer = 27
    data = serialize(graph)
    light, heavy = split_graph_def(data)
    assert set(heavy) == {1, 2}
    assert len(light) < LARGE
    assert heavy[2].attr == "value"
    np.testing.assert_array_equal(Tensor.from_payload(heavy[2].payload).array(), np.arange(9_000))
    read = parse_graph_def(light)
    assert [n.name for n in read.node] == ["small", "large", "larger"]
    assert read.versions.producer == 27


def test_the_graph_is_the_same_either_way_and_writes_the_same_bytes() -> None:
    graph = GraphDef()
    const(graph, "w", 3_000)
    graph.node.add(name="y", op="Relu", input=["w"])
    data = serialize(graph)
    split, whole = graph_from_bytes(data), graph_from_graphdef(parse_graph_def(data))
    assert format_graph(split) == format_graph(whole)
    assert graphdef_bytes(split) == graphdef_bytes(whole) == data


def test_a_changed_node_keeps_its_large_constant_and_unknown_fields() -> None:
    graph = GraphDef()
    const(graph, "w", 3_000)
    unknown = scan.encode_field(900, b"from the future")
    node = serialize(graph.node[0]) + unknown
    read = graph_from_bytes(scan.encode_field(1, node))
    read.rename(read.node("w"), "weights")
    again = graphdef_bytes(read)
    assert unknown in again
    tensor = graph_from_bytes(again).node("weights").attr("value")
    np.testing.assert_array_equal(tensor.array(), np.arange(3_000))


def test_a_second_value_of_the_same_key_is_left_to_protobuf() -> None:
    """The last entry of a map counts; taking the first out would change the constant."""
    graph = GraphDef()
    const(graph, "w", 3_000)
    small = scan.encode_field(1, b"value") + scan.encode_field(
        2, scan.encode_field(8, Tensor.from_array(np.float32(7)).to_payload())
    )
    data = scan.encode_field(1, serialize(graph.node[0]) + scan.encode_field(5, small))
    assert split_graph_def(data).heavy == {}
    assert graph_from_bytes(data).node("w").attr("value").array() == 7


@given(st.binary(max_size=200), st.integers(0, 12_000), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_damage_is_never_worse_with_splitting(noise: bytes, at: int, cut: int) -> None:
    """Whatever the bytes: both ways read the same graph, or both refuse."""
    from graphdoctor.errors import InputError

    graph = GraphDef()
    const(graph, "a", 1_500)
    const(graph, "b", 1_200, key="other")
    data = serialize(graph)
    damaged = data[:at] + noise + data[at + cut :]

    def read(reader: object) -> str:
        try:
            return format_graph(reader(damaged))  # type: ignore[operator]
        except InputError:
            return "refused"

    assert read(graph_from_bytes) == read(lambda d: graph_from_graphdef(parse_graph_def(d)))
