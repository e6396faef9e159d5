"""graphdoctor fix --script: preprocess(dynamic_graph) over a model, and every way in which a script can fail."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import graphdoctor.graphsurgeon as gs
from graphdoctor.errors import MissingExtraError, WorkerError
from graphdoctor.runners import preprocess
from tests.cli.program import Done, call, helped

IDENTITIES = "def preprocess(graph):\n    graph.forward_inputs(graph.find_nodes_by_op('Identity'))\n"
FLOAT = np.dtype("float32")


def net() -> gs.DynamicGraph:
    """x -> Identity -> Relu -> Identity -> y = Relu6."""
    graph = gs.DynamicGraph()
    graph.append(gs.create_node("x", "Placeholder", dtype=FLOAT, shape=[2, 3]))
    for name, op, source in (("a", "Identity", "x"), ("b", "Relu", "a"), ("c", "Identity", "b"), ("y", "Relu6", "c")):
        graph.append(gs.create_node(name, op, T=FLOAT, inputs=[source]))
    return graph


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model in a folder of its own."""
    folder = tmp_path / "models"
    folder.mkdir()
    net().write(str(folder / "net.pb"))
    return folder / "net.pb"


def fix(tmp_path: Path, script: str, *words: str | Path, stdin: bytes = b"") -> Done:
    """``fix --script`` with the script ``script``."""
    path = tmp_path / "config.py"
    path.write_text(script)
    return call("fix", "--script", path, *words, stdin=stdin)


def names(path: Path) -> list[str]:
    return [n.name for n in gs.StaticGraph(str(path))]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_writes_what_the_script_left(model: Path, tmp_path: Path) -> None:
    before = model.read_bytes()
    done = fix(tmp_path, IDENTITIES, model)
    assert (done.code, done.err) == (0, "")
    assert "0 nodes added, 2 removed, 2 changed" in flat(done.out)
    assert names(model.with_name("net.fixed.pb")) == ["x", "b", "y"]
    assert model.read_bytes() == before


def test_what_it_prints_goes_to_stderr(model: Path, tmp_path: Path) -> None:
    done = fix(tmp_path, "def preprocess(graph):\n    print('nodes:', len(graph))\n", model)
    assert done.code == 0
    assert done.err == "nodes: 5\n"
    assert "nodes: 5" not in done.out


def test_its_folder_is_first_on_the_path_and_it_runs_in_the_users(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names_of_mine.py").write_text("OP = 'Identity'\n")
    monkeypatch.chdir(model.parent)
    script = (
        "import os\nimport sys\nimport graphsurgeon as gs\nfrom names_of_mine import OP\n\n"
        "def preprocess(graph):\n"
        "    assert sys.path[0] == os.path.dirname(os.path.abspath(__file__)), sys.path\n"
        "    assert __name__ == 'config' and sys.modules['config'].preprocess is preprocess\n"
        "    assert os.path.exists('net.pb'), os.getcwd()\n"
        "    assert type(graph) is gs.DynamicGraph\n"
        "    graph.remove(graph.find_nodes_by_op(OP))\n"
    )
    done = fix(tmp_path, script, "net.pb", "-o", "out.pb")
    assert done.code == 0, done.err
    assert names(model.with_name("out.pb")) == ["x", "b", "y"]


def test_packs_follow_on_what_it_left(model: Path, tmp_path: Path) -> None:
    script = "def preprocess(graph):\n    graph.forward_inputs(graph['a'])\n"
    done = fix(tmp_path, script, model, "--rules", "clean")
    assert done.code == 0, done.err
    assert "0 nodes added, 1 removed, 1 changed" in flat(done.out)
    assert "1 rewrite applied" in flat(done.out)
    assert names(model.with_name("net.fixed.pb")) == ["x", "b", "y"]


def test_diff_shows_and_writes_nothing(model: Path, tmp_path: Path) -> None:
    done = fix(tmp_path, IDENTITIES, model, "--diff")
    assert done.code == 1
    assert "Identity" in done.out
    assert "config.py" in done.out
    assert sorted(p.name for p in model.parent.iterdir()) == ["net.pb"]
    assert fix(tmp_path, "def preprocess(graph):\n    return 5\n", model, "--diff").code == 0


def test_the_verdict_before_is_that_of_the_model(model: Path, tmp_path: Path) -> None:
    script = (
        "import graphsurgeon as gs\n\ndef preprocess(graph):\n"
        "    graph.append(gs.create_node('z', op='NoSuchOp', inputs=['y']))\n"
    )
    done = fix(tmp_path, script, model, "--target", "trt5", "--diff")
    assert "trt5 unknown (5 of 5 ops) → incompatible (5 of 6)" in flat(done.err), done


@pytest.mark.tensorflow
def test_verify_runs_both(model: Path, tmp_path: Path) -> None:
    done = fix(tmp_path, IDENTITIES, model, "--verify")
    assert done.code == 0, done
    assert model.with_name("net.fixed.pb").exists()
    wrong = "def preprocess(graph):\n    graph['b'].op = 'Neg'\n"
    done = fix(tmp_path, wrong, model, "--verify", "-o", tmp_path / "wrong.pb")
    assert done.code == 1
    assert not (tmp_path / "wrong.pb").exists()


def test_several_models(model: Path, tmp_path: Path) -> None:
    other = model.with_name("other.pb")
    other.write_bytes(model.read_bytes())
    model.with_name("bad.pb").write_bytes(b"\x0a\xff")
    done = fix(tmp_path, IDENTITIES, model, model.with_name("bad.pb"), other)
    assert done.code == 2
    assert "bad.pb" in done.err
    assert sorted(p.name for p in model.parent.glob("*.fixed.pb")) == ["net.fixed.pb", "other.fixed.pb"]


def test_standard_input(model: Path, tmp_path: Path) -> None:
    done = fix(tmp_path, IDENTITIES, "-", "-o", tmp_path / "out.pb", stdin=model.read_bytes())
    assert done.code == 0, done.err
    assert names(tmp_path / "out.pb") == ["x", "b", "y"]


def test_a_saved_model(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    nodes = 'node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }'
    nodes += 'node { name: "a" op: "Identity" input: "x" } node { name: "b" op: "Relu" input: "a" }'
    (folder / "saved_model.pbtxt").write_text(f"meta_graphs {{ graph_def {{ {nodes} }} }}")
    assert fix(tmp_path, IDENTITIES, folder).code == 0
    assert names(tmp_path / "saved.fixed.pb") == ["x", "b"]


def test_in_place(model: Path, tmp_path: Path) -> None:
    assert fix(tmp_path, IDENTITIES, model, "--in-place").code == 0
    assert names(model) == ["x", "b", "y"]


BODY = "def preprocess(graph):\n    "


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("x = 1\n", "has no function preprocess(dynamic_graph)"),
        ("preprocess = 1\n", "has no function preprocess(dynamic_graph)"),
        ("def preprocess():\n    pass\n", "TypeError: preprocess() takes 0 positional"),
        ("def preprocess(graph: return\n", "SyntaxError: invalid syntax (config.py, line 1)"),
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import tensorflow as tf\ntf.no_such_name_at_all\n", "no_such_name_at_all"),
        (f"{BODY}graph.remove('yy')\n", "NoSuchNodeError: the graph has no node 'yy'; did you mean 'y'?"),
        (f"{BODY}raise ValueError\n", "the script raises ValueError"),
        (f"{BODY}raise SystemExit(0)\n", "the script raises SystemExit: 0"),
        (f"{BODY}raise KeyboardInterrupt\n", "the script raises KeyboardInterrupt"),
        (f"import os\n{BODY}os.abort()\n", "crashed with SIGABRT"),
        (f"import os\n{BODY}os._exit(0)\n", "ended without writing a result"),
        (f"{BODY}graph.append(graph['b'])\n", "two nodes are named 'b'"),
        (f"{BODY}graph['b'].name = ''\n", "a node has no name"),
        (f"{BODY}graph['b'].input[:] = ['nowhere']\n", "b reads 'nowhere', which is not in the graph"),
        (f"{BODY}graph['b'].input[:] = ['y']\n", "b lies on a cycle or behind one"),
        (f"{BODY}graph.remove(list(graph))\n", "no node is left"),
    ],
)
@pytest.mark.tensorflow
def test_a_script_that_fails(script: str, message: str, model: Path, tmp_path: Path) -> None:
    """One message that names the script and says what to do, its own traceback under it; nothing is written."""
    done = fix(tmp_path, script, model)
    shown = flat(done.err)
    assert (done.code, done.out, done.err.count("\nerror: "), done.err.count("\nhelp: ")) == (2, "", 0, 1), done
    assert shown.startswith("error: ")
    assert message in shown
    assert "config.py" in shown.partition(message)[0]
    assert [p.name for p in model.parent.iterdir()] == ["net.pb"]


def test_the_traceback_is_the_scripts_own(model: Path, tmp_path: Path) -> None:
    script = (
        "def inner():\n    raise ValueError('first')\n\n"
        "def preprocess(graph):\n    try:\n        inner()\n    except ValueError as e:\n"
        "        raise RuntimeError('second') from e\n"
    )
    done = fix(tmp_path, script, model)
    assert done.code == 2
    assert "line 2, in inner" in done.err
    assert "line 8, in preprocess" in done.err
    assert "graphdoctor/workers" not in done.err
    assert "runpy" not in done.err
    syntax = fix(tmp_path, "def (:\n", model)
    assert syntax.err.count("File ") == 1, syntax.err


def test_the_last_line_is_the_scripts_own(model: Path, tmp_path: Path) -> None:
    """An error deep in graphsurgeon is said where the script called it."""
    script = f"import graphsurgeon as gs\n\ndef make():\n    gs.create_node('a', op=3)\n\n{BODY}make()\n"
    done = fix(tmp_path, script, model)
    assert "expected a string" in done.err
    assert done.err.count("File ") == 2, done.err
    assert "line 4, in make" in done.err
    assert "graphdoctor/graphsurgeon" not in done.err


def test_the_frames_between_two_of_the_scripts_go_too(model: Path, tmp_path: Path) -> None:
    """What the library calls back stays in the traceback, the library does not."""
    script = (
        f"{BODY}class Bad(str):\n        def __hash__(self):\n            return 1 // 0\n    graph.remove(Bad('x'))\n"
    )
    done = fix(tmp_path, script, model)
    assert "ZeroDivisionError" in done.err
    assert "in __hash__" in done.err
    assert "in preprocess" in done.err
    assert "graphdoctor/graphsurgeon" not in done.err


@pytest.mark.parametrize("name", ["script.py", "preprocess.py", "_run.py"])
def test_a_script_named_as_a_worker(name: str, model: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(f"{BODY}graph.no_such\n")
    done = call("fix", "--script", path, model)
    assert done.code == 2
    assert "graphdoctor/workers" not in done.err
    assert done.err.count("File ") == 1, done.err


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_there_is_no_such_script(kind: str, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    if kind == "folder":
        path.mkdir()
    message = helped(call("fix", "--script", path, model))
    assert ("is a folder" if kind == "folder" else "there is no such file") in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_script_that_may_not_be_read(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.touch(0)
    assert "permission denied" in helped(call("fix", "--script", path, model))


def test_neither_rules_nor_script(model: Path) -> None:
    assert "--script" in helped(call("fix", model))


def test_a_script_that_hangs(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.write_text(f"import time\n{BODY}time.sleep(60)\n")
    with pytest.raises(WorkerError, match="did not finish in 1 s"):
        preprocess(net().as_graph_def().SerializeToString(), str(path), timeout=1)
    net().write(str(tmp_path / "net.pb"))
    said = helped(call("fix", "--script", path, "--timeout", "1", tmp_path / "net.pb"))
    assert "did not finish in 1 s" in said
    assert "--timeout" in said
    assert not (tmp_path / "net.fixed.pb").exists()


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_time_limit_that_is_none(seconds: str, model: Path, tmp_path: Path) -> None:
    assert "--timeout" in helped(fix(tmp_path, IDENTITIES, model, "--timeout", seconds))


def test_tensorflow_is_asked_for_and_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without TensorFlow is what an installation without it looks like: an import hook takes it away."""
    hook = "import sys\n\nclass Gone:\n    @staticmethod\n    def find_spec(name, path=None, target=None):\n"
    hook += "        if name == 'tensorflow':\n            raise ModuleNotFoundError(name, name=name)\n\n"
    (tmp_path / "sitecustomize.py").write_text(f"{hook}sys.meta_path.insert(0, Gone)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "config.py"
    path.write_text(f"import tensorflow as tf\n{BODY}tf.float32\n")
    graph = net().as_graph_def().SerializeToString()
    assert preprocess(graph, str(path))[0] == graph
    path.write_text(f"import tensorflow as tf\n{BODY}tf.constant(1)\n")
    with pytest.raises(MissingExtraError, match="tensorflow, which is not installed"):
        preprocess(graph, str(path))
