"""The target files against the tables of facts, where these are at hand."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from graphdoctor.resources import load_toml
from graphdoctor.targets import all_target_names, load_target
from graphdoctor.types import Answer, DType

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT.parent / "shared" / "facts"
needs_facts = pytest.mark.skipif(not FACTS.is_dir(), reason=f"the tables of facts are not in {FACTS}")


@cache
def tool(name: str = "targets_from_facts") -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(str(ROOT / "tools"))
    return module


@cache
def facts(name: str) -> Any:
    return json.loads((FACTS / f"{name}.json").read_text("utf-8"))


@needs_facts
def test_the_files_are_what_the_tool_derives(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool().main(["--check", "--facts", str(FACTS)]) == 0, capsys.readouterr().out


@needs_facts
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Relu = 'yes'", "Relu = 'as_AvgPool'"),
        ("confidence = 'medium'", "confidence = 'high'"),
        ("[sources]", "\n[sources]"),
    ],
)
def test_the_tool_notices_a_change(tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str) -> None:
    folder = shutil.copytree(ROOT / "rules" / "targets", tmp_path / "targets")
    text = (folder / "trt3.toml").read_text("utf-8")
    assert old in text
    (folder / "trt3.toml").write_text(text.replace(old, new, 1), "utf-8")
    options = ["--facts", str(FACTS), "--targets", str(folder)]
    assert tool().main(["--check", *options]) == 1
    assert "trt3.toml" in capsys.readouterr().out
    assert tool().main(["--write", *options]) == 0
    assert tool().main(["--check", *options]) == 0


@needs_facts
def test_what_is_made_by_hand_stays(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "rules" / "targets", tmp_path / "targets")
    path = folder / "trt3.toml"
    row = "Zeta = {support = 'unknown', reason = 'r', source = 's', confidence = 'low', hand = true}"
    path.write_text(path.read_text("utf-8").replace("[ops]\n", f"[ops]\n{row}\n"), "utf-8")
    assert tool().main(["--write", "--facts", str(FACTS), "--targets", str(folder)]) == 0
    assert load_toml(path)["ops"]["Zeta"]["hand"] is True
    assert "Zeta" not in load_toml(folder / "trt4.toml")["ops"]


def test_without_facts_the_tool_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool().main(["--check", "--facts", str(tmp_path / "none")]) == 2
    assert "--facts" in capsys.readouterr().err


@needs_facts
def test_every_limit_of_the_table_is_used_or_left_out_by_name() -> None:
    used = {name for target in all_target_names() for name in load_target(target).limits}
    known = {entry["id"] for entry in facts("trt_uff_parser_limits")["limits"]}
    assert known - used == set(tool("uff_facts").NOT_A_LIMIT)


@needs_facts
def test_trt3_follows_its_documented_list() -> None:
    names = {"ConvTranspose2D": "Conv2DBackpropInput", "Negative": "Neg", "Pad (before conv/pool)": "Pad"}
    listed = {names.get(op, op) for op in facts("uff_ops")["documented_tf_op_lists"]["3.0"]}
    refused = {op for op in listed if load_target("trt3").row(op).support is not Answer.YES}
    assert refused == {"FusedBatchNorm", "Pow"}
    for op in facts("uff_ops")["unregistered_common_ops"]:
        assert load_target("trt8-uff").row(op).support is not Answer.YES or op == "Assert"


@needs_facts
@pytest.mark.parametrize(
    ("name", "release"), [("trt7", "7.2"), ("trt8.0", "8.0"), ("trt8.6", "8.6"), ("trt10.15", "10.15")]
)
def test_onnx_tables_row_by_row(name: str, release: str) -> None:
    target, dtypes = load_target(name), tool("onnx_facts").TABLE_DTYPES
    for op, entry in facts("onnx_trt_ops")["releases"][release].items():
        row = target.ops[op]
        assert (row.support is Answer.NO) is (not entry["supported"]), op
        if entry.get("types") and row.dtypes is not None:
            words = [w for t in entry["types"] for w in t.split()]
            assert row.dtypes == {DType.parse(dtypes[w]) for w in words if dtypes[w]}, op
        assert row.support is not Answer.YES or entry["supported"], op


@needs_facts
def test_rtx_follows_what_was_measured() -> None:
    target = load_target("rtx1.7")
    cases: dict[str, list[bool]] = defaultdict(list)
    for case in facts("rtx_live")["cases"]:
        second = case.get("with_constant_operands") or {}
        if len(case["ops"]) == 1:
            cases[case["ops"][0]].append(bool(case["builds"] or second.get("builds")))
    assert set(cases) <= set(target.ops)
    for op, built in cases.items():
        row = target.ops[op]
        assert row.support is not Answer.NO or not any(built), op
        assert row.support is not Answer.YES or any(built) or row.hand, op


def test_inputs_that_a_types_row_does_not_speak_of_agree_with_onnx() -> None:
    onnx = pytest.importorskip("onnx.defs")
    same = {"BatchNormalization", "GridSample", "Pow", "RMSNormalization", "MatMulInteger", "ConvInteger"}
    inputs = tool("onnx_facts").INPUTS
    for name in ("trt8.6", "trt10.15", "rtx1.7"):
        for op, row in load_target(name).ops.items():
            if row.support is Answer.YES and row.dtypes is not None and onnx.has(op) and op not in same:
                types = [i.type_str for i in onnx.get_schema(op).inputs]
                data = inputs.get(op, range(len(types)))
                assert len({types[i] for i in data if i < len(types)}) <= (2 if op == "Attention" else 1), (name, op)
                assert row.inputs == (tuple(inputs[op]) if op in inputs else None), (name, op)
