"""The table of rtx1.7 against NVIDIA's own parser and builder: a part of what tools/fidelity.py asks."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from graphdoctor.findings import Verdict
from graphdoctor.targets import load_target
from graphdoctor.types import DType

TOOLS = Path(__file__).resolve().parent.parent / "tools"
ADD = "x = Placeholder {{dtype: {0}, shape: shape[2,3]}}\ny = AddV2(x, x)\noutputs: y"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorrt_rtx_bindings") is None, reason="NVIDIA's builder is not installed"
    ),
]


@pytest.fixture(scope="module")
def fidelity() -> ModuleType:
    pytest.importorskip("onnx")
    sys.path.insert(0, str(TOOLS))
    try:
        return importlib.import_module("fidelity")
    finally:
        sys.path.remove(str(TOOLS))


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_table_says_what_nvidia_does(fidelity: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorflow")
    code = fidelity.main(["--check", "--sample", "500", "--per-op", "4", "--seed", "1"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert int(said.split(" graphs, ")[1].split()[0]) > 300


def test_what_the_table_promises_and_nvidia_refuses_is_found(
    fidelity: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [fidelity.Single("AddV2", name, ADD.format(name)) for name in ("float32", "uint8")]
    good = fidelity.compare(cases)
    assert [(r.outcome, r.agrees) for r in good] == [(fidelity.BUILDS, True), (fidelity.PARSER, True)]
    assert fidelity.verdict_on(good) == 0
    target = load_target("rtx1.7")
    row = target.row("Add")
    wrong = replace(row, dtypes=(row.dtypes or frozenset()) | {DType.UINT8}, refused=frozenset())
    monkeypatch.setattr(fidelity, "load_target", lambda _: replace(target, ops={**target.ops, "Add": wrong}))
    bad = fidelity.compare(cases)
    assert [r.is_false_compatible for r in bad] == [False, True]
    capsys.readouterr()
    assert fidelity.verdict_on(bad) == 1
    assert "compatible by the table, and the parser refuses it: AddV2/uint8" in capsys.readouterr().out


def test_an_unknown_of_the_table_is_no_agreement(fidelity: ModuleType) -> None:
    case = fidelity.Single("AddV2", "case", ADD.format("float32"))
    unknown = fidelity.Compared(case, Verdict.UNKNOWN, "not measured", fidelity.BUILDS, "")
    assert not unknown.agrees
    assert not unknown.is_false_compatible
    assert "unknown: not measured" in fidelity.page([unknown])


def test_a_graph_that_cannot_be_asked_does_not_count(fidelity: ModuleType) -> None:
    foreign = "x = Placeholder {dtype: float32, shape: shape[2]}\ny = MyOwnOp(x)\noutputs: y"
    no_rank = "x = Placeholder {dtype: float32}\ny = Relu(x)\noutputs: y"
    results = fidelity.compare([fidelity.Single("A", "a", foreign), fidelity.Single("B", "b", no_rank)])
    assert [(r.outcome, r.is_asked) for r in results] == [(fidelity.NOT_LOWERED, False), (fidelity.NOT_ASKED, False)]
    assert [r.verdict for r in results] == [Verdict.INCOMPATIBLE, Verdict.UNKNOWN]
