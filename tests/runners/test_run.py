from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.errors import InputError, WorkerError
from graphdoctor.runners import run_onnx, run_tensorflow

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


@pytest.fixture(scope="module")
def onnx_model():
    """y = relu(x @ w), z = x > 0."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kinds = onnx.helper, onnx.TensorProto
    weights = onnx.numpy_helper.from_array(np.eye(4, 2, dtype=np.float32), "w")
    zero = onnx.numpy_helper.from_array(np.zeros((), np.float32), "zero")
    nodes = [
        helper.make_node("MatMul", ["scope/x:0", "w"], ["m"]),
        helper.make_node("Relu", ["m"], ["y:0"]),
        helper.make_node("Greater", ["scope/x:0", "zero"], ["z"]),
    ]
    inputs = [helper.make_tensor_value_info("scope/x:0", kinds.FLOAT, ["N", 4])]
    outputs = [
        helper.make_tensor_value_info("y:0", kinds.FLOAT, ["N", 2]),
        helper.make_tensor_value_info("z", kinds.BOOL, ["N", 4]),
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [weights, zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


@pytest.mark.parametrize("level", ["none", "basic", "extended", "all"])
def test_onnx_on_two_input_sets(onnx_model, level):
    first, second = run_onnx(onnx_model, [{"scope/x:0": X}, {"scope/x:0": -X[:1]}], optimisation=level)
    assert list(first) == ["y:0", "z"]
    np.testing.assert_array_equal(first["y:0"], np.maximum(X[:, :2], 0))
    np.testing.assert_array_equal(first["z"], X > 0)
    np.testing.assert_array_equal(second["y:0"], np.maximum(-X[:1, :2], 0))


@pytest.mark.parametrize("level", ["none", "basic", "extended", "all"])
def test_zeros_in_front_of_a_maximum_stay_zeros(level):
    """ONNX Runtime's Pad_Fusion makes minus infinity of them, and windows that reach outside then give -1."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    pads = onnx.numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["padded"]),
        helper.make_node("MaxPool", ["padded"], ["y"], kernel_shape=[2, 2]),
    ]
    x, y = (helper.make_tensor_value_info(n, kinds.FLOAT, [1, 1, d, d]) for n, d in (("x", 3), ("y", 4)))
    graph = helper.make_graph(nodes, "g", [x], [y], [pads])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (found,) = run_onnx(model.SerializeToString(), [{"x": np.full((1, 1, 3, 3), -1, np.float32)}], optimisation=level)
    inside = np.zeros((4, 4), bool)
    inside[1:3, 1:3] = True
    np.testing.assert_array_equal(found["y"][0, 0], np.where(inside, -1, 0))


def test_onnx_from_a_file_with_chosen_outputs(onnx_model, tmp_path):
    path = tmp_path / "net ü.onnx"
    path.write_bytes(onnx_model)
    (only,) = run_onnx(path, [{"scope/x:0": X}], ["z"])
    assert list(only) == ["z"]


@pytest.mark.parametrize(
    "feeds, fetches, said",
    [
        ({"x": X}, [], "has no input 'x'; it has scope/x:0"),
        ({}, [], "no values were given for the input 'scope/x:0'"),
        ({"scope/x:0": X}, ["q"], "has no output 'q'; it has y:0, z"),
        ({"scope/x:0": X.astype(np.float64)}, [], "double"),
        ({"scope/x:0": X[:, :3]}, [], "Got: 3 Expected: 4"),
    ],
)
def test_onnx_failures_keep_the_runtimes_own_message(onnx_model, feeds, fetches, said):
    with pytest.raises(WorkerError, match="ONNX Runtime") as caught:
        run_onnx(onnx_model, [feeds], fetches, name="net.onnx")
    assert caught.value.where == "net.onnx"
    assert said in caught.value.message


def test_a_file_that_is_no_onnx_model():
    pytest.importorskip("onnxruntime")
    with pytest.raises(WorkerError, match=r"the ONNX model: .*ONNX Runtime failed: .*[Pp]rotobuf"):
        run_onnx(b"no model", [{}])


def test_missing_files_are_input_errors(tmp_path):
    for run in (run_onnx, lambda path, sets: run_tensorflow(path, sets, ["y"])):
        with pytest.raises(InputError, match="no such file"):
            run(tmp_path / "none", [{}])


def frozen(build):
    """The GraphDef that ``build(tf.compat.v1)`` makes."""
    tf = pytest.importorskip("tensorflow")
    graph = tf.Graph()
    with graph.as_default():
        build(tf.compat.v1)
    return graph.as_graph_def().SerializeToString()


def dense(tf):
    x = tf.placeholder(tf.float32, [None, 4], name="scope/x")
    tf.identity(tf.nn.relu(tf.matmul(x, np.eye(4, 2, dtype=np.float32))), name="y")
    tf.identity_n([x + 1, x + 2], name="two")
    tf.cast(x, tf.bfloat16, name="half")
    tf.as_string(x, name="words")
    tf.reshape(x, [2, 4], name="wrong")


@pytest.fixture(scope="module")
def dense_graph():
    return frozen(dense)


@pytest.mark.tensorflow
def test_tensorflow_on_two_input_sets(dense_graph, tmp_path):
    path = tmp_path / "net.pb"
    path.write_bytes(dense_graph)
    sets = [{"scope/x": X}, {"scope/x:0": -X[:1]}]
    first, second = run_tensorflow(path, sets, ["y", "two:1", "half:0"])
    assert list(first) == ["y", "two:1", "half:0"]
    np.testing.assert_array_equal(first["y"], np.maximum(X[:, :2], 0))
    np.testing.assert_array_equal(first["two:1"], X + 2)
    assert first["half:0"].dtype == np.float32
    np.testing.assert_allclose(first["half:0"], X, rtol=1e-2)
    np.testing.assert_array_equal(second["y"], np.maximum(-X[:1, :2], 0))


@pytest.mark.tensorflow
def test_tensorflow_failures_keep_its_own_message(dense_graph):
    cases = [
        (dense_graph, {"scope/x": X}, "nothing:0", "the graph has no tensor 'nothing:0'"),
        (dense_graph, {"other": X}, "y", "the graph has no tensor 'other'"),
        (dense_graph, {}, "y", "scope/x"),
        (dense_graph, {"scope/x": X[:, :3]}, "y", "Cannot feed value of shape (3, 3)"),
        (dense_graph, {"scope/x": X}, "wrong", "the graph: Node: 'wrong': Input to reshape is a tensor with 12 values"),
        (dense_graph, {"scope/x": X}, "words", "which cannot be compared"),
        (b"no graph", {}, "y", "cannot read it as a binary GraphDef"),
        (dense_graph.replace(b"MatMul", b"MutMal"), {}, "y", "MutMal"),
    ]
    for graph, feeds, fetch, said in cases:
        with pytest.raises(WorkerError, match="TensorFlow") as caught:
            run_tensorflow(graph, [feeds], [fetch], name="net.pb")
        assert caught.value.where == "net.pb"
        assert said in caught.value.message


def loops(tf):
    """TensorFlow 1 control flow (Enter, Merge, Switch, Exit), which is more than a list of nodes."""
    tf.disable_control_flow_v2()
    x = tf.placeholder(tf.float32, [2], name="x")
    _, y = tf.while_loop(lambda i, _: i < 5, lambda i, v: (i + 1, v * 2), [tf.constant(0), x])
    tf.identity(tf.cond(tf.reduce_sum(y) > 0, lambda: y, lambda: -y), name="y")


@pytest.mark.tensorflow
def test_tensorflow_runs_control_flow_of_release_1():
    x = np.array([-3, 1], np.float32)
    (values,) = run_tensorflow(frozen(loops), [{"x": x}], ["y"])
    np.testing.assert_array_equal(values["y"], -32 * x)


@pytest.mark.tensorflow
def test_tensorflow_runs_functions():
    tf = pytest.importorskip("tensorflow")

    @tf.function
    def net(x):
        return tf.while_loop(lambda v: tf.reduce_sum(v) < 10, lambda v: (tf.map_fn(tf.square, v) + v,), [x])[0]

    concrete = net.get_concrete_function(tf.TensorSpec([2], tf.float32, name="x"))
    graph = concrete.graph.as_graph_def()
    (values,) = run_tensorflow(graph.SerializeToString(), [{"x": np.ones(2, np.float32)}], [concrete.outputs[0].name])
    np.testing.assert_array_equal(*values.values(), [6, 6])
