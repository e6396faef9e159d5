"""build and cure for targets of the UFF parser: with TensorRT's own where it is here, which a stand-in plays."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import call, helped
from tests.engines.stand_in import Install, install
from tests.flows.nets import graph

__all__ = ["install"]
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]
NET = graph("cnn_tf1_nhwc")
HERE = ("--python", sys.executable)


@pytest.fixture
def uff(tmp_path: Path) -> Path:
    """A UFF file of a network in NHWC."""
    file = tmp_path / "net.uff"
    fixed = tmp_path / "fixed.pb"
    assert call("fix", NET, "--rules", "tf112,clean,fold,trt3,uff", "--target", "trt7-uff", "-o", fixed).code == 0
    assert call("convert", fixed, "--to", "uff", "-o", file).code == 0
    return file


def calls_of(file: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {line[0]: line[1:] for line in lines}


def test_a_uff_file_is_registered_and_built(uff: Path, tmp_path: Path, install: Install) -> None:
    """Channels first and without the batch, though the file says [-1,32,32,3]."""
    calls = install("7.1.3.0")
    done = call("build", uff, "--target", "trt7-uff", *HERE, "-o", tmp_path / "m.plan", "--max-batch", "8", "--fp16")
    assert done.code == 0, done
    assert f"TensorRT 7.1.3.0's UffParser, in {sys.executable}" in " ".join(done.out.split())
    told = calls_of(calls)
    assert told["register_input"] == ["input", [3, 32, 32], "NCHW"]
    assert told["register_output"] == ["probabilities"]
    assert told["parse"] == [uff.stat().st_size]
    assert told["options"][0] == 8
    assert (tmp_path / "m.plan").read_bytes() == b"plan of 7.1.3.0"
    record = json.loads((tmp_path / "m.plan.json").read_text())
    assert record["backend"] == {"module": "tensorrt", "version": "7.1.3.0", "parser": "uff"}
    assert record["uff"]["sha256"] == record["source"]["sha256"]
    assert "onnx" not in record


def test_a_graph_is_built_through_its_uff_file(tmp_path: Path, install: Install) -> None:
    calls = install("8.6.1.6")
    done = call("build", graph("mlp"), "--target", "trt8-uff", *HERE, "-o", tmp_path / "m.plan")
    assert done.code == 0, done
    assert calls_of(calls)["register_input"][1] == [64]


def test_dimensions_that_are_given_are_registered(uff: Path, tmp_path: Path, install: Install) -> None:
    calls = install("7.1.3.0")
    given = ("--input", "input:float32[3,32,32]")
    assert call("build", uff, "--target", "trt7-uff", *HERE, *given, "-o", tmp_path / "m.plan").code == 0
    assert calls_of(calls)["register_input"] == ["input", [3, 32, 32], "NCHW"]


def test_another_release_is_not_the_targets(uff: Path, tmp_path: Path, install: Install) -> None:
    """An engine of TensorRT 6 says nothing of TensorRT 8: the twin is built, and why is said."""
    calls = install("6.0.1.5")
    done = call("build", uff, "--target", "trt8-uff", *HERE, "-o", tmp_path / "m.plan")
    assert done.code == 0, done
    assert "is not here: TensorRT 6.0.1.5 is another release than 8" in " ".join(done.out.split())
    assert "UffParser" not in (calls_of(calls) if calls.exists() else {})
    assert json.loads((tmp_path / "m.plan.json").read_text())["backend"]["parser"] == "onnx"


def test_the_twin_is_built_where_no_tensorrt_is(uff: Path, tmp_path: Path) -> None:
    done = call("build", uff, "--target", "trt7-uff", "-o", tmp_path / "m.plan")
    assert done.code == 0, done
    assert "has no TensorRT 5 to 8; --python names another" in " ".join(done.out.split())


def test_the_parser_can_be_insisted_on(uff: Path, tmp_path: Path) -> None:
    said = helped(call("build", uff, "--backend", "uff", "-o", tmp_path / "m.plan"))
    assert "TensorRT's UffParser is not here" in said
    assert not (tmp_path / "m.plan").exists()


@pytest.mark.parametrize(
    "words, said",
    [
        (["--fp16"], "are for UFF"),
        (["--target", "tftrt2.12"], "builds its engines in TensorFlow"),
        (["--backend", "uff", "--compute-capability", "8.6"], "builds for the GPU it runs on"),
        (["--target", "trt7-uff", "--python", "no-such-python"], "there is no program"),
    ],
)
def test_wrong_options(words: list[str], said: str, tmp_path: Path) -> None:
    done = call("build", NET, *words, "-o", tmp_path / "m.plan")
    assert said in helped(done)
    assert not list(tmp_path.iterdir())


def test_an_onnx_model_has_no_uff_form(tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    assert call("convert", graph("mlp"), "--to", "onnx", "-o", model).code == 0
    assert "which no UFF parser reads" in helped(
        call("build", model, "--target", "trt7-uff", "-o", tmp_path / "m.plan")
    )


def test_refusals_name_the_node(uff: Path, tmp_path: Path, install: Install) -> None:
    install("7.1.3.0", "raise")
    done = call("build", uff, "--target", "trt7-uff", *HERE, "-o", tmp_path / "m.plan")
    assert done.code == 2
    assert "CHECK failed" in done.out
    assert not (tmp_path / "m.plan").exists()


def test_cure_says_whose_engine_it_is(tmp_path: Path, install: Install) -> None:
    install("7.2.3.4")
    done = call("cure", NET, "--target", "trt7-uff", *HERE, "-o", tmp_path / "c")
    assert done.code == 0, done
    told = " ".join(done.out.split())
    assert f"TensorRT 7.2.3.4's UffParser, in {sys.executable}" in told
    assert "cured: TensorRT 7.2.3.4 built the engine with its own UffParser" in told
    assert "this plan is not for" not in told
    report = json.loads((tmp_path / "c" / "report.json").read_text())
    assert (report["build"]["parser"], report["build"]["version"]) == ("uff", "7.2.3.4")
    assert (tmp_path / "c" / "model.plan").read_bytes() == b"plan of 7.2.3.4"


def test_what_the_parser_refuses_is_a_finding(tmp_path: Path, install: Install) -> None:
    """In the parser's words, at the node, and it decides."""
    install("7.2.3.4", "refuse:probabilities")
    done = call("cure", NET, "--target", "trt7-uff", *HERE, "-o", tmp_path / "c")
    assert done.code == 2, done
    after = json.loads((tmp_path / "c" / "report.json").read_text())["check_after_fix"]
    (finding,) = [f for f in after["findings"] if f["code"] == "GDL001"]
    assert (finding["node"], finding["severity"]) == ("probabilities", "error")
    assert finding["message"] == "Unsupported binary op max with constant right"
    assert after["verdicts"]["trt7-uff"]["verdict"] == "incompatible"


def test_a_crash_ends_the_cure_with_its_reason(tmp_path: Path, install: Install) -> None:
    install("7.2.3.4", "crash")
    done = call("cure", NET, "--target", "trt7-uff", *HERE, "-o", tmp_path / "c")
    assert done.code == 2, done
    assert "crashed with SIGSEGV" in " ".join(done.out.split())
    assert not (tmp_path / "c" / "model.plan").exists()
