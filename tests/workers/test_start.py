"""How workers start: what they say when their module is missing, and which parts of TensorFlow they import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from graphdoctor import jobs
from graphdoctor.errors import MissingExtraError
from graphdoctor.jobs import FailureKind
from graphdoctor.jobs.spec import EngineQuestions, EngineRequest, OnnxRun, TensorflowRun

BLOCK = """
import sys
from importlib.abc import MetaPathFinder

class Block(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Block())
"""


@pytest.mark.parametrize(
    "worker, request_, module, extra",
    [
        ("tensorflow_run", TensorflowRun("none.pb", ("y",), 1), "tensorflow", "tensorflow"),
        ("onnxruntime_run", OnnxRun("none.onnx", (), 1), "onnxruntime", "onnx"),
        ("engine_build", EngineRequest("none.onnx", ("tensorrt_rtx",)), "tensorrt_rtx", "engine"),
        (
            "engine_parse",
            EngineQuestions((EngineRequest("none.onnx", ("tensorrt_rtx",)),), 10.0),
            "tensorrt_rtx",
            "engine",
        ),
    ],
)
def test_a_missing_module_names_its_extra(tmp_path, worker, request_, module, extra):
    (tmp_path / "sitecustomize.py").write_text(BLOCK.format(names=[module]))
    result = jobs.run(worker, request_, timeout=60, env={"PYTHONPATH": str(tmp_path)})
    assert result.failure.kind is FailureKind.MISSING
    assert result.failure.module == module
    with pytest.raises(MissingExtraError, match=rf"graphdoctor\[{extra}\]"):
        jobs.raise_for_failure(result, where="net", purpose="Trying it")


def test_a_missing_part_of_an_installed_package_is_not_a_missing_extra(tmp_path):
    """``pip install graphdoctor[onnx]`` would not help here."""
    (tmp_path / "onnxruntime.py").write_text("import no_such_dependency")
    result = jobs.run("onnxruntime_run", OnnxRun("m", (), 1), timeout=60, env={"PYTHONPATH": str(tmp_path)})
    assert result.failure.kind is FailureKind.ERROR
    assert "no_such_dependency" in result.failure.message


LIGHT = """
import sys
from graphdoctor.workers.tensorflow_run import _TensorFlow
tf = _TensorFlow()
print(tf.version[0].isdigit(), "tensorflow.keras" in sys.modules, hasattr(sys.modules["tensorflow"], "function"))
"""
FULL = """
import importlib
real, failed = importlib.import_module, []
def fails_once(name):
    if name.endswith("importer") and not failed:
        failed.append(name)
        raise ImportError(name)
    return real(name)
importlib.import_module = fails_once
"""


def run_script(script):
    pytest.importorskip("tensorflow")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.tensorflow
def test_only_the_needed_parts_of_tensorflow_are_imported():
    assert run_script(LIGHT) == ["True", "False", "False"]


@pytest.mark.tensorflow
def test_the_whole_of_tensorflow_is_imported_where_the_parts_do_not_come_alone():
    version, _, has_api = run_script(FULL + LIGHT)
    assert (version, has_api) == ("True", "True")
