"""graphdoctor check: exit codes, streams, formats, choices."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from graphdoctor.render import FORMATS
from graphdoctor.resources import rules_dir
from graphdoctor.targets import all_target_names
from tests.cli.program import Done, call, helped, refused

GRAPHS = Path(__file__).parents[2] / "fixtures" / "graphs"
DEMO, MLP, FAULTY = GRAPHS / "demo.pb", GRAPHS / "mlp.pb", GRAPHS / "every_fault.pb"
SCHEMA = json.loads((rules_dir() / "schema" / "check-report.schema.json").read_text())


def check(*words: str | Path) -> Done:
    return call("check", "--no-live", *words)


def report(*words: str | Path) -> Any:
    """The JSON report, which fits its schema."""
    done = check("--format", "json", *words)
    found = json.loads(done.out)
    Draft202012Validator(SCHEMA).validate(found)
    return found


def codes(*words: str | Path) -> set[str]:
    """The rules that spoke."""
    return {f["code"] for m in report(*words)["models"] for f in m["findings"]}


def test_nothing_in_the_way() -> None:
    done = check(MLP, "--target", "rtx1.7")
    assert (done.code, done.err) == (0, "")
    assert "compatible" in done.out


def test_findings() -> None:
    done = check(DEMO)
    assert (done.code, done.err) == (1, "")
    assert "GDU003" in done.out


@pytest.mark.parametrize("model", sorted(GRAPHS.glob("*.pb")), ids=lambda p: p.stem)
def test_json_fits_its_schema(model: Path) -> None:
    (one,) = report(model, "--target", "all")["models"]
    assert set(one["verdicts"]) == set(all_target_names())
    assert one["path"] == str(model)
    assert one["nodes"] > 0


@pytest.mark.parametrize(
    ("target", "level", "code"),
    [
        ("rtx1.7", "error", 0),
        ("rtx1.7", "warning", 1),
        ("rtx1.7", "info", 1),
        ("rtx1.7", "never", 0),
        ("trt3", "error", 1),
        ("trt3", "never", 0),
    ],
)
def test_fail_on(target: str, level: str, code: int) -> None:
    """The demo has a warning and an info whatever the target, and errors for trt3 alone."""
    assert check(DEMO, "--target", target, "--fail-on", level).code == code


def test_an_unknown_verdict_fails(tmp_path: Path) -> None:
    """Without one finding of level error that is sure."""
    (one,) = report(FAULTY, "--target", "trt8.6", "--input", "image_branch/image:uint8[1,?,?,3]")["models"]
    assert one["verdicts"]["trt8.6"]["verdict"] != "compatible"
    assert check(FAULTY, "--target", "trt8.6").code == 1


def test_select_and_ignore() -> None:
    every = codes(DEMO)
    assert {"GDU003", "GDV001", "GDC005"} < every
    assert codes(DEMO, "--select", "GDV") == {c for c in every if c.startswith("GDV")}
    assert codes(DEMO, "--select", "GDV001,GDC005") == {"GDV001", "GDC005"}
    assert codes(DEMO, "--select", "GDV001", "--select", "GDC005") == {"GDV001", "GDC005"}
    assert codes(DEMO, "--select", "GDV001", "--extend-select", "GDC005") == {"GDV001", "GDC005"}
    assert codes(DEMO, "--ignore", "GDV,GDU") == {c for c in every if not c.startswith(("GDV", "GDU"))}
    assert codes(DEMO, "--select", "GDV", "--ignore", "GDV001") == {"GDV005"}


def test_ignoring_changes_no_verdict() -> None:
    """What is not shown still stands in the way."""
    before, after = (report(DEMO, *w)["models"][0]["verdicts"] for w in ([], ["--ignore", "GD"]))
    assert before == after
    assert check(DEMO, "--ignore", "GD").code == 1


def test_targets_repeat_once_each() -> None:
    (one,) = report(DEMO, "-t", "trt3", "-t", "trt8.6, trt3")["models"]
    assert one["chosen"] == ["trt3", "trt8.6"]
    assert {f["target"] for f in one["findings"]} <= {"", "trt3", "trt8.6"}


def test_concise_says_a_finding_once_with_its_targets() -> None:
    lines = check(DEMO, "-t", "trt8-uff,trt3", "--format", "concise").out.splitlines()
    findings = [line for line in lines if " GD" in line]
    assert any("(trt8-uff, trt3) " in line for line in findings)  # in the order in which they were chosen
    assert len({line.replace("(trt8-uff, trt3)", "") for line in findings}) == len(findings)


def test_several_models() -> None:
    found = report(MLP, DEMO)
    assert [m["path"] for m in found["models"]] == [str(MLP), str(DEMO)]
    assert check(MLP, DEMO).code == 1
    assert check(MLP, MLP, "--target", "rtx1.7").code == 0


def test_one_bad_model_does_not_hide_the_others(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pb"
    bad.write_bytes(b"Dear reader")
    done = check(MLP, bad, tmp_path / "missing.pb", DEMO, "--format", "json")
    assert done.code == 2
    assert [m["path"] for m in json.loads(done.out)["models"]] == [str(MLP), str(DEMO)]
    assert done.err.count("error: ") == done.err.count("help: ") == 2
    for name in ("bad.pb", "missing.pb"):
        assert name in done.err
    refused_all = check(bad, tmp_path / "missing.pb")
    assert (refused_all.code, refused_all.out) == (2, "")
    assert refused_all.err.count("error: ") == 2


def test_output_file(tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    done = check(DEMO, "--format", "json", "--output-file", place)
    assert (done.code, done.out, done.err) == (1, "", f"wrote {place}\n")
    assert place.read_text() == check(DEMO, "--format", "json").out
    assert check(MLP, "--target", "rtx1.7", "--output-file", place).code == 0
    assert "mlp.pb" in place.read_text()


def test_several_formats_in_one_run(tmp_path: Path) -> None:
    sarif, lines = tmp_path / "out.sarif", tmp_path / "out.jsonl"
    done = check(DEMO, "--format", f"sarif:{sarif}", "--format", "concise", "--format", f"jsonl:{lines}")
    assert (done.code, done.err) == (1, f"wrote {sarif}\nwrote {lines}\n")
    assert done.out == check(DEMO, "--format", "concise:-").out
    for place, name in ((sarif, "sarif"), (lines, "jsonl")):
        assert place.read_text() == check(DEMO, "--format", name).out


def test_every_format_can_go_to_a_file(tmp_path: Path) -> None:
    done = check(DEMO, "--format", f"json:{tmp_path / 'a.json'}")
    assert (done.code, done.out) == (1, "")
    assert json.loads((tmp_path / "a.json").read_text())["version"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "json", "--format", "full"], "json and full would both go to standard output"),
        (["--format", "json", "--format", "full:-"], "--format full:PATH"),
        (["--format", "sarif:"], "names no file"),
        (["--format", "sarf:TMP/x"], "Did you mean sarif"),
        (["--format", "json:TMP/x", "--format", "sarif:TMP/../tmp/x"], "written twice"),
        (["--format", "json:TMP/x", "--output-file", "TMP/y"], "json:TMP/y"),
        (["--format", "json", "--format", "full", "--output-file", "TMP/y"], "single format"),
        (["--format", "json:TMP/none/x"], "no such folder"),
        (["--format", "json:TMP"], "is a folder"),
        (["--format", "sarif:TMP/out.sarif", "--format", "json:TMP"], "is a folder"),
        (["--format", "sarif:TMP/out.sarif", "--format", "json:TMP/a\0b"], "NUL"),
        (["--format", "json:TMP/net.pb"], "is the input itself"),
        (["--format", "full", "--format", "json:TMP/link.pb"], "is the input itself"),
    ],
)
def test_an_output_that_cannot_be(tmp_path: Path, words: list[str], said: str) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    (folder / "net.pb").write_bytes(MLP.read_bytes())
    (folder / "link.pb").symlink_to("net.pb")
    message = helped(check(folder / "net.pb", *(w.replace("TMP", str(folder)) for w in words)))
    assert said.replace("TMP", str(folder)) in message
    assert (folder / "net.pb").read_bytes() == MLP.read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == ["link.pb", "net.pb"]


def test_no_output_goes_over_a_part_of_a_saved_model(tmp_path: Path) -> None:
    part = tmp_path / "model" / "variables" / "variables.index"
    part.parent.mkdir(parents=True)
    part.write_text("weights")
    assert "is the input itself" in helped(check(tmp_path / "model", "--format", f"json:{part}"))
    assert part.read_text() == "weights"


def test_a_model_that_could_not_be_checked_is_in_the_report(tmp_path: Path) -> None:
    done = check(MLP, tmp_path / "missing.pb", "--format", "json")
    (failed,) = json.loads(done.out)["failed"]
    assert done.code == 2
    assert failed["path"] == str(tmp_path / "missing.pb")
    assert failed["message"].startswith("cannot be read")


def test_rules_link_to_their_pages(tmp_path: Path) -> None:
    done = check(DEMO, "--format", "sarif", "--rule-url", "https://example.org/{code}.md")
    rules = json.loads(done.out)["runs"][0]["tool"]["driver"]["rules"]
    assert {r["helpUri"] for r in rules} == {f"https://example.org/{r['id']}.md" for r in rules}
    for bad in ("docs/rules/{code}.md", "https://example.org/rules/", "https://example.org/\n{code}"):
        assert "--rule-url" in helped(check(DEMO, "--rule-url", bad))


def test_a_baseline_is_not_written_over(tmp_path: Path) -> None:
    baseline = tmp_path / "accepted.json"
    assert check(DEMO, "--write-baseline", baseline).code == 0
    before = baseline.read_bytes()
    assert "input itself" in helped(check(DEMO, "--baseline", baseline, "--format", f"json:{baseline}"))
    assert baseline.read_bytes() == before


def test_a_bad_option_leaves_the_old_report(tmp_path: Path) -> None:
    place = tmp_path / "report.txt"
    place.write_text("before")
    helped(check(DEMO, "--target", "trt33", "--output-file", place))
    helped(check(tmp_path / "missing.pb", "--output-file", place))
    assert place.read_text() == "before"


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_gives_the_same_exit_code(format_: str) -> None:
    done = check(DEMO, "--format", format_, "--statistics", "--show-nodes")
    assert (done.code, done.err) == (1, "")
    assert "GDU003" in done.out


def test_results_go_to_standard_output_only() -> None:
    """A stream of JSON is JSON, whatever else there is to say."""
    for words in (["inspect", DEMO], ["rules"], ["targets"], ["packs"], ["explain", "GDU003"]):
        done = call(*words, "--format", "json")
        assert (done.code, done.err) == (0, "")
        json.loads(done.out)


def test_standard_input() -> None:
    done = call("check", "-", "--format", "json", stdin=DEMO.read_bytes())
    (one,) = json.loads(done.out)["models"]
    (same,) = report(DEMO)["models"]
    assert one == {**same, "path": "-"}


def test_names_that_are_not_in_the_graph() -> None:
    assert "Did you mean input?" in helped(check(MLP, "--input", "inptu"))
    assert "Did you mean output?" in helped(check(MLP, "--output", "outptu"))
    assert "Did you mean 'trt3'?" in helped(check(MLP, "--target", "tr3"))
    assert "Did you mean json?" in helped(check(MLP, "--format", "jsn"))
    assert "Did you mean GDV00" in helped(check(MLP, "--select", "GDV00l"))
    refused(check(MLP, "--input", "input[1,"))


def test_an_input_in_the_middle_cuts_the_graph() -> None:
    (whole,), (cut,) = report(MLP)["models"], report(MLP, "--input", "fc1/Relu:float32[?,128]")["models"]
    assert [i["name"] for i in cut["inputs"]] == ["fc1/Relu"]
    assert cut["nodes"] < whole["nodes"]


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_live_asks_nvidia() -> None:
    """By default for a target that is named; never with --no-live."""
    (asked,) = json.loads(call("check", FAULTY, "--target", "rtx1.7", "--format", "json").out)["models"]
    (table,) = report(FAULTY, "--target", "rtx1.7")["models"]
    assert asked["not_checked"] != table["not_checked"] or asked["findings"] != table["findings"]
    done = call("check", DEMO, "--target", "rtx1.7", "--live")
    assert done.code == 0


@pytest.mark.parametrize("option", ["--build", "--live"])
def test_what_cannot_be_asked_live_is_refused(option: str) -> None:
    done = call("check", DEMO, "--target", "trt3", option)
    assert done.code == 2
    assert f"{option}: NVIDIA cannot be asked for trt3" in done.err
    assert "Add --target rtx1.7" in done.err
    assert done.out == ""


@pytest.mark.engine
@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx_bindings") is None, reason="NVIDIA's builder is missing")
def test_the_builder_is_asked_unless_it_is_told_not_to() -> None:
    built = call("check", DEMO, "--target", "rtx1.7", "--build")
    parsed = call("check", DEMO, "--target", "rtx1.7", "--no-build")
    assert "NVIDIA's builder was not asked: --no-build" in parsed.out
    assert "NVIDIA's builder was not asked" not in built.out
    assert "NVIDIA's builder made an engine of it" in built.out
