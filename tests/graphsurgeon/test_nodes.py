"""create_node and its like: which attribute each value makes, under which name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdoctor.graphsurgeon as gs
from graphdoctor.types import DType
from tests.graphsurgeon.notation import graph, text


def attr(node: gs.NodeDef, key: str) -> Any:
    return node.attr[key]


def test_a_node_is_called_as_its_op_where_no_op_is_given() -> None:
    assert (gs.create_node("Relu").op, gs.create_node("a", "Relu").op) == ("Relu", "Relu")


@pytest.mark.parametrize(
    ("value", "field", "stored", "suffix"),
    [
        (3, "i", 3, "_u_int"),
        (True, "i", 1, "_u_int"),
        (np.int64(3), "i", 3, "_u_int"),
        (0.5, "f", 0.5, "_u_float"),
        (np.float32(0.5), "f", 0.5, "_u_float"),
        ("abc", "s", b"abc", "_u_str"),
        (b"abc", "s", b"abc", "_u_str"),
        (DType.FLOAT, "type", 1, ""),
        (np.dtype("int32"), "type", 3, ""),
        (np.int32, "type", 3, ""),
    ],
)
def test_values(value: object, field: str, stored: object, suffix: str) -> None:
    plain, plugin = gs.create_node("n", k=value), gs.create_plugin_node("n", k=value)
    assert getattr(attr(plain, "k"), field) == stored
    assert list(plugin.attr) == [f"k{suffix}"]
    assert getattr(attr(plugin, f"k{suffix}"), field) == stored


@pytest.mark.parametrize(
    ("value", "field", "stored", "suffix"),
    [
        ([1, 2], "i", [1, 2], "_u_ilist"),
        ((1, 2), "i", [1, 2], "_u_ilist"),
        ([True, 2], "i", [1, 2], "_u_ilist"),
        ([], "i", [], "_u_ilist"),
        ([1, 0.5], "f", [1.0, 0.5], "_u_flist"),
        (["a", "b"], "s", [b"a", b"b"], ""),
    ],
)
def test_lists(value: object, field: str, stored: list[object], suffix: str) -> None:
    plugin = gs.create_plugin_node("n", k=value)
    assert list(plugin.attr) == [f"k{suffix}"]
    found = attr(plugin, f"k{suffix}")
    assert list(getattr(found.list, field)) == stored
    assert found.HasField("list")


@pytest.mark.parametrize("value", [None, {}, object(), [object()], [1, "a"]])
def test_what_no_attribute_holds(value: object) -> None:
    with pytest.raises(TypeError, match="k: "):
        gs.create_node("n", k=value)


def test_inputs_are_names_or_nodes_and_are_appended() -> None:
    a, b = gs.create_node("a"), gs.create_node("b")
    node = gs.create_node("n", inputs=[a, "x:1"])
    gs.update_node(node, inputs=b)
    gs.update_node(node, inputs="abc")
    assert node.input == ["a", "x:1", "b", "abc"]
    with pytest.raises(TypeError, match="not int"):
        gs.update_node(node, inputs=[1])


def test_a_shape_is_replaced_and_unknown_dimensions_stay_unknown() -> None:
    node = gs.create_plugin_node("Input", op="Placeholder", dtype=DType.FLOAT, shape=[1, 3, 300, 300])
    assert gs.shape(node) == (1, 3, 300, 300)
    assert gs.shape(gs.update_node(node, shape=(None, 7))) == (-1, 7)
    assert gs.shape(gs.update_node(node, shape=4)) == (4,)
    assert gs.shape(gs.update_node(node, shape=())) == ()
    assert attr(node, "shape").HasField("shape")
    assert gs.shape(gs.create_node("n")) == ()


def test_asking_for_a_shape_makes_no_attribute() -> None:
    node = gs.create_node("n")
    gs.shape(node)
    assert list(node.attr) == []


def test_a_field_of_a_plugin_keeps_its_suffix() -> None:
    node = gs.create_plugin_node("n", k=1)
    gs.update_node(node, k=2)
    assert list(node.attr) == ["k_u_int"]
    assert attr(node, "k_u_int").i == 2


def test_the_suffix_as_tensorrt_5_0_asked_for_it() -> None:
    assert list(gs.create_node("n", _do_suffix=True, k=1).attr) == ["k_u_int"]
    assert list(gs.create_node("n", _do_suffix=False, k=1).attr) == ["k"]


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    made = graph("a; b=B")
    made.connect("a", "b")
    gs.create_node("n", k=1)
    assert capsys.readouterr() == ("", "")


def test_a_list_is_replaced() -> None:
    node = gs.create_node("n", k=[1, 2])
    gs.update_node(node, k=[3])
    assert list(attr(node, "k").list.i) == [3]


def test_arrays_bring_their_dtype_or_take_the_one_given() -> None:
    node = gs.create_node("c", "Const", value=np.asarray([[1, 2], [3, 4]], dtype=np.int32))
    assert (attr(node, "dtype").type, attr(node, "value").tensor.dtype) == (3, 3)
    np.testing.assert_array_equal(gs.extract_numpy_array(node), [1, 2, 3, 4])
    node = gs.create_node("c", "Const", dtype=DType.FLOAT, value=np.asarray([1, 2]))
    assert (attr(node, "dtype").type, attr(node, "value").tensor.dtype) == (1, 1)
    np.testing.assert_array_equal(gs.extract_numpy_array(node), np.asarray([1, 2], dtype=np.float32))


def test_the_array_stays_the_callers() -> None:
    mine = np.zeros(3, dtype=np.float32)
    node = gs.create_node("c", "Const", value=mine)
    mine[0] = 7
    np.testing.assert_array_equal(gs.extract_numpy_array(node), [0, 0, 0])


def test_values_are_found_however_they_are_stored() -> None:
    node = gs.create_node("c", "Const")
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.tensor_shape.dim.add(size=3)
    node.attr["value"].tensor.float_val.append(0.5)
    np.testing.assert_array_equal(gs.extract_numpy_array(node), [0.5, 0.5, 0.5])
    with pytest.raises(KeyError, match="no attribute 'value'"):
        gs.extract_numpy_array(gs.create_node("n"))


def test_duplicates_go_and_the_order_of_inputs_stays() -> None:
    made = graph("b; a; x; y=Y(b,a,x,a); a=Late")
    gs.remove_duplicates(made)
    assert text(made) == "b; a; x; y=Y(b,a,x)"
    made = graph("a; b; x; y=Y(b,a,x,b,a)")
    gs.remove_duplicates(made, ["y", "b"])
    assert text(made) == "a; b; x; y=Y(b,a,x,a)"


def test_nodes_are_made_like_messages() -> None:
    node = gs.NodeDef()
    node.CopyFrom(gs.create_node("a", "Relu", inputs=["x"], k=1))
    assert node == gs.create_node("a", "Relu", inputs=["x"], k=1)
    assert node != gs.create_node("a", "Relu", inputs=["y"], k=1)
    assert gs.NodeDef.FromString(node.SerializeToString()) == node
    assert 'name: "a"' in str(node)
    node.ClearField("input")
    assert node.input == []
    with pytest.raises(TypeError, match="expected a string"):
        node.input.append(3)  # type: ignore[arg-type]


@pytest.mark.tensorflow
def test_values_of_tensorflows_classes_are_taken() -> None:
    import tensorflow as tf

    node = gs.create_node("c", "Const", dtype=tf.float32)
    value = tf.make_tensor_proto([[1.0, 2.0]], dtype=tf.float32)
    node.attr["value"].CopyFrom(tf.compat.v1.AttrValue(tensor=value))
    np.testing.assert_array_equal(gs.extract_numpy_array(node), [1, 2])
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto([5.0]))
    np.testing.assert_array_equal(gs.extract_numpy_array(node), [5])
    with pytest.raises(TypeError, match="AttrValue cannot be copied from TensorProto"):
        node.attr["value"].CopyFrom(value)
    own = tf.compat.v1.NodeDef.FromString(node.SerializeToString())
    assert own.attr["dtype"].type == tf.float32.as_datatype_enum
    made = gs.DynamicGraph()
    made.append(own)
    assert made[0] == node
    with tf.Graph().as_default() as tf_graph:
        tf.constant([1.0], name="k")
    assert [n.name for n in gs.StaticGraph(tf_graph)] == ["k"]
    assert [n.name for n in gs.DynamicGraph(tf_graph.as_graph_def())] == ["k"]
