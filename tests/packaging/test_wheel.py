"""The wheel, built from the source distribution and installed with the core dependencies alone."""

from __future__ import annotations

import json
import re
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.packaging.programs import DEMO, ROOT, Done, must, run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]
EXTRAS = ("onnx", "onnxruntime", "tensorflow", "tensorrt", "tensorrt_rtx_bindings")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel made from the source distribution: what is missing in one is missing in the other."""
    folder = tmp_path_factory.mktemp("dist")
    must([sys.executable, "-m", "build", "--outdir", folder, ROOT], folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``graphdoctor`` in an empty environment that has the core dependencies alone."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=True)
    must([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", wheel], folder)
    return folder / "bin" / "graphdoctor"


def _run(program: Path, cwd: Path, *words: str | Path) -> Done:
    """Run the installed program, with no way to find this checkout."""
    done = run([program, *words], cwd, {"PYTHONPATH": ""})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_wheel_holds_the_data(wheel: Path) -> None:
    """Every file of ``rules/``, the examples of the rule pages, the marker for type checkers, the licence."""
    names = set(zipfile.ZipFile(wheel).namelist())
    rules = {f"graphdoctor/{p.relative_to(ROOT).as_posix()}" for p in (ROOT / "rules").rglob("*") if p.is_file()}
    examples = (ROOT / "fixtures" / "rules").rglob("*.gdt")
    assert rules <= names
    assert {f"graphdoctor/{p.relative_to(ROOT).as_posix()}" for p in examples} <= names
    assert "graphdoctor/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [n for n in names if n.startswith(("tests", "tools", "docs", "bench")) or "__pycache__" in n]


def test_extras_are_absent(program: Path, tmp_path: Path) -> None:
    """The tests below say something: none of the extras' packages is there."""
    code = f"import importlib.util as u; print([n for n in {EXTRAS!r} if u.find_spec(n)])"
    assert must([program.parent / "python", "-c", code], tmp_path, {"PYTHONPATH": ""}).stdout == "[]\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["rules"], ["targets"], ["packs"]], ids=lambda w: w[0])
def test_lists(program: Path, tmp_path: Path, words: list[str]) -> None:
    """What needs no model."""
    done = _run(program, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_lists_are_those_of_the_checkout(program: Path, tmp_path: Path) -> None:
    """The data is found where it was installed."""
    for command, folder in (("rules", "checks"), ("targets", "targets"), ("packs", "rewrites")):
        listed = json.loads(_run(program, tmp_path, command, "--format", "json").stdout)
        key = "code" if command == "rules" else "name"
        assert {row[key] for row in listed} == {p.stem for p in (ROOT / "rules" / folder).glob("*.toml")}


def test_explain_shows_the_example(program: Path, tmp_path: Path) -> None:
    """The fixtures travel with the rules."""
    listed = json.loads(_run(program, tmp_path, "rules", "--format", "json").stdout)
    code = next(row["code"] for row in listed if (ROOT / "fixtures" / "rules" / row["code"] / "bad.gdt").is_file())
    done = _run(program, tmp_path, "explain", code)
    assert done.returncode == 0
    assert "\nExample\n" in done.stdout


def test_check_finds_the_faults(program: Path, tmp_path: Path) -> None:
    """From another folder, with the core alone."""
    done = _run(program, tmp_path, "check", DEMO, "--target", "trt3", "--format", "json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["models"][0]["findings"]


def test_fix_repairs(program: Path, tmp_path: Path) -> None:
    """The fixed graph is written, smaller than the broken one, and nothing is left to fix."""
    packs = "tf112,clean,fold"
    done = _run(program, tmp_path, "fix", DEMO, "--rules", packs, "-o", "fixed.pb")
    assert done.returncode == 0, done.stderr
    assert 0 < (tmp_path / "fixed.pb").stat().st_size < DEMO.stat().st_size
    assert _run(program, tmp_path, "fix", "fixed.pb", "--rules", packs, "--diff").returncode == 0


def test_scripts_of_graphsurgeon_run(program: Path, tmp_path: Path) -> None:
    """``fix --script``, ``run-script`` and the module itself need none of the extras."""
    (tmp_path / "config.py").write_text(
        "import graphsurgeon as gs\nimport tensorflow as tf\n\ndef preprocess(graph):\n"
        "    graph.append(gs.create_plugin_node('P', dtype=tf.float32, inputs=graph.graph_outputs[:1]))\n"
    )
    done = _run(program, tmp_path, "fix", DEMO, "--script", "config.py", "-o", "fixed.pb")
    assert done.returncode == 0, done.stderr
    code = "import sys, graphdoctor.graphsurgeon as gs; print(gs.DynamicGraph(sys.argv[-1])['P'].op)"
    python = program.parent / "python"
    assert must([python, "-c", code, "fixed.pb"], tmp_path, {"PYTHONPATH": ""}).stdout == "P\n"
    (tmp_path / "run.py").write_text(code.replace("graphdoctor.graphsurgeon", "graphsurgeon"))
    assert _run(program, tmp_path, "run-script", "run.py", "fixed.pb").stdout == "P\n"
    listed = _run(program.with_name("convert-to-uff"), tmp_path, "fixed.pb", "-l")
    assert (listed.returncode, listed.stdout.splitlines()[-1].endswith(' P: "P"')) == (0, True)


@pytest.mark.parametrize(
    ("words", "extra", "made"),
    [
        (["convert", DEMO, "--to", "onnx", "-o", "demo.onnx"], "onnx", "demo.onnx"),
        (["build", DEMO, "-o", "demo.plan"], "engine", "demo.plan"),
        (["verify", DEMO, DEMO], "tensorflow", ""),
    ],
    ids=["convert", "build", "verify"],
)
def test_missing_extra(program: Path, tmp_path: Path, words: list[str | Path], extra: str, made: str) -> None:
    """One error that names what to install, exit code 2, and no half-written file."""
    done = _run(program, tmp_path, *words)
    assert done.returncode == 2
    assert re.search(rf"graphdoctor\[[\w,]*\b{extra}\b[\w,]*\]", done.stderr), done.stderr
    assert done.stdout == ""
    assert not made or not (tmp_path / made).exists()
