"""``import uff`` in scripts as people wrote them, run by ``graphdoctor run-script``."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdoctor.wire.uff import UffModel, read_uff, uff_text
from tests.cli.program import call
from tests.cli.test_convert_to_uff import branches
from tests.cli.test_run_script import run

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "pb"
BUILD_ENGINE = """
import sys
import tensorflow as tf
import graphsurgeon as gs
import uff

def preprocess(path):
    graph = gs.DynamicGraph(path)
    graph.remove(graph.find_nodes_by_op("Assert"), remove_exclusive_dependencies=True)
    Input = gs.create_plugin_node(name="Input", op="Placeholder", dtype=tf.float32, shape=[1, 3])
    NMS = gs.create_plugin_node(name="NMS", op="NMS_TRT", shareLocation=1, confSigmoid=1, inputOrder=[1, 0, 2])
    graph.collapse_namespaces({"x": Input, "b": NMS, "c": NMS})
    return graph

graph = preprocess(sys.argv[1])
before = graph.as_graph_def().SerializeToString()
data = uff.from_tensorflow(
    graph.as_graph_def(), output_nodes=["NMS"], output_filename="tmp.uff", text=True, debug_mode=False)
assert data == open("tmp.uff", "rb").read() == uff.from_tensorflow(graph, ["NMS"], quiet=True)
assert graph.as_graph_def().SerializeToString() == before
assert "tensorflow.python" not in sys.modules
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with ``net.pb``."""
    branches().write(str(tmp_path / "net.pb"))
    return tmp_path


def uff(path: Path) -> UffModel:
    return read_uff(path.read_bytes())


def script(folder: Path, text: str, *words: str) -> str:
    """What ``text`` prints behind the usual imports."""
    head = "import sys\nimport graphsurgeon as gs\nimport tensorflow as tf\nimport uff\n"
    code, out, err = run(folder, head + text, *words, cwd=folder)
    assert code == 0, err
    return out


def test_a_detectors_script(folder: Path) -> None:
    code, out, err = run(folder, BUILD_ENGINE, "net.pb", cwd=folder)
    assert (code, out) == (0, ""), err
    assert "Using output node NMS\n" in err
    assert "wrote tmp.uff\n" in err
    nodes = {n.id: n for n in uff(folder / "tmp.uff").nodes()}
    assert (nodes["NMS"].op, nodes["NMS"].inputs, nodes["a"].inputs) == ("_NMS_TRT", ["a"], ["Input"])
    assert nodes["Input"].fields["shape"].value == (1, 3)
    assert nodes["NMS"].fields["inputOrder_u_ilist"].value == (1, 0, 2)
    assert (folder / "tmp.pbtxt").read_text() == uff_text(uff(folder / "tmp.uff"))


def test_a_frozen_file_and_every_keyword(folder: Path) -> None:
    (folder / "config.py").write_text("def preprocess(graph):\n    graph.remove('c')\n")
    text = """
model, inputs, outputs = uff.from_tensorflow_frozen_model(
    "net.pb", output_nodes=[], preprocessor="config.py", input_node=["a,cut,float32,-1,3"], quiet=True, text=False,
    list_nodes=False, output_filename="net.uff", write_preprocessed=True, debug_mode=False, return_graph_info=True)
assert isinstance(model, bytes) and model == open("net.uff", "rb").read()
print([(n.name, n.op) for n in inputs], [n.name for n in outputs], list(outputs[0].input))
print([n.name for n in gs.StaticGraph("net_preprocessed.pb")])
"""
    out = script(folder, text).splitlines()
    assert out == ["[('cut', 'Placeholder')] ['b'] ['cut']", "['x', 'a', 'b', 'checked', 'init']"]
    assert [n.id for n in uff(folder / "net.uff").nodes()] == ["b", "cut", "MarkOutput_0"]


def test_what_a_graph_and_an_output_may_be(folder: Path) -> None:
    text = """
with tf.gfile.GFile("net.pb", "rb") as file:
    graph_def = tf.GraphDef()
    graph_def.ParseFromString(file.read())
names = ["b"]
graphs = (graph_def, graph_def.SerializeToString(), gs.StaticGraph("net.pb"))
made = [uff.from_tensorflow(g, o, quiet=True) for g in graphs for o in (names, "b", 3, [-4], ("b",))]
assert len(set(made)) == 1 and names == ["b"]
try:
    uff.from_tensorflow(7)
except TypeError as e:
    print(e)
print(uff.__version__)
print(uff.from_tensorflow_frozen_model("net.pb", list_nodes=True))
"""
    out = script(folder, text).splitlines()
    assert out[:3] == ["graphdef is a GraphDef, its bytes, or a graph, not int", "0.6.3", '1 Placeholder: "x"']
    assert out[-1] == "None"


def test_a_keyword_nobody_knows_is_passed_over_and_said(folder: Path) -> None:
    text = "import uff\nuff.from_tensorflow_frozen_model('net.pb', ['b'], quiet=True, inputs=['x'])\n"
    code, _, err = run(folder, text, cwd=folder)
    assert code == 0
    assert "'inputs'" in err
    assert "build_engine.py:2: UserWarning" in err


@pytest.mark.parametrize(
    ("call_", "said"),
    [
        ("'net.pb', ['bb']", "uff.model.exceptions.UffException: no node is named 'bb'. Did you mean b?"),
        ("'net.pb', ['b'], output_filename='net.pb'", "is the input itself"),
        ("'net.pb', ['b'], 'none.py'", "none.py: there is no such file"),
        ("'net.pb', ['b'], 'build_engine.py', input_node='x,x'", "has no function preprocess"),
        ("'net.pb', ['b'], input_node='x,x'", "names no node, new name and dtype"),
        ("'none.pb', ['b']", "none.pb"),
    ],
)
def test_errors_are_the_scripts(call_: str, said: str, folder: Path) -> None:
    """Its own line and the message; no file."""
    before = (folder / "net.pb").read_bytes()
    text = f"import uff\nif __name__ == '__main__':\n    uff.from_tensorflow_frozen_model({call_})\n"
    code, out, err = run(folder, text, cwd=folder)
    assert (code, out) == (1, "")
    assert said in err
    assert "graphdoctor/" not in err.partition("Error: ")[0]
    assert not list(folder.glob("*.uff"))
    assert (folder / "net.pb").read_bytes() == before


def test_scripts_catch_the_converters_exception(folder: Path) -> None:
    """By the name and from the module that it had."""
    text = """
import uff.model.exceptions
from uff.model.exceptions import UffException
from uff.converters.tensorflow.conversion_helpers import from_tensorflow_frozen_model
assert from_tensorflow_frozen_model is uff.from_tensorflow_frozen_model
assert uff.model.exceptions.UffException is UffException
graph = gs.DynamicGraph("net.pb")
graph.append(gs.create_node("half", "Where", T=tf.float32, inputs=["x"]))
for outputs in (["bb"], ["half"]):
    try:
        uff.from_tensorflow(graph, outputs)
    except UffException as e:
        print(type(e).__name__, " ".join(str(e).split()))
"""
    missing, unsayable = script(folder, text).splitlines()
    assert missing == "UffException no node is named 'bb'. Did you mean b?"
    assert unsayable.startswith("UffException")
    assert "half (Where)" in unsayable


@pytest.mark.tensorflow
def test_a_graph_of_tensorflows_own(folder: Path) -> None:
    """As in scripts that freeze their session and convert at once."""
    text = """
x = tf.placeholder(tf.float32, [None, 3], name="x")
y = tf.nn.relu(x, name="y")
with tf.Session() as session:
    frozen = tf.graph_util.convert_variables_to_constants(session, session.graph_def, ["y"])
    a = uff.from_tensorflow(tf.graph_util.remove_training_nodes(frozen), ["y"], output_filename="y.uff")
    assert a == uff.from_tensorflow(session.graph, ["y"])
"""
    script(folder, text)
    assert [(n.id, n.op) for n in uff(folder / "y.uff").nodes()] == [
        ("y", "Activation"),
        ("x", "Input"),
        ("MarkOutput_0", "MarkOutput"),
    ]


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real models is not here")
@pytest.mark.parametrize("name", ["lenet_model"])
def test_real_models_are_as_convert_writes_them(name: str, folder: Path) -> None:
    path = CORPUS / f"{name}.pb"
    assert call("convert", path, "--to", "uff", "-o", folder / "a.uff").code == 0
    outputs = [n.inputs[0] for n in uff(folder / "a.uff").nodes() if n.op == "MarkOutput"]
    script(folder, f"uff.from_tensorflow_frozen_model({str(path)!r}, {outputs!r}, output_filename='b.uff')\n")
    assert (folder / "a.uff").read_bytes() == (folder / "b.uff").read_bytes()
