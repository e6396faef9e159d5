"""check, fix, convert and inspect as Python calls on the committed graphs."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.findings import Severity, Verdict
from graphdoctor.flows.check import CheckOptions, check_model, check_opened, chosen_targets
from graphdoctor.flows.convert import convert_model
from graphdoctor.flows.fix import FixOptions, fix_model, write_fixed
from graphdoctor.flows.inspect import inspect_model
from graphdoctor.flows.opening import SignatureOptions, keep_input, open_model
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import all_target_names, load_target
from tests.flows.nets import FOUND, GRAPHS, STATIC, graph, written

NAMES = sorted(p.stem for p in GRAPHS.glob("*.pb"))
SAFE = ("tf112", "clean", "fold")


@pytest.mark.parametrize("name", NAMES)
def test_check(name: str) -> None:
    """A verdict for every target, findings about the chosen one alone, the worst first."""
    report = check_model(graph(name), CheckOptions(("trt3",), live=False))
    assert [v.target for v in report.verdicts] == list(all_target_names())
    assert {f.target for f in report.findings} <= {"", "trt3"}
    severities = [f.severity for f in report.findings]
    assert severities == sorted(severities, reverse=True)
    for verdict in report.verdicts:
        assert 0 <= verdict.supported <= verdict.total <= report.nodes
        assert bool(verdict.reason) == (verdict.verdict is not Verdict.COMPATIBLE)
    assert len(report.sha256) == 64


def test_chosen_targets() -> None:
    assert chosen_targets(["trt3", "trt8.6", "trt3"]) == ("trt3", "trt8.6")
    assert chosen_targets(["all"]) == tuple(all_target_names())
    with pytest.raises(InputError, match="trt33"):
        chosen_targets(["trt33"])


@pytest.mark.parametrize("name", NAMES)
def test_fix_keeps_the_contract(name: str, tmp_path: Path) -> None:
    """Inputs and outputs as they were; what is written is what is in memory; a second run changes nothing."""
    before = open_model(graph(name))
    fixed = fix_model(graph(name), FixOptions(SAFE))
    assert fixed.result.converged
    out = str(tmp_path / "fixed.pb")
    write_fixed(fixed, out)
    after = open_model(out, SignatureOptions(outputs=tuple(v.name for v in before.graph.outputs)))
    assert [i.name for i in after.inputs()] == [i.name for i in before.inputs()]
    assert [(o.name, o.dtype) for o in after.outputs()] == [(o.name, o.dtype) for o in before.outputs()]
    assert len(after.graph) == len(fixed.opened.graph) <= len(before.graph)
    assert not fix_model(out, FixOptions(SAFE)).changed


def test_fix_for_a_target_removes_what_stood_in_its_way() -> None:
    options = CheckOptions(("trt3",), live=False)
    fixable = [f for f in check_model(graph("demo"), options).findings if f.severity is Severity.ERROR and f.fix]
    assert len({f.code for f in fixable}) >= 4
    fixed = fix_model(graph("demo"), FixOptions((*SAFE, "trt3"), load_target("trt3")))
    fixed.opened.specs = infer_shapes(fixed.opened.graph)
    after = check_opened(fixed.opened, options)
    assert not [f for f in after.findings if f.severity is Severity.ERROR and f.fix is not None]


def test_fix_writes_nothing_by_itself(tmp_path: Path) -> None:
    model = written(tmp_path, STATIC)
    fix_model(model, FixOptions(SAFE))
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


def test_convert(tmp_path: Path) -> None:
    """The graph in memory is left as it was, and the same graph gives the same bytes."""
    pytest.importorskip("onnx")
    first = convert_model(graph("demo"), "onnx", str(tmp_path / "a.onnx"), FOUND)
    second = convert_model(graph("demo"), "onnx", str(tmp_path / "b.onnx"), FOUND)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert first.size == second.size == (tmp_path / "a.onnx").stat().st_size
    assert len(first.opened.graph) == len(open_model(graph("demo")).graph)
    assert "left_over/decayed" not in {o for n in first.onnx.nodes for o in n.origins}
    for node in first.onnx.nodes:
        assert all(name in first.opened.graph for name in node.origins), node.name


def test_convert_refuses_all_at_once(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(UnsupportedError) as e:
        convert_model(graph("every_fault"), "onnx", str(tmp_path / "x.onnx"), FOUND)
    for name in ("feature_branch/BatchNorm/FusedBatchNorm", "RandomUniform", "image_branch/Size"):
        assert name in str(e.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_inspect(name: str) -> None:
    view = inspect_model(graph(name))
    assert view.kind == "graphdef"
    assert view.size == Path(graph(name)).stat().st_size
    assert sum(count for _, count in view.ops) == view.nodes
    assert view.outputs
    assert not view.suggestions


def test_inspect_ranks_outputs() -> None:
    """The net's own first; what training left behind it."""
    names = [o.tensor.name for o in inspect_model(graph("demo")).outputs]
    assert names == ["Identity", "left_over/decayed"]


def test_given_names(tmp_path: Path) -> None:
    model = written(tmp_path, STATIC)
    opened = open_model(model, SignatureOptions.parse(["x:0"], ["c:0"]))
    assert [v.name for v in opened.graph.outputs] == ["c"]
    with pytest.raises(InputError, match="Did you mean"):
        open_model(model, SignatureOptions.parse([], ["cc"]))
    with pytest.raises(InputError, match="shape"):
        open_model(model, SignatureOptions.parse(["x[1,9,9,4]"], []))


def test_keep_input(tmp_path: Path) -> None:
    model = Path(written(tmp_path, STATIC))
    keep_input(str(model), tmp_path / "other.pb")
    keep_input("-", "-")
    keep_input(str(tmp_path / "missing.pb"), tmp_path / "missing.pb")
    with pytest.raises(InputError, match="is the input itself"):
        keep_input(str(model), str(tmp_path / "." / "model.pb"))
    (tmp_path / "saved_model.pb").hardlink_to(model)
    with pytest.raises(InputError, match="is the input itself"):
        keep_input(str(tmp_path), tmp_path / "saved_model.pb")
