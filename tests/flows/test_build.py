"""build: a plan with its sidecar, or NVIDIA's complaint against the node that the user wrote."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from graphdoctor import __version__
from graphdoctor.engines import BuildOptions
from graphdoctor.errors import InputError, UnsupportedError, WorkerError
from graphdoctor.flows.build import MAX_BATCH, build_model
from graphdoctor.flows.opening import SignatureOptions
from tests.cli.program import call, helped
from tests.flows.nets import FOUND, STATIC, as_onnx, graph, written

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

REFUSED = """
x = Placeholder {dtype: float32, shape: shape[1,4]}
zero = Const float32[] 0
positive = Greater(x, zero) {T: float32}
tower/indices = Where(positive) {T: bool}
y = Cast(tower/indices) {SrcT: int64, DstT: float32}
"""


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def sidecar(plan: Path) -> Any:
    return json.loads(plan.with_name(plan.name + ".json").read_text())


def test_paths_are_said_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    built = build_model(graph("demo"), "demo.plan", BuildOptions(), FOUND)
    assert (str(built.result.plan), str(built.sidecar)) == ("demo.plan", "demo.plan.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo.plan", "demo.plan.json"]


def test_the_sidecar_says_what_the_plan_was_built_from(tmp_path: Path) -> None:
    plan = tmp_path / "demo.plan"
    built = build_model(graph("demo"), str(plan), BuildOptions(compute_capabilities=("8.6", "12.0")), FOUND)
    assert built.result.ok
    assert built.errors == ()
    told = sidecar(plan)
    assert built.sidecar == tmp_path / "demo.plan.json"
    assert told["version"] == 1
    assert told["tool"] == {"name": "graphdoctor", "version": __version__}
    assert told["plan"] == {"file": "demo.plan", "bytes": plan.stat().st_size, "sha256": sha256(plan)}
    assert told["source"] == {"path": graph("demo"), "sha256": sha256(graph("demo"))}
    assert len(told["onnx"]["sha256"]) == 64
    assert told["backend"]["module"] in ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings")
    assert told["backend"]["version"][0].isdigit()
    assert told["compute_capabilities"]["asked"] == told["compute_capabilities"]["built_for"] == ["8.6", "12.0"]
    assert told["inputs"] == [{"name": "input", "dtype": "float32", "shape": [1, 96, 96, 3]}]
    assert told["outputs"] == [{"name": "Identity", "dtype": "float32", "shape": [1, 10]}]
    assert told["seconds"]["total"] > 0


def test_a_plan_from_onnx_is_traced_to_the_file(tmp_path: Path) -> None:
    model = as_onnx(written(tmp_path, STATIC), tmp_path)
    plan = tmp_path / "o.plan"
    assert build_model(model, str(plan), BuildOptions(), FOUND).result.ok
    told = sidecar(plan)
    assert told["source"] == {"path": model, "sha256": sha256(model)}
    assert told["onnx"]["sha256"] == sha256(model)
    assert told["compute_capabilities"]["asked"] == []


def test_an_open_batch_gets_a_range(tmp_path: Path) -> None:
    plan = tmp_path / "mlp.plan"
    built = build_model(graph("mlp"), str(plan), BuildOptions(), FOUND)
    assert built.result.ok
    assert sidecar(plan)["inputs"][0]["shape"] == [None, 64]
    assert MAX_BATCH == 16


def test_other_open_dimensions_have_to_be_given(tmp_path: Path) -> None:
    model = written(tmp_path, STATIC.replace("shape[1,8,8,3]", "shape[1,?,?,3]"))
    with pytest.raises(InputError) as e:
        build_model(model, str(tmp_path / "o.plan"), BuildOptions(), FOUND)
    assert e.value.where == "x"
    assert "--input 'x[" in e.value.remedy
    given = SignatureOptions.parse(["x[1,16,16,3]"], [])
    assert build_model(model, str(tmp_path / "o.plan"), BuildOptions(), given).result.ok
    assert sidecar(tmp_path / "o.plan")["inputs"][0]["shape"] == [1, 16, 16, 3]


def test_a_refusal_names_the_node_of_the_graph(tmp_path: Path) -> None:
    """Not the ONNX op it became; the old plan stays, and no sidecar is written."""
    model, plan = written(tmp_path, REFUSED), tmp_path / "o.plan"
    plan.write_bytes(b"before")
    built = build_model(model, str(plan), BuildOptions(), FOUND)
    assert not built.result.ok
    assert built.sidecar is None
    assert ["tower/indices"] in [list(e.nodes) for e in built.errors]
    assert plan.read_bytes() == b"before"
    done = call("build", model, "-o", plan)
    assert done.code == 2
    assert "tower/indices" in done.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.pb", "o.plan"]


def test_what_cannot_be_lowered_is_all_said_first(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="FusedBatchNorm") as e:
        build_model(graph("every_fault"), str(tmp_path / "o.plan"), BuildOptions(), FOUND)
    assert "RandomUniform" in str(e.value)
    assert not list(tmp_path.iterdir())


def test_out_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    model = written(tmp_path, STATIC)
    with pytest.raises(WorkerError, match=r"did not finish in 0\.02 s"):
        build_model(model, str(tmp_path / "o.plan"), BuildOptions(timeout=0.02), FOUND)
    said = helped(call("build", model, "-o", tmp_path / "o.plan", "--timeout", "0.02"))
    assert "--timeout" in said
    assert model in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.pb", "scratch"]
    assert not list(scratch.iterdir())
