"""cure: check, fix, convert, build and verify in one run; every artefact and report.json stay."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Done, call
from tests.flows.nets import graph, written

pytestmark = [pytest.mark.engine, pytest.mark.tensorflow, pytest.mark.slow, pytest.mark.xdist_group("engine")]

STEPS = ["check", "fix", "convert", "build", "verify"]


def run(model: str, folder: Path, *words: str, target: str = "rtx1.7") -> tuple[Done, Any]:
    """The command, and its report.json."""
    done = call("cure", model, "--target", target, "-o", folder, *words)
    return done, json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done, Any]:
    """One run on the bundled graph that has faults."""
    folder = tmp_path_factory.mktemp("cure") / "deep" / "out"
    return folder, *run(graph("demo"), folder)


def test_it_is_cured(demo: tuple[Path, Done, Any]) -> None:
    folder, done, report = demo
    assert done.code == 0, done.out
    assert "cured" in done.out
    assert done.err == f"{folder / 'report.json'} holds all of it\n"
    assert (report["exit_code"], report["error"], report["version"]) == (0, None, 1)
    assert (report["model"], report["target"]) == (graph("demo"), "rtx1.7")


def test_every_artefact_is_there_and_no_other_file(demo: tuple[Path, Done, Any]) -> None:
    folder, _, report = demo
    names = ["fixed.pb", "model.onnx", "model.plan", "model.plan.json", "report.json"]
    assert sorted(p.name for p in folder.iterdir()) == names
    told = [Path(a) for step in report["steps"] for a in step["artefacts"]]
    assert [p.name for p in told] == names[:-1]
    assert all(p.stat().st_size > 0 for p in told)


def test_every_step_is_told(demo: tuple[Path, Done, Any]) -> None:
    _, done, report = demo
    assert [s["name"] for s in report["steps"]] == STEPS
    assert [s["status"] for s in report["steps"]] == ["done"] * 5
    assert all(s["seconds"] >= 0 and s["summary"] for s in report["steps"])
    assert all(name in done.out for name in STEPS)


def test_the_reports_before_and_after(demo: tuple[Path, Done, Any]) -> None:
    """The graph that was given, and the one that was made of it."""
    folder, _, report = demo
    before, after = report["check"], report["check_after_fix"]
    assert before["path"] == graph("demo")
    assert before["sha256"] == hashlib.sha256(Path(graph("demo")).read_bytes()).hexdigest()
    assert after["path"] == str(folder / "fixed.pb")
    assert after["sha256"] == hashlib.sha256((folder / "fixed.pb").read_bytes()).hexdigest()
    assert after["nodes"] < before["nodes"]
    assert after["inputs"] == before["inputs"]
    assert after["outputs"] == before["outputs"]
    assert not [f for f in after["findings"] if f["severity"] == "error"]


def test_what_was_done_and_shown(demo: tuple[Path, Done, Any]) -> None:
    folder, _, report = demo
    assert report["fix"]["converged"]
    assert {a["rewrite"] for a in report["fix"]["applied"]} >= {"fold-batch-norm", "remove-check-numerics"}
    assert all(a["safety"] == "safe" for a in report["fix"]["applied"])
    nodes = report["convert"]["nodes"]
    assert "Conv" in {n["op"] for n in nodes}
    origins = {name for n in nodes for name in n["tensorflow"]}
    assert "shapes_1/stem_1/convolution" in origins
    assert report["build"]["ok"]
    assert report["build"]["errors"] == []
    assert report["build"]["size"] == (folder / "model.plan").stat().st_size
    assert report["verify"]["verdict"] == "same"
    (output,) = report["verify"]["outputs"]
    assert output["name"] == "Identity"
    assert 0 < output["max_abs"] < 1e-5
    assert (output["rtol"], output["atol"]) == (1e-3, 1e-5)


def test_a_graph_that_cannot_be_cured(tmp_path: Path) -> None:
    """The failing step says why, those behind it are not tried, what an earlier run left is gone."""
    (tmp_path / "model.plan").write_bytes(b"of yesterday")
    (tmp_path / "notes.txt").write_text("mine")
    done, report = run(graph("every_fault"), tmp_path)
    assert done.code == report["exit_code"] == 2
    assert [s["status"] for s in report["steps"]][2:] == ["failed", "skipped", "skipped"]
    assert "FusedBatchNorm" in report["error"]
    assert report["build"] is report["verify"] is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fixed.pb", "notes.txt", "report.json"]
    assert "failed" in done.out


def test_a_refusal_of_nvidia(tmp_path: Path) -> None:
    text = """
    x = Placeholder {dtype: float32, shape: shape[1,4]}
    zero = Const float32[] 0
    positive = Greater(x, zero) {T: float32}
    tower/indices = Where(positive) {T: bool}
    y = Cast(tower/indices) {SrcT: int64, DstT: float32}
    """
    done, report = run(written(tmp_path, text), tmp_path / "out")
    assert done.code == 2
    assert [s["status"] for s in report["steps"]][3:] == ["failed", "skipped"]
    assert any("tower/indices" in e for e in report["build"]["errors"])
    assert not (tmp_path / "out" / "model.plan").exists()


def test_a_detector_for_a_uff_parser_is_built_as_far_as_its_plugin(tmp_path: Path) -> None:
    """RTX has nothing that suppresses boxes, and the model has no output of the plugin: that is said, not passed."""
    model = Path(__file__).parents[2] / "fixtures/detectors/ssd.pb"
    packs = ("--rules", "ssd-trt,tf112,clean,fold,trt3,uff", "--unsafe-fixes")
    done, report = run(str(model), tmp_path, *packs, target="trt7-uff")
    assert done.code == report["exit_code"] == 1
    assert [s["status"] for s in report["steps"]] == ["done", "done", "done", "done", "unknown"]
    assert "model.front.onnx, the twin as far as" in report["build"]["by"]
    assert "the model has no NMS" in report["steps"][-1]["summary"]
    assert "not proven: inconclusive: the model has no NMS" in " ".join(done.out.split())
    assert {"model.uff", "model.onnx", "model.front.onnx", "model.plan"} <= {p.name for p in tmp_path.iterdir()}


def test_an_output_that_hears_no_input_is_not_cured(tmp_path: Path) -> None:
    text = """
    x = Placeholder {dtype: int32, shape: shape[1,4]}
    zero = Const int32[] 0
    n = Mul(x, zero) {T: int32}
    one = Const int32[4] 1
    y = Add(n, one) {T: int32}
    """
    done, report = run(written(tmp_path, text), tmp_path / "out")
    assert done.code == 1
    assert report["verify"]["verdict"] == "inconclusive"
    assert "not proven" in done.out


def test_inputs_that_an_unsafe_rewrite_takes_away(tmp_path: Path) -> None:
    """The original is fed what inference feeds: no learning phase, keep everything."""
    done, report = run(graph("dropout_learning_phase"), tmp_path, "--unsafe-fixes")
    assert done.code == 0, done.out
    assert report["verify"]["verdict"] == "same"
    assert {a["safety"] for a in report["fix"]["applied"]} == {"safe", "unsafe"}
