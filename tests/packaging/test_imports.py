"""What starting the program imports, and that nothing but verify needs TensorFlow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.packaging.programs import DEMO, ROOT, Done, checkout, must, run

HEAVY = "tensorflow onnx onnxruntime tensorrt tensorrt_rtx tensorrt_rtx_bindings onnxruntime_ep_nv_tensorrt_rtx rich"
LOAD_ALL = """
from graphdoctor.cli import COMMANDS, cli
for name in COMMANDS:
    assert cli.get_command(None, name) is not None
"""
RUN = """
import graphdoctor.cli
sys.argv[0] = "graphdoctor"
try:
    graphdoctor.cli.command_line()
except SystemExit as e:
    code = e.code
"""
REPORT = f"""
print("imported:", *sorted(set(sys.modules) & set({HEAVY.split()!r})), file=sys.stderr)
sys.exit(code)
"""
BLOCKER = """
import sys


class _NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError("blocked: " + name, name=name)


sys.meta_path.insert(0, _NoTensorFlow())
"""


def _imported(done: Done) -> list[str]:
    line = next(line for line in done.stderr.splitlines() if line.startswith("imported:"))
    return line.split()[1:]


def test_loading_every_command_imports_nothing_heavy(tmp_path: Path) -> None:
    """Neither the libraries of the extras nor rich."""
    code = f"import sys; code = 0\n{LOAD_ALL}\n{REPORT}"
    assert _imported(must([sys.executable, "-c", code], tmp_path, {"PYTHONPATH": str(ROOT)})) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["rules"],
        ["targets"],
        ["packs"],
        ["inspect", str(DEMO)],
        ["check", str(DEMO), "--fail-on", "never"],
        ["fix", str(DEMO), "--rules", "tf112,clean,fold", "-o", "fixed.pb"],
    ],
    ids=lambda words: words[0],
)
def test_core_command_imports_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    """Also while it works, when nobody watches in colour."""
    env = {"PYTHONPATH": str(ROOT), "FORCE_COLOR": ""}
    done = must([sys.executable, "-c", f"import sys; code = 0\n{RUN}\n{REPORT}", *words], tmp_path, env)
    assert _imported(done) == []


def test_colour_needs_rich(tmp_path: Path) -> None:
    """The check above can fail: with colour, rich is imported."""
    env = {"PYTHONPATH": str(ROOT), "FORCE_COLOR": "1", "NO_COLOR": ""}
    done = must([sys.executable, "-c", f"import sys; code = 0\n{RUN}\n{REPORT}", "targets"], tmp_path, env)
    assert _imported(done) == ["rich"]


@pytest.fixture
def blocked(tmp_path: Path) -> dict[str, str]:
    """An environment in which no process, worker processes included, can import TensorFlow."""
    folder = tmp_path / "blocker"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BLOCKER)
    done = run([sys.executable, "-c", "import tensorflow"], tmp_path, {"PYTHONPATH": str(folder)})
    assert "blocked: tensorflow" in done.stderr
    return {"PYTHONPATH": str(folder)}


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.xdist_group("engine")
@pytest.mark.parametrize(
    ("words", "code", "made"),
    [
        (["check", DEMO, "--target", "trt3"], 1, ""),
        (["check", DEMO, "--target", "rtx1.7", "--format", "json"], None, ""),
        (["fix", DEMO, "--rules", "tf112,clean,fold", "-o", "fixed.pb"], 0, "fixed.pb"),
        (["convert", DEMO, "--to", "onnx", "-o", "demo.onnx"], 0, "demo.onnx"),
        (["build", DEMO, "-o", "demo.plan", "--compute-capability", "8.6"], 0, "demo.plan"),
    ],
    ids=["check", "check-live", "fix", "convert", "build"],
)
def test_works_without_tensorflow(
    words: list[str | Path], code: int | None, made: str, tmp_path: Path, blocked: dict[str, str]
) -> None:
    """The same exit code and result as with TensorFlow installed."""
    results = []
    for name, env in (("with", {}), ("without", blocked)):
        (tmp_path / name).mkdir()
        done = checkout(words, tmp_path / name, env)
        assert "Traceback" not in done.stderr
        results.append((done.returncode, (tmp_path / name / made).is_file() if made else done.stdout))
    assert results[0] == results[1]
    assert code is None or results[0][0] == code


def test_verify_says_which_extra_it_needs(tmp_path: Path, blocked: dict[str, str]) -> None:
    """The one command that compares with TensorFlow ends with one line that names the extra."""
    done = checkout(["verify", DEMO, DEMO], tmp_path, blocked)
    assert done.returncode == 2
    assert "graphdoctor[tensorflow]" in done.stderr
