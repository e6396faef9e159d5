"""cure of small nets of every kind for the oldest and the newest UFF parser: compatible, and TensorFlow's numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import call
from tests.flows.nets import written
from tests.flows.uff_nets import NETS, text_of

pytestmark = [pytest.mark.engine, pytest.mark.tensorflow, pytest.mark.slow, pytest.mark.xdist_group("engine")]


@pytest.mark.parametrize("target", ["trt3", "trt8-uff"])
@pytest.mark.parametrize("name", sorted(NETS))
def test_nets_are_cured(name: str, target: str, tmp_path: Path) -> None:
    path = written(tmp_path, text_of(name), f"{name}.pb")
    unsafe = ["--unsafe-fixes"] if name == "lstm" else []  # NaN of one step would reach the others
    done = call("cure", path, "--target", target, "-o", tmp_path / "out", *unsafe)
    assert done.code == 0, done.out
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    (output,) = report["verify"]["outputs"]
    assert output["verdict"] == "same"
    assert output["max_abs"] < 1e-5
    checked = call("check", tmp_path / "out" / "model.uff", "--target", target, "--no-cache")
    assert (checked.code, checked.err) == (0, ""), checked.out


def test_what_unsafe_rewrites_would_do_is_said(tmp_path: Path) -> None:
    """Without them TensorRT 3 has nothing that takes a step of the input; no UFF file is left."""
    path = written(tmp_path, text_of("lstm"), "lstm.pb")
    done = call("cure", path, "--target", "trt3", "-o", tmp_path / "out")
    assert done.code == 2, done.out
    assert "--unsafe-fixes allows step-to-dense" in done.out
    assert not (tmp_path / "out" / "model.uff").exists()
