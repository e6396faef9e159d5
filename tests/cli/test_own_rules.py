"""Rules that stand in the configuration: what they find, what they change, and how slips are told."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from graphdoctor.config import discovery
from graphdoctor.flows.opening import open_model
from graphdoctor.formats.tensorflow import save_graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import load_rules
from tests.cli.program import Done, call, helped

GRAPHS = Path(__file__).parents[2] / "fixtures" / "graphs"
RELU = 'code = "ACME001"\nname = "no-relu"\nop = "Relu6"\nmessage = "{node} clips"\n'
CONV = 'code = "ACME002"\nname = "a-conv"\nop = "Conv2D"\nmessage = "{op} gives {shape}"\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with net.pb in it, which ten Relu6 and seven Conv2D are in."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(GRAPHS / "demo.pb", "net.pb")
    return tmp_path


def put(*rules: str, head: str = 'target = "trt8.6"\n', file: str = "graphdoctor.toml", table: str = "rule") -> None:
    Path(file).write_text(head + "".join(f"[[{table}]]\n{rule}\n" for rule in rules), encoding="utf-8")


def run(*words: str | Path) -> Done:
    discovery.nearest_file.cache_clear()
    discovery._extended.cache_clear()
    return call(*words)


def check(*words: str | Path) -> Done:
    return run("check", "net.pb", "--no-live", "--no-cache", *words)


def report(*words: str | Path) -> Any:
    """The only model of the JSON report."""
    (model,) = json.loads(check("--format", "json", *words).out)["models"]
    return model


def found(*words: str | Path) -> dict[str, list[Any]]:
    """The findings of own rules, by code."""
    by_code: dict[str, list[Any]] = {}
    for finding in report(*words)["findings"]:
        if finding["code"].startswith("ACME"):
            by_code.setdefault(finding["code"], []).append(finding)
    return by_code


def test_ops_globs_and_messages() -> None:
    put(RELU, CONV)
    made = found()
    assert {code: len(findings) for code, findings in made.items()} == {"ACME001": 10, "ACME002": 7}
    first = made["ACME001"][0]
    assert (first["name"], first["severity"], first["target"]) == ("no-relu", "warning", "")
    assert first["message"] == f"{first['node']} clips"
    assert "Conv2D gives [1,48,48,16]" in {f["message"] for f in made["ACME002"]}
    put(RELU.replace('"Relu6"', '["Rel?6", "Con*", "Softm[ax]x"]'))
    ops = {f["op"] for f in found()["ACME001"]}
    assert ops == {n.op for n in open_model("net.pb").graph if re.match("Rel.6$|Con|Softmax$", n.op)}
    put(RELU.replace('"Relu6"', '"Nothing*Here"'))
    assert found() == {}


def test_in_a_pyproject_and_on_the_command_line() -> None:
    put(RELU, head="", file="pyproject.toml", table="tool.graphdoctor.rule")
    assert len(found("--target", "trt8.6")["ACME001"]) == 10
    assert found("--isolated") == {}
    inline = 'rule=[{code="ACME003", name="x", op="Conv2D", message="m"}]'
    assert set(found("--config", inline)) == {"ACME001", "ACME003"}


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    """A predicate asks for a rank that nobody knows: a doubt, as an error a warning, and no verdict is touched."""
    graph = parse_graph("x = Placeholder {dtype: float32}\ny = Relu(x)\ninputs: x\noutputs: y", "g")
    save_graph(graph, "net.pb")
    put(RELU.replace("Relu6", "Relu") + 'severity = "error"\nwhere = [{predicate = "rank-in", ranks = [4]}]')
    (finding,) = found()["ACME001"]
    assert (finding["severity"], finding["certain"], finding["blocks"]) == ("warning", False, False)
    assert finding["message"].startswith("cannot tell whether this holds: y clips: ")
    assert report()["verdicts"] == report("--isolated", "--target", "trt8.6")["verdicts"]
    put(RELU.replace("Relu6", "Relu") + 'where = [{predicate = "rank-in", ranks = [4]}]')
    assert found() == {}
    assert any("ACME001 no-relu" in note for note in report()["not_checked"])


def test_targets_by_name_and_by_parser() -> None:
    put(RELU + 'targets = "onnx"', CONV + 'targets = ["trt5", "tftrt"]')
    assert {f["target"] for f in found()["ACME001"]} == {"trt8.6"}
    assert "ACME002" not in found()
    several = found("--target", "trt5", "--target", "trt6", "--target", "tftrt1.15")
    assert set(several) == {"ACME002"}
    assert {f["target"] for f in several["ACME002"]} == {"trt5", "tftrt1.15"}


def test_predicates_narrow() -> None:
    put(CONV + 'where = [{predicate = "in-scope", text = "stem"}]')
    whole = found()
    assert [f["node"] for f in whole.get("ACME002", [])] == ["shapes_1/stem_1/convolution"]
    put(CONV + 'where = [{predicate = "rank-in", ranks = [4], negate = true}]')
    assert found() == {}


def test_an_error_fails_the_run_and_changes_no_verdict() -> None:
    plain = report("--target", "all", "--isolated")["verdicts"]
    put(RELU + 'severity = "error"')
    assert report("--target", "all")["verdicts"] == plain
    assert plain["trt8.6"]["verdict"] == "compatible"
    assert check().code == 1
    assert not any(f["blocks"] for f in found()["ACME001"])
    assert check("--severity", "ACME=info").code == 0
    assert check("--fail-on", "never").code == 0


def test_selection_suppression_and_baseline() -> None:
    put(RELU + 'severity = "error"')
    assert found("--ignore", "ACME") == found("--ignore", "no-relu") == found("--select", "GDU") == {}
    assert {f["code"] for f in report("--select", "ACME001")["findings"]} == {"ACME001"}
    assert "Did you mean ACME001" in helped(check("--select", "ACME01"))
    Path("net.gdignore.toml").write_text('[[suppress]]\nrule = "no-relu"\nscope = "shapes_1/block*"', encoding="utf-8")
    assert [f["node"] for f in found()["ACME001"]] == ["shapes_1/stem_relu_1/Relu6"]
    Path("net.gdignore.toml").unlink()
    assert check("--write-baseline", "base.json").code == 0
    assert found("--baseline", "base.json") == {}
    assert check("--baseline", "base.json").code == 0


def test_an_accepted_finding_accepts_nothing_of_the_target() -> None:
    """It speaks of a node that the target does not run; the verdict stays to be answered for."""
    put(RELU, head='target = "trt3"\nignore = ["GDU", "GDV", "GDC", "GDO"]\n')
    Path("net.gdignore.toml").write_text('[[suppress]]\nrule = "ACME001"', encoding="utf-8")
    assert report()["verdicts"]["trt3"]["verdict"] == "incompatible"
    assert check().code == 1


def test_a_kept_report_is_of_the_same_rules(tmp_path: Path) -> None:
    words = ("check", "net.pb", "--no-live", "--format", "concise", "--cache-dir", tmp_path / "kept")
    put(RELU)
    first = run(*words)
    assert "clips" in first.out
    assert run(*words) == first
    put(RELU.replace("clips", "cuts"))
    assert "cuts" in run(*words).out
    put(RELU + 'where = [{predicate = "rank-in", ranks = [2]}]')
    assert "ACME001" not in run(*words).out
    assert len(list((tmp_path / "kept").glob("*.report.json"))) == 3


def test_extend_replaces_by_code() -> None:
    put(RELU, CONV, file="base.toml")
    put(RELU.replace("Relu6", "Softmax"), head='extend = "base.toml"\n')
    assert {code: {f["op"] for f in findings} for code, findings in found().items()} == {
        "ACME001": {"Softmax"},
        "ACME002": {"Conv2D"},
    }


def test_each_model_has_the_rules_of_its_folder() -> None:
    Path("other").mkdir()
    shutil.copy("net.pb", "other/net.pb")
    put(RELU)
    put(CONV, file="other/graphdoctor.toml")
    done = run("check", "net.pb", "other/net.pb", "--no-live", "--no-cache", "--format", "json")
    codes = [{f["code"] for f in m["findings"] if f["code"][0] == "A"} for m in json.loads(done.out)["models"]]
    assert codes == [{"ACME001"}, {"ACME002"}]


def test_sarif_settings_rules_and_explain() -> None:
    put(RELU + 'why = "They said so."', CONV + 'where = [{predicate = "rank-in", ranks = [4]}]')
    driver = json.loads(check("--format", "sarif").out)["runs"][0]["tool"]["driver"]
    texts = {r["id"]: r["fullDescription"]["text"] for r in driver["rules"]}
    assert texts["ACME001"] == "They said so."
    shown = check("--show-settings").out
    Path("shown.toml").write_text(shown, encoding="utf-8")
    assert found("--config", "shown.toml") == found() != {}
    codes = [r["code"] for r in json.loads(run("rules", "--format", "json").out)]
    assert codes == [*(r.code for r in load_rules()), "ACME001", "ACME002"]
    assert [r["code"] for r in json.loads(run("rules", "--select", "a-conv", "--format", "json").out)] == ["ACME002"]
    for word in ("acme001", "no-relu"):
        assert "They said so." in run("explain", word).out
    assert run("explain", "GDU001").code == 0
    Path("graphdoctor.toml").write_text("rule = 1", encoding="utf-8")
    assert "rule must be a list" in helped(run("explain", "ACME001"))
    assert "rule must be a list" in helped(run("rules"))
    assert run("explain", "GDU001").code == 0
    Path("graphdoctor.toml").unlink()
    assert "there is no rule 'ACME001'" in helped(run("explain", "ACME001"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"ACME001"', '"GDU900"', "rule GDU900: code: codes that begin with GD are graphdoctor's own"),
        ('"ACME001"', '"acme1"', "rule acme1: code: 'acme1' is no code"),
        ('"no-relu"', '"No Relu"', "name: 'No Relu' is no name"),
        ('"no-relu"', '"dead-nodes"', "name: the rule GDS003 (dead-nodes) has this name already"),
        ('"no-relu"', '"no-relu"\nseverty = "error"', "graphdoctor.toml:5: rule.1: there is no key 'severty'"),
        ('"no-relu"', '"no-relu"\nseverity = "eror"', "Did you mean 'error'?"),
        ('"Relu6"', '"Rellu6"', "op: there is no op 'Rellu6' help: Did you mean 'Relu6'?"),
        ('"Relu6"', '["Relu6", "conv2d"]', "Did you mean 'Conv2D'? For an op of your own write 'conv2[d]'"),
        ('"Relu6"', '"a b"', "op: 'a b' is no op type"),
        ('"Relu6"', "[]", "op: names no op"),
        ('"Relu6"', "6", "graphdoctor.toml:5: rule.1: op must be text or a list of texts, not 6"),
        ("{node}", "{nod}", "message names 'nod', which nothing fills in"),
        ("{node}", "{node", "message: cannot be filled in"),
        ("{node}", "{node:d}", "message: fields are filled in as they are"),
        ("clips", "", None),
        ("{node} clips", " ", "message: must be one line of text"),
        ('"no-relu"', '"no-relu"\ntargets = ["trt88"]', "targets: no target and no parser is called 'trt88'"),
        ('"no-relu"', '"no-relu"\nwhere = [{predicate = "rank_in"}]', "where[0].predicate: invalid value 'rank_in'"),
        ('"no-relu"', '"no-relu"\nwhere = [{predicate = "rank-in", rank = [1]}]', "Did you mean 'ranks'?"),
        ('"no-relu"', '"no-relu"\nwhere = [{predicate = "rank-in", ranks = ["x"]}]', "where[0].ranks[0]"),
        ('"no-relu"', '"no-relu"\nwhere = [{ranks = [1]}]', "predicate"),
        ('"no-relu"', '"no-relu"\nwhere = [{predicate = "rank-in", ranks = [1], on = "z"}]', "asks about 'z'"),
        (
            '"no-relu"',
            '"no-relu"\nwhere = [{predicate = "axes-hold-batch", input = -1}]',
            "where[0].input: expected `int` >= 0",
        ),
        ('op = "Relu6"\n', "", "rule.1: lacks the key 'op'"),
    ],
)
def test_slips_are_told(old: str, new: str, said: str | None) -> None:
    put(RELU.replace(old, new))
    if said is None:
        assert check().code == 0
    else:
        assert said in helped(check())
        assert said in helped(check("--show-settings"))


def test_codes_and_names_stand_once() -> None:
    put(RELU, RELU)
    assert "rule ACME001: the code stands there twice" in helped(check())
    put(RELU, CONV.replace("a-conv", "no-relu"))
    assert "rule ACME002: name: the rule ACME001 (no-relu) has this name already" in helped(check())
    put(RELU, CONV.replace('"ACME002"', "2"))
    assert "graphdoctor.toml:9: rule.2: code must be text, not 2" in helped(check())


def test_ops_that_graphdoctor_does_not_know_can_be_named() -> None:
    put(RELU.replace("Relu6", "MyNonMaxPluginTRT"), CONV.replace('"Conv2D"', '["conv2[d]", "NonMaxSuppressionV9"]'))
    assert check().code == 0


def test_settings_of_a_folder_are_those_in_it() -> None:
    Path("sub").mkdir()
    put(head='target = "trt5"\n', file="sub/graphdoctor.toml")
    put(head='target = "trt6"\n')
    assert '\ntarget = ["trt5"]\n' in run("check", "--show-settings", "sub").out
    Path("net.pb").unlink()
    Path("sub/graphdoctor.toml").unlink()
    assert '\ntarget = ["trt6"]\n' in run("check", "--show-settings", "sub").out
    assert "# .\n# read: graphdoctor.toml\n" in run("check", "--show-settings", "sub/..").out.replace("# sub/..", "# .")


def test_a_baseline_and_a_report_are_two_files() -> None:
    for format_ in ("json:base.json", "full:./base.json"):
        assert "would be written twice" in helped(check("--write-baseline", "base.json", "--format", format_))
    assert "would be written twice" in helped(check("--write-baseline", "b", "--output-file", "b"))
    assert [p.name for p in Path().iterdir()] == ["net.pb"]
