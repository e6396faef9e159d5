"""An engine by TensorRT's own UffParser: the exchange with the worker's process, its failures, the releases.

TensorRT itself is a stand-in (`stand_in_tensorrt`), the one thing here that is not the real one.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from graphdoctor.engines import UffOptions, UffParser, build_uff_engine, find_uff_parser
from graphdoctor.engines.uff import VARIABLE, WORKSPACE
from graphdoctor.engines.uff_log import errors_of, lines_of
from graphdoctor.errors import InputError, WorkerError
from graphdoctor.jobs.spec import LogLine
from tests.engines.stand_in import Install, install

__all__ = ["install"]

WORKER = Path(__file__).parents[2] / "graphdoctor" / "workers" / "uff_engine.py"
NODES = {"input": "Input", "conv1/Conv2D": "Conv", "pool1/MaxPool": "Pool", "out": "FullyConnected", "conv1": "Const"}
STARTED = [["Logger", "WARNING"], ["init_libnvinfer_plugins"], ["Builder"], ["create_network"], ["UffParser"]]
REGISTERED = [["register_input", "input", [3, 32, 32], "NCHW"], ["register_output", "out"], ["parse", 9]]


def built(tmp_path: Path, timeout: float = 60.0, **options: Any) -> Any:
    model = tmp_path / "model.uff"
    model.write_bytes(b"nine byte")
    parser = find_uff_parser(sys.executable)
    ends = {"input": (3, 32, 32)}, ["out"]
    chosen = UffOptions(**options)
    return build_uff_engine(model, tmp_path / "m.plan", parser, *ends, chosen, nodes=NODES, timeout=timeout)


def calls_of(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("release", ["5.0.2.6", "5.1.6.1", "6.0.1.5", "7.1.3.0", "7.2.3.4"])
def test_the_calls_up_to_7(release: str, tmp_path: Path, install: Install) -> None:
    calls = install(release)
    result = built(tmp_path, half=True, batch=4)
    options = [["options", 4, WORKSPACE, True, False], ["build_cuda_engine"], ["serialize"]]
    assert calls_of(calls) == [*STARTED, *REGISTERED, *options]
    assert (result.ok, result.backend, result.version, result.parser) == (True, "tensorrt", release, "uff")
    assert (tmp_path / "m.plan").read_bytes() == b"plan of " + release.encode()
    assert result.size == len(b"plan of " + release.encode())
    assert [(t.name, t.dtype, t.shape) for t in result.inputs] == [("input", "float32", (3, 32, 32))]
    assert [t.name for t in result.outputs] == ["out"]


def test_the_calls_of_8_0(tmp_path: Path, install: Install) -> None:
    calls = install("8.0.1.6")
    assert built(tmp_path, int8=True).ok
    options = [["set_flag", "INT8"], ["options", 1, WORKSPACE], ["build_serialized_network"], ["serialize"]]
    assert calls_of(calls) == [*STARTED, *REGISTERED, *options]


@pytest.mark.parametrize("release", ["8.4.1.5", "8.6.1.6"])
def test_the_calls_since_8_4(release: str, tmp_path: Path, install: Install) -> None:
    calls = install(release)
    result = built(tmp_path, half=True, int8=True)
    options = [["set_memory_pool_limit", "WORKSPACE", WORKSPACE], ["set_flag", "FP16"], ["set_flag", "INT8"]]
    ends = [["options", 1, None], ["build_serialized_network"], ["serialize"]]
    assert calls_of(calls) == [*STARTED, *REGISTERED, *options, *ends]
    assert result.log_counts == {"warning": 1}


@pytest.mark.parametrize("release", ["5.1.6.1", "7.2.3.4", "8.0.1.6", "8.6.1.6"])
def test_what_the_parser_refuses_is_said_of_its_nodes(release: str, tmp_path: Path, install: Install) -> None:
    install(release, "refuse")
    result = built(tmp_path)
    assert not result.ok
    assert [(e.stage, e.node, e.operator, e.message) for e in result.errors] == [
        ("parse", "conv1/Conv2D", "Conv", "Unsupported binary op max with constant right"),
        ("parse", "pool1/MaxPool", "Pool", "Unsupported operation _Pool"),
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["calls", "model.uff", "site"]


def test_a_parser_that_gives_no_reason(tmp_path: Path, install: Install) -> None:
    install("7.1.3.0", "refuse-silently")
    assert [(e.stage, e.message, e.node) for e in built(tmp_path).errors] == [
        ("parse", "the parser refuses the file", "")
    ]


def test_an_exception_out_of_the_parser_is_its_refusal(tmp_path: Path, install: Install) -> None:
    install("6.0.1.5", "raise")
    (error,) = built(tmp_path).errors
    assert (error.stage, error.message) == ("parse", "CHECK failed: (index) < (current_size_):")


def test_an_input_that_cannot_be_registered(tmp_path: Path, install: Install) -> None:
    install("7.1.3.0", "no-input")
    (error,) = built(tmp_path).errors
    assert (error.node, error.message) == ("input", "the input cannot be registered as [3, 32, 32]")


def test_a_builder_without_an_engine(tmp_path: Path, install: Install) -> None:
    install("8.6.1.6", "no-engine")
    (tmp_path / "m.plan").write_bytes(b"before")
    result = built(tmp_path)
    (error,) = result.errors
    assert (error.stage, error.node) == ("build", "conv1/Conv2D")
    assert error.message == "kernel weights has count 864 but 46080 was expected"
    assert (tmp_path / "m.plan").read_bytes() == b"before"


def test_a_crash_is_one_error_with_the_last_words(tmp_path: Path, install: Install) -> None:
    install("7.1.3.0", "crash")
    with pytest.raises(WorkerError, match=r"crashed with SIGSEGV") as e:
        built(tmp_path)
    assert "conv1/Conv2D: something is wrong" in e.value.log
    assert not (tmp_path / "m.plan").exists()


def test_out_of_time(tmp_path: Path, install: Install) -> None:
    install("7.1.3.0", "hang")
    with pytest.raises(WorkerError, match=r"did not finish in 1\.5 s"):
        built(tmp_path, timeout=1.5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["calls", "model.uff", "site"]


def test_no_gpu(tmp_path: Path, install: Install) -> None:
    install("7.1.3.0", "no-gpu")
    with pytest.raises(WorkerError, match=r"factory function returned nullptr") as e:
        built(tmp_path)
    assert "CUDA initialization failure" in e.value.log


def test_a_plugin_library_that_is_missing(tmp_path: Path, install: Install) -> None:
    calls = install("7.1.3.0")
    result = built(tmp_path, libraries=(str(tmp_path / "libmy_plugin.so"),))
    (error,) = result.errors
    assert error.stage == "options"
    assert f"the plugin library {tmp_path}/libmy_plugin.so cannot be loaded" in error.message
    assert calls_of(calls) == [["Logger", "WARNING"]]


def test_a_plugin_library_is_loaded_before_the_file_is_parsed(tmp_path: Path, install: Install) -> None:
    install("7.1.3.0")
    assert built(tmp_path, libraries=("libc.so.6",)).ok


def test_finding_the_parser(tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = install("7.1.3.0")
    assert find_uff_parser(sys.executable) == UffParser(sys.executable, "7.1.3.0")
    assert find_uff_parser(sys.executable, ("7",)).is_here
    assert find_uff_parser(sys.executable, ("8",)).reason == "TensorRT 7.1.3.0 is another release than 8"
    monkeypatch.setenv(VARIABLE, sys.executable + "-not-there")
    with pytest.raises(InputError, match="there is no program") as e:
        find_uff_parser()
    assert e.value.where == VARIABLE
    assert not calls.exists()


def test_a_tensorrt_without_the_parser(install: Install) -> None:
    install("10.0.1")
    assert find_uff_parser(sys.executable).reason == "TensorRT 10.0.1 has no UffParser, which ended with 8.6"


def test_a_tensorrt_that_cannot_be_loaded(install: Install) -> None:
    install("7.1.3.0", "no-library")
    reason = find_uff_parser(sys.executable).reason
    assert reason.startswith(f"{sys.executable} cannot load tensorrt: libnvinfer.so.7: cannot open shared object file")


def test_no_tensorrt_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not find_uff_parser().is_here
    assert "has no module tensorrt" in find_uff_parser(sys.executable).reason


def test_the_interpreter_of_the_environment_is_asked(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program than this one: it stands for the system's Python of a Jetson."""
    install("5.1.6.1")
    other = tmp_path / "python3"
    other.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(other))
    assert find_uff_parser() == UffParser(str(other), "5.1.6.1")


def test_the_worker_speaks_python_3_6_and_imports_nothing_of_ours() -> None:
    """JetPack 4 has Python 3.6. A newer statement would only fail on the device."""
    tree = ast.parse(WORKER.read_text(), feature_version=(3, 6))
    nodes = list(ast.walk(tree))
    imported = {a.name.split(".")[0] for n in nodes if isinstance(n, ast.Import) for a in n.names}
    imported |= {str(n.module).split(".")[0] for n in nodes if isinstance(n, ast.ImportFrom)}
    assert imported - set(sys.stdlib_module_names) == {"tensorrt"}
    assert not imported & {
        "__future__",
        "dataclasses",
        "contextvars",
        "importlib",
        "graphlib",
        "zoneinfo",
    }  # 3.7 or later
    assert not [n for n in nodes if isinstance(n, (ast.NamedExpr, ast.Match))]


def test_the_worker_runs_without_graphdoctor(tmp_path: Path, install: Install) -> None:
    """-I: nothing but the standard library can be imported, not even through PYTHONPATH."""
    import subprocess

    install("7.1.3.0")
    (tmp_path / "request.json").write_text(json.dumps({"data": {"uff": ""}, "arrays": []}))
    done = subprocess.run([sys.executable, "-I", WORKER, tmp_path], cwd="/", timeout=60, check=False)
    failure = json.loads((tmp_path / "result.json").read_text())["failure"]
    assert done.returncode == 1
    assert failure == {"kind": "missing module", "message": "No module named 'tensorrt'", "module": "tensorrt"}


def test_messages_of_all_releases_are_read() -> None:
    log = """WARNING: Logging before InitGoogle is written to STDERR
[TensorRT] ERROR: UFFParser: Parser error: conv1: The input to the Scale Layer is required to
have a minimum of 3 dimensions.
[TensorRT] INTERNAL ERROR: Assertion failed: false
[TensorRT] INFO: UFFParser: parsing conv1
[01/11/2024-17:39:50] [TRT] [E] UffParser: Unsupported number of graph 0
[TRT] [W] TensorRT was linked against another cuDNN
"""
    lines = lines_of(log)
    assert [line.severity for line in lines] == ["error", "internal_error", "info", "error", "warning"]
    assert [(e.node, e.message) for e in errors_of(lines, "parse", NODES)] == [
        ("conv1", "The input to the Scale Layer is required to have a minimum of 3 dimensions."),
        ("", "Assertion failed: false"),
        ("", "Unsupported number of graph 0"),
    ]


def test_the_longest_name_that_stands_alone_is_meant() -> None:
    lines = [
        LogLine("error", "Could not find any implementation for node conv1/Conv2D."),
        LogLine("error", "conv1x: no"),
    ]
    assert [e.node for e in errors_of(lines, "build", NODES)] == ["conv1/Conv2D", ""]
