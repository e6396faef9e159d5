"""The formats that programs read: their schemas hold, whatever the report."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from graphdoctor.findings import Failed, Finding, Hidden, ModelReport, Report, Severity
from graphdoctor.render import FINGERPRINTED, FORMATS, RenderOptions, RuleInfo, render
from graphdoctor.resources import rules_dir
from tests.render.junit import problems
from tests.render.sample import LENET, REPORT, RESNET, RULES

PLAIN = RenderOptions(rules=RULES)
SARIF = json.loads((Path(__file__).parent / "sarif-2.1.0.schema.json").read_text())
HOSTILE = "a/\x1b[31m\r\n::error title=x::pwned,\u202e\udc80%0A`|<b>@me [x](y)"


def _hostile_report() -> Report:
    finding = Finding("GDS001", "odd-name", Severity.ERROR, "trt3", HOSTILE, "Add", f"{HOSTILE}: has an odd name")
    model = dataclasses.replace(RESNET, path="my nets/ü%.pb", sha256="", findings=(finding,), not_checked=(HOSTILE,))
    return Report("graphdoctor 0.1.0", (model,))


def _empty_report() -> Report:
    return Report("graphdoctor", ())


def _accepted_report() -> Report:
    """One finding accepted, one that an option hides, nothing left to see."""
    first, second, *_ = RESNET.findings
    concealed = (Hidden(first, "by the baseline", accepted=True), Hidden(second, "by --ignore"))
    hidden = (("by --ignore", 1), ("by the baseline", 1))
    model = dataclasses.replace(RESNET, findings=(), concealed=concealed, hidden=hidden, accepted=("trt3",))
    return Report("graphdoctor 0.1.0", (model,))


def _failed_report() -> Report:
    return Report("graphdoctor 0.1.0", (LENET,), (Failed("nets/bad.pb", "holds no graph", "Export it again"),))


REPORTS = {
    "failed": _failed_report(),
    "sample": REPORT,
    "accepted": _accepted_report(),
    "hostile": _hostile_report(),
    "no models": _empty_report(),
}


def _closed(schema: Any) -> Any:
    """The schema with every object closed, so that a field it does not describe is an error."""
    if isinstance(schema, list):
        return [_closed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {k: _closed(v) for k, v in schema.items()}
    return {"additionalProperties": False, **closed} if "properties" in closed else closed


def _report_schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((rules_dir() / "schema" / "check-report.schema.json").read_text())
    return schema


@pytest.mark.parametrize("name", REPORTS)
def test_json_follows_its_schema_and_holds_nothing_beyond(name: str) -> None:
    schema = _report_schema()
    Draft202012Validator.check_schema(schema)
    document = json.loads(render("json", REPORTS[name], PLAIN))
    Draft202012Validator(_closed(schema)).validate(document)


def test_json_keys_stand_in_the_order_of_the_schema() -> None:
    schema = _report_schema()
    document = json.loads(render("json", REPORT, PLAIN))
    model, definitions = document["models"][0], schema["$defs"]
    assert list(document) == list(schema["properties"])
    assert list(model) == list(definitions["model"]["properties"])
    assert list(model["findings"][0]) == list(definitions["finding"]["properties"])


def test_json_tells_unknown_rank_from_unknown_dimension() -> None:
    model = json.loads(render("json", REPORT, PLAIN))["models"][0]
    assert model["inputs"][0]["shape"] == [None, 224, 224, 3]
    assert model["outputs"][1] == {"name": "aux", "dtype": "float16", "shape": None}


@pytest.mark.parametrize("format_", ["json", "jsonl", "sarif"])
def test_strange_names_come_back_unchanged(format_: str) -> None:
    text = render(format_, _hostile_report(), PLAIN)
    assert text.isascii()
    nodes = json.dumps([HOSTILE])[1:-1]
    assert nodes in text


def test_jsonl_says_the_same_as_json() -> None:
    lines = [json.loads(line) for line in render("jsonl", REPORT, PLAIN).splitlines()]
    document = json.loads(render("json", REPORT, PLAIN))
    findings = [f for m in document["models"] for f in m["findings"]]
    models = [r for r in lines if r["type"] == "model"]
    assert [
        {k: v for k, v in r.items() if k not in ("type", "path")} for r in lines if r["type"] == "finding"
    ] == findings
    assert [(m["path"], m["verdicts"]) for m in models] == [(m["path"], m["verdicts"]) for m in document["models"]]


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("help_base", ["", "https://example.org/rules/"])
def test_sarif_follows_its_schema(name: str, help_base: str) -> None:
    Draft4Validator.check_schema(SARIF)
    document = json.loads(render("sarif", REPORTS[name], RenderOptions(rules=RULES, help_base=help_base)))
    Draft4Validator(SARIF).validate(document)


def test_sarif_schema_refuses_what_is_not_sarif() -> None:
    document = json.loads(render("sarif", REPORT, PLAIN))
    document["runs"][0]["results"][0]["locations"][0]["logicalLocations"][0]["fullName"] = "x"
    assert not Draft4Validator(SARIF).is_valid(document)


@pytest.mark.skipif("GRAPHDOCTOR_SARIF_SCHEMA" not in os.environ, reason="names no other copy of OASIS's schema")
@pytest.mark.parametrize("name", REPORTS)
def test_sarif_follows_another_copy_of_the_schema(name: str) -> None:
    schema = json.loads(Path(os.environ["GRAPHDOCTOR_SARIF_SCHEMA"]).read_text())
    Draft4Validator(schema).validate(json.loads(render("sarif", REPORTS[name], PLAIN)))


def test_sarif_results_point_at_rules_and_artifacts() -> None:
    run = json.loads(render("sarif", REPORT, PLAIN))["runs"][0]
    rules, artifacts = run["tool"]["driver"]["rules"], run["artifacts"]
    assert len(run["results"]) == sum(len(m.findings) for m in REPORT.models)
    for result in run["results"]:
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert result["properties"]["target"] in {"", *(v.target for m in REPORT.models for v in m.verdicts)}
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert artifacts[location["index"]]["location"]["uri"] == location["uri"]


def test_sarif_rules_carry_the_text_of_the_rule() -> None:
    options = RenderOptions(rules=RULES, help_base="https://example.org/rules/")
    rules = {r["id"]: r for r in json.loads(render("sarif", REPORT, options))["runs"][0]["tool"]["driver"]["rules"]}
    assert rules["GDV001"]["helpUri"] == "https://example.org/rules/GDV001"
    assert RULES["GDV001"].why in rules["GDV001"]["help"]["text"]
    assert rules["GDS003"]["shortDescription"]["text"] == "dead-node"  # no text was given for this one


def test_sarif_does_not_call_an_open_question_an_error() -> None:
    results = json.loads(render("sarif", REPORT, PLAIN))["runs"][0]["results"]
    assert {r["level"] for r in results if not r["properties"]["certain"]} == {"warning"}


def test_sarif_fingerprints_tell_findings_apart_and_ignore_wording() -> None:
    def prints(model: ModelReport) -> list[str]:
        results = json.loads(render("sarif", Report("graphdoctor", (model,)), PLAIN))["runs"][0]["results"]
        return [r["partialFingerprints"]["graphdoctor/v1"] for r in results]

    reworded = tuple(dataclasses.replace(f, message="other words", remedy="") for f in RESNET.findings)
    assert len(set(prints(RESNET))) == len(RESNET.findings)
    assert sorted(prints(RESNET)) == sorted(prints(dataclasses.replace(RESNET, findings=reworded, path="x.pb")))


def test_sarif_names_the_node() -> None:
    results = json.loads(render("sarif", REPORT, PLAIN))["runs"][0]["results"]
    concat = next(r for r in results if r["ruleId"] == "GDU011")
    (place,) = concat["locations"][0]["logicalLocations"]
    assert place == {"name": "concat", "fullyQualifiedName": "head/concat", "kind": "member"}


def test_findings_that_are_the_same_keep_apart() -> None:
    twice = dataclasses.replace(RESNET, findings=RESNET.findings * 2)
    report = Report("graphdoctor", (twice, dataclasses.replace(twice, path="other.pb")))
    results = json.loads(render("sarif", report, PLAIN))["runs"][0]["results"]
    marks = [(r["partialFingerprints"]["primaryLocationLineHash"], _uri(r)) for r in results]
    assert len(set(marks)) == len(marks) == 4 * len(RESNET.findings)
    entries = json.loads(render("gitlab", report, PLAIN))
    assert len({e["fingerprint"] for e in entries}) == len(entries)


def _uri(result: dict[str, Any]) -> str:
    return str(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def test_sarif_keeps_what_was_accepted_as_suppressed() -> None:
    (result,) = json.loads(render("sarif", _accepted_report(), PLAIN))["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external", "justification": "hidden by the baseline"}]
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == RESNET.findings[0].node


def test_an_accepted_verdict_fails_nothing() -> None:
    report = _accepted_report()
    cases = ElementTree.fromstring(render("junit", report, PLAIN)).iter("testcase")
    assert {c.attrib["name"]: c.find("failure") is not None for c in cases}["trt3: verdict"] is False
    assert not [e for e in json.loads(render("gitlab", report, PLAIN)) if "on trt3;" in e["description"]]
    assert "::notice file=nets/resnet50_v2.pb,title=trt3::incompatible" in render("github", report, PLAIN)


def test_a_headline_counts_the_blockers_that_are_hidden() -> None:
    assert "on trt3; 1 blocker not shown\n" in render("full", _accepted_report(), PLAIN)
    concat = tuple(f for f in RESNET.findings if f.code == "GDU011")
    model = dataclasses.replace(RESNET, findings=concat, concealed=(Hidden(RESNET.findings[0], "as ignored"),))
    text = render("concise", Report("graphdoctor", (model,)), PLAIN)
    assert "(trt3) incompatible: 125 of 142 ops convert; 1 blocker, none fixable; 1 more not shown\n" in text


@pytest.mark.parametrize("format_", ["full", "concise", "markdown", "junit"])
def test_what_is_hidden_is_counted(format_: str) -> None:
    text = render(format_, _accepted_report(), PLAIN).replace("\\-", "-")
    assert "1 finding hidden by the baseline" in text
    assert "1 finding hidden by --ignore" in text
    model = json.loads(render("json", _accepted_report(), PLAIN))["models"][0]
    assert {h["reason"]: h["findings"] for h in model["hidden"]} == {"by --ignore": 1, "by the baseline": 1}
    assert model["accepted"] == ["trt3"]


@pytest.mark.parametrize("format_", FORMATS)
def test_a_model_that_could_not_be_checked_is_in_every_format(format_: str) -> None:
    text = render(format_, _failed_report(), PLAIN)
    assert "nets/bad.pb" in text
    assert "holds no graph" in text
    assert "Export it again" in text


def test_sarif_says_that_the_run_was_not_complete() -> None:
    for report, whole in ((_failed_report(), False), (REPORT, True)):
        (run,) = json.loads(render("sarif", report, PLAIN))["runs"]
        assert run["invocations"][0]["executionSuccessful"] is whole


def test_statistics_for_programs() -> None:
    counts = json.loads(render("json", REPORT, PLAIN))["statistics"]
    first = {"code": "GDV001", "name": "op-newer-than-1.12", "severity": "error"}
    assert counts[0] == {**first, "findings": 32, "nodes": 16, "fixable": 32}
    assert sum(c["findings"] for c in counts) == len(RESNET.findings)
    lines = render("jsonl", REPORT, RenderOptions(statistics=True)).splitlines()
    assert [json.loads(line) for line in lines[-len(counts) :]] == [{"type": "rule", **c} for c in counts]
    assert '"type":"rule"' not in render("jsonl", REPORT, PLAIN)


@pytest.mark.parametrize("name", REPORTS)
def test_gitlab_entries_have_the_fields_that_gitlab_reads(name: str) -> None:
    for entry in json.loads(render("gitlab", REPORTS[name], PLAIN)):
        assert list(entry) == ["description", "check_name", "fingerprint", "severity", "location"]
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert re.fullmatch("[0-9a-f]{32}", entry["fingerprint"])
        assert entry["location"]["lines"] == {"begin": 1}
        assert not entry["location"]["path"].startswith("./")
        assert entry["description"].isprintable()


def test_gitlab_says_every_finding_and_every_verdict_that_is_not_compatible() -> None:
    entries = json.loads(render("gitlab", REPORT, PLAIN))
    verdicts = [e for e in entries if e["check_name"] == "target-verdict"]
    assert [e["severity"] for e in verdicts] == ["blocker", "blocker", "major"]
    assert "the shape of head/Reshape is not known" in verdicts[2]["description"]
    assert len(entries) == len(verdicts) + len(RESNET.findings)
    assert {e["severity"] for e in entries if e["check_name"] == "GDH004"} == {"major"}
    here = Report("graphdoctor", (dataclasses.replace(RESNET, path="./a/../nets/net.pb"),))
    assert {e["location"]["path"] for e in json.loads(render("gitlab", here, PLAIN))} == {"nets/net.pb"}


@pytest.mark.parametrize("name", REPORTS)
def test_junit_counts_its_tests(name: str) -> None:
    root = ElementTree.fromstring(render("junit", REPORTS[name], PLAIN))
    assert root.tag == "testsuites"
    for suite in (root, *root):
        cases = list(suite.iter("testcase"))
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["errors"]) == sum(case.find("error") is not None for case in cases)
        assert int(suite.attrib["failures"]) == sum(case.find("failure") is not None for case in cases)
    for case in root.iter("testcase"):
        assert {"classname", "name", "time"} == case.attrib.keys()
        assert [child.tag for child in case] in (["failure"], ["system-out"], ["error"])


@pytest.mark.parametrize("name", REPORTS)
def test_junit_is_of_the_form_that_jenkins_states(name: str) -> None:
    assert list(problems(ElementTree.fromstring(render("junit", REPORTS[name], PLAIN)))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<testsuite/>", "testsuite lacks errors"),
        ('<testsuites tests="one"/>', "tests of testsuites is 'one'"),
        ("<testsuites><testcase name='a'/></testsuites>", "testsuites holds testcase"),
        ("<testsuites><verdict/></testsuites>", "there is no element verdict"),
        ("<testcase name='a' line='3'>text</testcase>", "testcase has line"),
        ("<testcase name='a'>text</testcase>", "testcase holds text"),
    ],
)
def test_what_is_not_of_the_form_is_seen(text: str, said: str) -> None:
    assert said in list(problems(ElementTree.fromstring(text)))


def test_sarif_explains_every_rule_in_full() -> None:
    """Without an address of pages too: a viewer shows what the rule finds, why, and what to do."""
    found = {f.code for m in REPORT.models for f in m.findings}
    info = RuleInfo("a-name", "What it finds", "Why it matters.", "What to do")
    options = dataclasses.replace(PLAIN, rules=dict.fromkeys(found, info) | RULES)
    (run,) = json.loads(render("sarif", REPORT, options))["runs"]
    for rule in run["tool"]["driver"]["rules"]:
        info = options.rules[rule["id"]]
        assert rule["help"]["text"] == f"{info.summary}\n\n{info.why}\n\n{info.remedy}"
        assert all(part in rule["help"]["markdown"] for part in (info.summary, info.why, info.remedy, rule["id"]))
        assert "helpUri" not in rule


def test_junit_order_is_that_of_the_common_schema() -> None:
    for suite in ElementTree.fromstring(render("junit", REPORT, PLAIN)):
        tags = [child.tag for child in suite]
        assert tags == sorted(tags, key=["properties", "testcase", "system-out"].index)


def test_junit_fails_what_stands_in_the_way_or_could_not_be_told() -> None:
    resnet, lenet = ElementTree.fromstring(render("junit", REPORT, PLAIN))
    failed = {c.attrib["name"]: c.find("failure") for c in resnet.iter("testcase")}
    kinds = {name: None if f is None else f.attrib["type"] for name, f in failed.items()}
    assert kinds == {
        "trt3: verdict": "incompatible",
        "trt3: GDU011 concat-axis": "error",
        "trt3: GDU020 pad-before-other": None,
        "trt3: GDV001 op-newer-than-1.12": "error",
        "trt8-uff: verdict": "incompatible",
        "trt8-uff: GDV001 op-newer-than-1.12": "error",
        "trt8.6: verdict": "unknown",
        "trt8.6: GDH004 unknown-shape": "unknown",
        "every target: GDS003 dead-node": None,
    }
    assert [c.attrib["name"] for c in lenet.iter("testcase")] == ["trt3: verdict"]
    assert lenet.find("testcase/failure") is None


def test_sarif_takes_an_absolute_path() -> None:
    report = Report("graphdoctor", (dataclasses.replace(LENET, path="/data/a b.pb"),))
    run = json.loads(render("sarif", report, PLAIN))["runs"][0]
    assert run["artifacts"][0]["location"]["uri"] == "file:///data/a%20b.pb"


def test_github_commands_keep_to_a_line_and_give_the_text_back() -> None:
    lines = render("github", _hostile_report(), PLAIN).split("\n")
    command = re.compile(r"::(error|warning|notice) file=([^,:]*),title=([^,:]*)::(.*)")
    matches = [command.fullmatch(line) for line in lines if line]
    assert all(matches)
    assert {unquote(m[2]) for m in matches if m is not None} == {"my nets/ü%.pb"}
    assert [unquote(m[3]) for m in matches if m is not None][-1] == "GDS001 odd-name"
    assert "has an odd name" in unquote(matches[-1][4] if matches[-1] else "")


def test_github_gets_the_verdicts_first_and_a_rule_once() -> None:
    titles = re.findall("title=([^:]*)::", render("github", Report("graphdoctor", (RESNET,)), PLAIN))
    assert titles[:3] == ["trt3", "trt8-uff", "trt8.6"]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_order_of_findings_does_not_matter(format_: str) -> None:
    shuffled = list(RESNET.findings)
    random.Random(7).shuffle(shuffled)
    again = Report(REPORT.tool, (dataclasses.replace(RESNET, findings=tuple(shuffled)), LENET))
    assert render(format_, again, PLAIN) == render(format_, REPORT, PLAIN)


@pytest.mark.parametrize("name", FORMATS)
def test_the_formats_that_show_fingerprints_are_those_that_get_them(name: str) -> None:
    """``check`` works none out for the others."""
    marked = [f.marked(f"{i:032x}") for i, f in enumerate(RESNET.findings)]
    without = [f.marked("") for f in RESNET.findings]
    shown = {
        render(name, Report("graphdoctor", (dataclasses.replace(RESNET, findings=tuple(found)),)), PLAIN)
        for found in (marked, without)
    }
    assert (len(shown) == 2) == (name in FINGERPRINTED)
