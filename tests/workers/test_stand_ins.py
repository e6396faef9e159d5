"""The modules that stand in for tensorflow, tensorrt, graphsurgeon and uff, each in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "fixtures" / "graphs" / "demo.pb"
START = "from graphdoctor.workers._stand_ins import put_in_place\nput_in_place()\nimport sys\nimport tensorflow as tf\n"
HIDE = """
import sys
class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden)
"""


def run(code: str, *, hide: tuple[str, ...] = (), cwd: Path = ROOT) -> str:
    """What ``code`` prints, run behind the stand-ins; modules in ``hide`` are as if not installed."""
    text = (HIDE.format(names=hide) if hide else "") + START + code
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", text], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dtypes_files_and_log_cost_nothing(tmp_path: Path) -> None:
    """TensorFlow is not loaded, and need not be installed."""
    code = f"""
import tensorflow.compat.v1 as tf1
from tensorflow.compat import v1
import graphsurgeon as gs, numpy
assert tf1 is v1 is tf.compat.v1
assert (tf.float32.name, tf.float32.as_datatype_enum, tf.int64.size, tf.half.as_numpy_dtype) == (
    "float32", 1, 8, numpy.float16)
assert tf.float32 == tf1.float32 == tf.dtypes.float32 != tf.float64 and tf.double is tf.float64
assert tf.string.as_numpy_dtype is numpy.object_ and tf.bool.as_numpy_dtype is numpy.bool_
assert repr(tf.as_dtype("float32")) == repr(tf.as_dtype(numpy.float32)) == repr(tf.as_dtype(1)) == "tf.float32"
assert tf.as_dtype(tf.string) is tf.string and isinstance(tf.int32, tf.DType) and len({{tf.int8, tf1.int8}}) == 1
for module in (tf, tf1):
    module.logging.set_verbosity(module.logging.ERROR)
    module.logging.info("not shown")
    with module.gfile.GFile({str(DEMO)!r}, "rb") as file:
        graph_def = module.GraphDef()
        graph_def.ParseFromString(file.read())
    assert len(gs.DynamicGraph(graph_def)) == len(graph_def.node) > 200
with tf.io.gfile.GFile({str(tmp_path / "text")!r}, "w") as file:
    file.write("\\u00e9")
node = gs.create_node("x", "Placeholder", dtype=tf.float32, shape=(1, 3))
assert node.attr["dtype"].type == 1 and tf.NodeDef is gs.NodeDef
assert not [m for m in sys.modules if m.startswith("tensorflow.python")]
print("done")
"""
    assert run(code, hide=("tensorflow",)) == "done\n"
    assert (tmp_path / "text").read_bytes() == "é".encode()


def test_tensorflow_that_is_not_installed_is_said() -> None:
    code = """
for ask in (lambda: tf.constant, lambda: tf.compat.v1.Session, lambda: tf.io.read_file, lambda: tf.train.Saver,
            lambda: tf.float32.limits, lambda: tf.__version__, lambda: tf.import_graph_def(tf.GraphDef())):
    try:
        ask()
    except ModuleNotFoundError as e:
        assert e.name == "tensorflow" and "pip install 'graphdoctor[tensorflow]'" in str(e), e
    else:
        raise SystemExit("not refused")
assert tf.float32.name == sys.modules["tensorflow"].float32.name == "float32"
print("done")
"""
    if importlib.util.find_spec("tensorflow") is None:
        assert run(code) == "done\n"
    else:
        code = code.replace("lambda: tf.__version__, ", "")  # its metadata is here, though it cannot be imported
        assert run(code, hide=("tensorflow",)) == "done\n"


@pytest.mark.tensorflow
def test_the_rest_is_tensorflows_own(tmp_path: Path) -> None:
    """A script in the way of TensorFlow 1: placeholders, a session, freezing, import and export."""
    code = f"""
import graphsurgeon as gs
import tensorflow.compat.v1 as tf1
kept = tf.float32
assert tf.__version__[0] in "12" and "tensorflow.python" not in sys.modules
assert tf.gfile.Exists({str(DEMO)!r}) and "tensorflow.python" in sys.modules
x = tf.placeholder(kept, [None, 3], name="x")
y = tf.nn.relu(tf.identity(x), name="y")
with tf.Session() as session:
    assert session.run(y, {{x: [[1, -2, 3]]}}).tolist() == [[1, 0, 3]]
    graph = gs.DynamicGraph(session.graph)
    same = gs.DynamicGraph(session.graph_def)
assert [n.name for n in same] == [n.name for n in graph]
graph.forward_inputs(graph.find_nodes_by_op("Identity"))
assert [n.name for n in graph] == ["x", "y"]
assert len(tf.graph_util.extract_sub_graph(graph.as_graph_def(), ["x"]).node) == 1
for number, module in enumerate((tf, tf1)):
    with tf.Graph().as_default() as made:
        module.import_graph_def(graph_def=graph.as_graph_def(), name="in")
        assert [o.name for o in made.get_operations()] == ["in/x", "in/y"]
    module.train.write_graph(graph.as_graph_def(), {str(tmp_path)!r}, f"{{number}}.pb", as_text=False)
    assert gs.StaticGraph({str(tmp_path)!r} + f"/{{number}}.pb").as_graph_def() == graph.as_graph_def()
assert tf.train.Saver is tf1.train.Saver and kept.is_floating and tf.keras.layers.Dense
from tensorflow.core.framework import graph_pb2, node_def_pb2
node = node_def_pb2.NodeDef(name="z", op="Relu", input=["y"])
node.attr["T"].type = tf.float32.as_datatype_enum
graph.append(node)
node.input[0] = "x"
assert graph["z"].input == ["y"] and graph["z"].attr["T"].type == 1
graph["y"].attr["T"].CopyFrom(tf1.AttrValue(type=2))
assert graph["y"].attr["T"].type == 2
theirs = graph_pb2.GraphDef.FromString(graph.as_graph_def().SerializeToString())
assert len(gs.DynamicGraph(theirs)) == 3
try:
    tf.no_such_name
except AttributeError as e:
    assert "no attribute 'no_such_name', in TensorFlow" in str(e)
print("done")
"""
    assert run(code) == "done\n"


@pytest.mark.tensorflow
def test_a_script_for_tensorflow_2_gets_tensorflow_2() -> None:
    """Nothing in it is of TensorFlow 1 alone; what it asks of compat.v1 by name is given and changes nothing."""
    code = """
assert tf.compat.v1.train.Saver and tf.executing_eagerly() and float(tf.reduce_sum(tf.constant([1.0, 2.0]))) == 3
assert "keepdims" in tf.reduce_sum.__code__.co_varnames or tf.reduce_sum([[1.0]], keepdims=True).shape == (1, 1)
assert tf.random.set_seed and tf.saved_model.load and tf.io.gfile.exists("/")
print(tf.executing_eagerly())
"""
    assert run(code) == "True\n"


def test_graphsurgeon_as_a_star_import_gave_it() -> None:
    code = """
import graphsurgeon
from graphsurgeon import *
import graphsurgeon.extras as more
from graphsurgeon.extras import process_softmax
assert more is extras is graphsurgeon.extras and graphsurgeon.__version__ == "0.4.1"
assert tf is graphsurgeon.tf and np.float32 and DynamicGraph is graphsurgeon.DynamicGraph
assert GraphDef and NodeDef and create_plugin_node and update_node and shape and remove_duplicates
print("done")
"""
    assert run(code) == "done\n"


@pytest.mark.engine
@pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="TensorRT itself is installed")
def test_tensorrt_rtx_stands_in_for_tensorrt() -> None:
    code = """
import tensorrt as trt
logger = trt.Logger(trt.Logger.WARNING)
builder = trt.Builder(logger)
print(type(builder).__name__, trt.__version__.split(".")[0].isdigit())
try:
    trt.UffParser
except AttributeError as e:
    assert "'UffParser'" in str(e) and "TensorRT-RTX" in str(e), e
else:
    raise SystemExit("there is a UffParser")
"""
    assert run(code) == "Builder True\n"


def test_tensorrt_that_is_not_installed_is_said_at_its_first_use() -> None:
    code = """
import tensorrt as trt
try:
    trt.Logger
except ModuleNotFoundError as e:
    assert e.name == "tensorrt" and "pip install 'graphdoctor[engine]'" in str(e), e
    print("done")
"""
    hide = ("tensorrt_rtx_bindings",)
    if importlib.util.find_spec("tensorrt") is not None:
        pytest.skip("TensorRT itself is installed")
    finds = "import importlib.util as u\nreal = u.find_spec\n"
    finds += "u.find_spec = lambda n, *a: None if n == 'tensorrt_rtx_bindings' else real(n, *a)\n"
    assert run(finds + code, hide=hide) == "done\n"
