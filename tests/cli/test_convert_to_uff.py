"""convert-to-uff: the old command, in both its spellings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdoctor.graphsurgeon as gs
from graphdoctor.cli.convert_to_uff import main
from graphdoctor.wire.uff import UffModel, read_uff, uff_text
from tests.cli.program import Done, call, helped

MLP = Path(__file__).parents[2] / "fixtures" / "graphs" / "mlp.pb"
FLOAT = np.dtype("float32")


def convert(*words: str | Path, stdin: bytes = b"") -> Done:
    return call(*words, stdin=stdin, program=main)


def branches() -> gs.DynamicGraph:
    """x -> Relu a -> Sigmoid b, Tanh c; an Assert and a NoOp, which give no value."""
    graph = gs.DynamicGraph()
    graph.append(gs.create_node("x", "Placeholder", dtype=FLOAT, shape=[-1, 3]))
    for name, op, source in (("a", "Relu", "x"), ("b", "Sigmoid", "a"), ("c", "Tanh", "a")):
        graph.append(gs.create_node(name, op, T=FLOAT, inputs=[source]))
    graph.append(gs.create_node("checked", "Assert", inputs=["a", "a"]))
    graph.append(gs.create_node("init", "NoOp", inputs=["^a"]))
    return graph


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``net.pb`` in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    branches().write("net.pb")
    return tmp_path / "net.pb"


def lines(path: Path) -> dict[str, tuple[str, list[str]]]:
    return {n.id: (n.op, n.inputs) for n in uff(path).nodes()}


def uff(path: Path) -> UffModel:
    return read_uff(path.read_bytes())


def test_it_writes_what_convert_writes(tmp_path: Path) -> None:
    assert call("convert", MLP, "--to", "uff", "-o", tmp_path / "a.uff").code == 0
    done = convert(MLP, "-o", tmp_path / "b.uff")
    assert (done.code, done.out) == (0, "")
    assert f"wrote {tmp_path / 'b.uff'} (" in done.err
    assert (tmp_path / "a.uff").read_bytes() == (tmp_path / "b.uff").read_bytes()


def test_outputs_are_found_and_the_file_lies_beside_the_model(model: Path) -> None:
    """Every node that reads something and that nobody reads; an Assert and a NoOp are none."""
    done = convert("net.pb")
    assert (done.code, done.out) == (0, "")
    assert "outputs: b, c\n" in done.err
    nodes = lines(model.with_suffix(".uff"))
    assert [v for k, v in nodes.items() if k.startswith("MarkOutput")] == [
        ("MarkOutput", ["b"]),
        ("MarkOutput", ["c"]),
    ]
    assert "checked" not in nodes


@pytest.mark.parametrize(("words", "ends"), [("b", "b"), ("b:0", "b"), ("3", "b"), ("-3", "c"), ("c b", "c b")])
def test_outputs_by_name_and_number(words: str, ends: str, model: Path) -> None:
    done = convert("net.pb", "-q", *(w for o in words.split() for w in ("-O", o)))
    assert (done.code, done.out, done.err) == (0, "", "")
    nodes = lines(model.with_suffix(".uff"))
    assert [v[1][0] for v in nodes.values() if v[0] == "MarkOutput"] == ends.split()


@pytest.mark.parametrize(
    "words",
    [
        ["net.pb", "-O=b", "-o=out.uff", "-t"],
        ["net.pb", "-Ob", "-oout.uff", "--text"],
        ["-tqO", "b", "net.pb", "-o", "out.uff"],
        ["-qtO=b", "net.pb", "--output=out.uff"],
        ["net.pb", "--output-node=b", "--output", "out.uff", "--tex"],
        ["--output-n", "b", "-to", "out.uff", "--", "net.pb"],
        ["--input_f=net.pb", "--output-n=b", "--output=out.uff", "-t"],
    ],
    ids=lambda words: " ".join(words),
)
def test_options_as_argparse_took_them(words: list[str], model: Path) -> None:
    done = convert(*words)
    assert done.code == 0, done
    assert (lines(model.with_name("out.uff"))["b"][0], done.out) == ("Activation", "")
    assert sorted(p.name for p in model.parent.iterdir()) == ["net.pb", "out.pbtxt", "out.uff"]


def test_an_output_may_begin_like_an_option(model: Path) -> None:
    """A value is no option, whatever it looks like: -1 is the last node."""
    assert convert("net.pb", "-O", "-3", "-o", "-t=.uff").code == 0
    assert lines(model.with_name("-t=.uff"))["MarkOutput_0"][1] == ["c"]


def test_a_beginning_that_two_options_have_is_none(model: Path) -> None:
    assert "no such option '--outp'" in helped(convert("net.pb", "--outp", "x"))


def test_a_uff_file_is_said_to_be_one(model: Path) -> None:
    """And not that the output is the input, which its name alone would give."""
    assert convert("net.pb").code == 0
    said = helped(convert("net.uff"))
    assert "a UFF model for TensorRT's UFF parser" in said
    model.rename(model.with_name("graph.uff"))
    assert "graph.uff: is the input itself" in helped(convert("graph.uff"))


def test_nodes_are_listed_with_their_numbers(model: Path) -> None:
    done = convert("net.pb", "-l")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:3] == ['1 Placeholder: "x"', '2 Relu: "a"', '3 Sigmoid: "b"']
    assert [p.name for p in model.parent.iterdir()] == ["net.pb"]


def test_the_older_spelling(model: Path) -> None:
    done = convert("tensorflow", "-o", "old.uff", "--input-file", "net.pb", "-O", "b")
    assert done.code == 0
    assert convert("tensorflow", "net.pb", "-o", "also.uff", "-O", "b").code == 0
    assert convert("net.pb", "-o", "new.uff", "-O", "b").code == 0
    old, also, new = (model.with_name(f"{n}.uff").read_bytes() for n in ("old", "also", "new"))
    assert old == also == new
    model.rename("tensorflow")
    assert convert("tensorflow", "-l").out.startswith('1 Placeholder: "x"\n')


def test_an_input_takes_the_place_of_a_node(model: Path) -> None:
    """Readers follow the new name; what fed the node is not written and is no output."""
    assert convert("net.pb", "-q", "-I", "a,cut,float32,-1,3").code == 0
    nodes = lines(model.with_suffix(".uff"))
    assert set(nodes) == {"cut", "b", "c", "MarkOutput_0", "MarkOutput_1"}
    assert nodes["cut"] == ("Input", [])
    assert nodes["b"][1] == ["cut"]
    kept = convert("net.pb", "-q", "-I", "a,,float32,2,3")
    assert kept.code == 0
    by_id = uff(model.with_suffix(".uff")).graphs[0].by_id()
    assert by_id["a"].fields["shape"].value == (2, 3)


def test_text_and_preprocessed_graph_lie_beside_the_output(model: Path) -> None:
    assert convert("net.pb", "-t", "-d", "--write_preprocessed", "-o", "x.uff").err.startswith("c = Activation(a)")
    assert Path("x.pbtxt").read_text() == uff_text(uff(Path("x.uff")))
    assert [n.name for n in gs.StaticGraph("x_preprocessed.pb")] == [n.name for n in branches()]
    assert list(Path("x_preprocessed").iterdir())


def test_a_script_changes_the_graph_first(model: Path) -> None:
    """Its namespaces become a plugin, as in the scripts for detectors; the model stays."""
    before = model.read_bytes()
    Path("config.py").write_text(
        "import graphsurgeon as gs\nimport tensorflow as tf\n\n"
        "NMS = gs.create_plugin_node(name='NMS', op='NMS_TRT', shareLocation=1, nmsThreshold=0.6)\n"
        "mine = gs.create_node('mine', op='MyOwnOp', dtype=tf.float32)\n\n"
        "def preprocess(dynamic_graph):\n    print('at work')\n"
        "    dynamic_graph.remove(dynamic_graph.find_nodes_by_op(['Assert', 'NoOp']))\n"
        "    dynamic_graph.collapse_namespaces({'b': NMS, 'c': mine})\n"
    )
    done = convert("net.pb", "-p", "config.py")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("at work\n")
    assert "for plugins: MyOwnOp, NMS_TRT" in done.err
    nodes = lines(model.with_suffix(".uff"))
    assert (nodes["NMS"], nodes["mine"]) == (("_NMS_TRT", ["a"]), ("_MyOwnOp", ["a"]))
    assert model.read_bytes() == before


def test_standard_input(model: Path) -> None:
    assert convert("-", stdin=model.read_bytes()).code == 0
    assert Path("model.uff").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["net.pb", "-O", "bb"], "Did you mean b?"),
        (["net.pb", "-O", "7"], "no node number 7"),
        (["net.pb", "-O", "0"], "no node number 0"),
        (["net.pb", "-O", "b:1"], "output 1 is asked for"),
        (["net.pb", "-O", "init"], "init (NoOp)"),
        (["net.pb", "-I", "a,cut"], "names no node, new name and dtype"),
        (["net.pb", "-I", "a,cut,flaot32"], "'flaot32' is no dtype"),
        (["net.pb", "-I", "a,cut,float32,3x"], "'3x' is no dimension"),
        (["net.pb", "-I", "aa,,float32"], "no node is named 'aa'"),
        (["net.pb", "-I", "a,b,float32"], "exists already"),
        (["net.pb", "-o", "net.pb"], "is the input itself"),
        (["net.pb", "--txt"], "or --text?"),
        (["net.pb", "other.pb"], "one model is converted at a time"),
        (["-q"], "missing argument 'INPUT_FILE'"),
        (["non.pb"], "Did you mean net.pb?"),
        (["net.pb", "-p", "none.py"], "there is no such file"),
        (["net.pb", "-t", "-o", "x.pbtxt"], "at once"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_command_lines(words: list[str], said: str, model: Path) -> None:
    """Exit code 2, one message with a remedy, and nothing is written."""
    before = model.read_bytes()
    assert said in helped(convert(*words))
    assert [p.name for p in model.parent.iterdir()] == ["net.pb"]
    assert model.read_bytes() == before


def test_the_text_is_not_written_over_a_model_in_text(model: Path) -> None:
    branches().write("text.pbtxt")
    before = Path("text.pbtxt").read_bytes()
    assert "is the input itself" in helped(convert("text.pbtxt", "-t"))
    assert Path("text.pbtxt").read_bytes() == before
    assert not Path("text.uff").exists()


def test_a_script_that_fails(model: Path) -> None:
    Path("config.py").write_text("def preprocess(graph):\n    raise KeyError('mine')\n")
    done = convert("net.pb", "-p", "config.py")
    assert (done.code, done.out) == (2, "")
    assert "the script raises KeyError: mine" in done.err
    assert not model.with_suffix(".uff").exists()


def test_an_input_that_contradicts_its_readers_is_refused(tmp_path: Path) -> None:
    """What it is multiplied with has 64 rows."""
    said = helped(convert(MLP, "-o", tmp_path / "x.uff", "-I", "input,in,float32,1,32"))
    assert "fc1/MatMul (MatMul): its inputs contradict it" in said
    assert convert(MLP, "-q", "-o", tmp_path / "x.uff", "-I", "input,in,float32,1,64").code == 0
