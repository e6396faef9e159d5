"""graphdoctor run-script: a whole program of the user's, as Python would run it, with the modules that it misses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import graphdoctor.graphsurgeon as gs
from graphdoctor.jobs.attached import run_attached
from tests.cli.program import call, helped
from tests.cli.test_fix_script import FLOAT, net

ROOT = Path(__file__).parents[2]
SEPARATE = "import os, sys\nprint(os.getpid(), flush=True)\n"


def start(script: Path, *words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    """``graphdoctor run-script`` in a session of its own; the folder that it is started in is not on its path."""
    program = script.parent / "started" / "graphdoctor.py"
    program.parent.mkdir(exist_ok=True)
    program.write_text("import sys\ndel sys.path[0]\nfrom graphdoctor.cli import main\nmain()\n")
    return subprocess.Popen(
        [sys.executable, str(program), "run-script", str(script), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def run(folder: Path, script: str, *words: str, stdin: str = "", cwd: Path | None = None) -> tuple[int, str, str]:
    """Exit code, output and errors of ``graphdoctor run-script`` with the program ``script``."""
    path = folder / "build_engine.py"
    path.write_text(script)
    process = start(path, *words, cwd=cwd)
    out, err = process.communicate(stdin, timeout=120)
    return process.returncode, out, err


def test_words_streams_and_exit_code_are_the_scripts(tmp_path: Path) -> None:
    script = "import sys\nprint(sys.argv[1:])\nprint(sys.stdin.read(), end='')\n"
    script += "print('talk', file=sys.stderr)\nsys.exit(7)\n"
    words = ["ssd", "--help", "-o", "x y", "--", "-"]
    code, out, err = run(tmp_path, script, *words, stdin="one\ntwo\n")
    assert (code, out, err) == (7, f"{words}\none\ntwo\n", "talk\n")


def test_it_is_main_in_the_users_folder_with_its_own_first_on_the_path(tmp_path: Path) -> None:
    """A folder of the user's that is called as a package of ours is not imported in its place."""
    elsewhere = tmp_path / "elsewhere"
    for name in ("google", "numpy", "graphdoctor"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "mine.py").write_text("NAME = 'mine'\n")
    script = (
        "import os, sys\nimport mine\nimport graphsurgeon, uff, tensorrt\nimport __main__\n\n"
        "class Kept:\n    pass\n\n"
        "if __name__ == '__main__':\n"
        "    import pickle\n    pickle.loads(pickle.dumps(Kept()))\n"
        "    print(mine.NAME, os.getcwd(), sys.path[0], __main__.Kept is Kept, __file__ == sys.argv[0], sys.argv[0])\n"
        "    print([p for p in sys.path if p.endswith('workers')])\n"
    )
    code, out, err = run(tmp_path, script, cwd=elsewhere)
    path = tmp_path / "build_engine.py"
    assert (code, err) == (0, "")
    assert out == f"mine {elsewhere} {tmp_path} True True {path}\n[]\n"


def test_a_graph_in_and_a_graph_out(tmp_path: Path) -> None:
    net().write(str(tmp_path / "net.pb"))
    script = (
        "import sys\nimport graphsurgeon as gs\nimport tensorflow as tf\n\n"
        "graph = gs.DynamicGraph(sys.argv[1])\n"
        "graph.forward_inputs(graph.find_nodes_by_op('Identity'))\n"
        "plugin = gs.create_plugin_node('P', op='Clip_TRT', dtype=tf.float32, low=0.0, high=6.0)\n"
        "graph.collapse_namespaces({'y': plugin})\n"
        "graph.write(sys.argv[2])\n"
        "assert 'tensorflow.python' not in sys.modules\n"
    )
    code, out, err = run(tmp_path, script, "net.pb", "out.pb", cwd=tmp_path)
    assert (code, out, err) == (0, "", "")
    left = gs.StaticGraph(str(tmp_path / "out.pb"))
    assert [(n.name, n.op, list(n.input)) for n in left] == [
        ("x", "Placeholder", []),
        ("b", "Relu", ["x"]),
        ("P", "Clip_TRT", ["b"]),
    ]
    assert sorted(left["P"].attr) == ["dtype", "high_u_float", "low_u_float"]


def test_a_traceback_is_its_own(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, "def broken():\n    return {}['key']\n\nbroken()\n")
    path = tmp_path / "build_engine.py"
    assert code == 1
    assert err.startswith(f'Traceback (most recent call last):\n  File "{path}", line 4, in <module>')
    assert err.endswith("KeyError: 'key'\n")
    assert "graphdoctor/" not in err
    code, _, err = run(tmp_path, "def broken(:\n")
    assert (code, err.count("File "), err.splitlines()[-1]) == (1, 1, "SyntaxError: invalid syntax")


def test_a_crash_is_said(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "import os\nprint('so far', flush=True)\nos.kill(os.getpid(), 11)\n")
    assert (code, out) == (2, "so far\n")
    assert "error: " in err
    assert "crashed with SIGSEGV" in err


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_there_is_no_such_script(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "build_engine.py"
    if kind == "folder":
        path.mkdir()
    assert ("is a folder" if kind == "folder" else "no such file") in helped(call("run-script", path))


def test_what_uff_cannot_say_is_the_scripts_error(tmp_path: Path) -> None:
    """The reasons are those of convert; the traceback has the script's lines alone, and nothing is written."""
    graph = net()
    graph.append(gs.create_node("z", "Erfinv", T=FLOAT, inputs=["y"]))
    graph.write(str(tmp_path / "net.pb"))
    script = "import uff\nuff.from_tensorflow_frozen_model('net.pb', ['z'], output_filename='z.uff')\n"
    code, out, err = run(tmp_path, script, cwd=tmp_path)
    assert (code, out) == (1, "")
    assert "1 node cannot be lowered to UFF:\n  z (Erfinv): " in err
    assert err.count("File ") == 1
    assert not (tmp_path / "z.uff").exists()


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def _gone(pid: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not _alive(pid)


@pytest.mark.parametrize("whom", ["both", "program killed"])
def test_an_end_from_outside_ends_both(whom: str, tmp_path: Path) -> None:
    path = tmp_path / "build_engine.py"
    path.write_text(f"{SEPARATE}import time\ntime.sleep(60)\n")
    process = start(path)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert child != process.pid
    if whom == "both":
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
    else:
        process.kill()
    _, err = process.communicate(timeout=20)
    assert _gone(child)
    if whom == "both":
        assert process.returncode == 2
        assert err.count("interrupted") == 1


def test_a_script_may_end_its_work_at_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / "build_engine.py"
    script = "import os, time\ntry:\n    print(os.getpid(), flush=True)\n    time.sleep(60)\n"
    path.write_text(f"{script}except KeyboardInterrupt:\n    print('tidied up')\n")
    process = start(path)
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert out == "tidied up\n"


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    """A process that runs `run_attached` and is interrupted; its child ignores that."""
    child = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {SEPARATE.splitlines()[0]}; "
    child += "print(os.getpid(), flush=True); import time; time.sleep(60)"
    parent = (
        "import sys\nfrom graphdoctor.jobs.attached import run_attached\n"
        "run_attached([sys.executable, '-c', sys.argv[1]], grace=0.2)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent, child],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)
    process.wait(20)
    process.stdout.close()
    assert _gone(pid, 1)


def test_attached_gives_the_exit_code_or_the_signal() -> None:
    assert run_attached([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    assert run_attached([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == -9


def test_attached_says_what_cannot_be_started(tmp_path: Path) -> None:
    from graphdoctor.errors import WorkerError

    with pytest.raises(WorkerError, match="cannot be started"):
        run_attached([str(tmp_path / "no-such-program")])
