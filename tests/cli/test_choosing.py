"""graphdoctor check: configuration, severities and suppressions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import pytest

from graphdoctor.cli.check import command
from graphdoctor.cli.choosing import SECTIONS
from graphdoctor.flows.opening import open_model
from graphdoctor.formats.tensorflow import save_graph
from tests.cli.choosing import GRAPHS, NAMES, check, codes, forget, here, put, report  # noqa: F401 - a fixture
from tests.cli.program import call, helped, refused

# Configuration


def test_configuration_chooses() -> None:
    put(
        "pyproject.toml",
        '[tool.graphdoctor]\ntarget = "trt5"\nselect = ["GDV"]\nfail-on = "never"\nformat = "concise"\n',
    )
    done = check("net.pb")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("net.pb: ")
    assert "(trt5)" in done.out
    assert "GDU" not in done.out
    assert check("net.pb", "--fail-on", "error").code == 1
    assert "(trt6)" in check("net.pb", "--target", "trt6").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selct = []", "graphdoctor.toml:1: there is no key 'selct'"),
        ('select = ["GDV00l"]', "graphdoctor.toml: select: no rule has the code, prefix or name 'GDV00l'"),
        ('ignore = ["ad-v2"]', "Did you mean add-v2?"),
        ('[severity]\n"GDZ" = "info"', "graphdoctor.toml: severity: no rule"),
        ('[per-scope-ignores]\n"a" = ["GDQ"]', "graphdoctor.toml: per-scope-ignores: no rule"),
        ("[rules.GDN02]\nmax-abs = 1", "graphdoctor.toml: rules: there is no rule 'GDN02'"),
        ("[rules.GDN002]\nmaxabs = 1", "Did you mean 'max-abs'?"),
        ("[rules.GDU003]\nx = 1", "GDU003 has no option 'x'"),
        ("[rules.GDH003]\nmax-batch = 1.5", "max-batch must be a whole number, not 1.5"),
        ("[rules.GDH003]\nmax-batch = 0", "Give one from 1"),
        ('target = "trt33"', "graphdoctor.toml: target: there is no target 'trt33'"),
        ('[models."*.pb"]\ntarget = ["trt33"]', "graphdoctor.toml: models: there is no target 'trt33'"),
        ('format = "jsn"', "Did you mean json?"),
        ('baseline = "missing.json"', "missing.json: cannot be read"),
    ],
)
def test_wrong_configuration_is_one_error(text: str, said: str) -> None:
    put("graphdoctor.toml", text)
    done = check("net.pb")
    assert said in helped(done)
    assert check("net.pb", "--isolated").code == 1


def test_each_model_has_its_own() -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
        shutil.copy("net.pb", f"{name}/net.pb")
    put("a/graphdoctor.toml", 'target = "trt5"\nfail-on = "never"')
    put("b/graphdoctor.toml", 'target = "rtx1.7"')
    found = json.loads(check("a/net.pb", "b/net.pb", "--format", "json").out)["models"]
    assert [m["chosen"] for m in found] == [["trt5"], ["rtx1.7"]]
    assert check("a/net.pb", "b/net.pb").code == 0
    assert check("a/net.pb", "b/net.pb", "net.pb").code == 1
    same = json.loads(check("a/net.pb", "b/net.pb", "--format", "json", "-j", "2").out)["models"]
    assert same == found


def test_other_commands_take_inputs_and_outputs_from_it() -> None:
    shutil.copy(GRAPHS / "mlp.pb", "mlp.pb")
    put("graphdoctor.toml", '[models."mlp*.pb"]\ninputs = "fc1/Relu:float32[?,128]"')
    assert call("fix", "mlp.pb", "--rules", "clean", "-o", "cut.pb").code == 0
    assert [n.name for n in open_model("cut.pb").graph.inputs] == ["fc1/Relu"]
    assert call("fix", "mlp.pb", "--rules", "clean", "-o", "whole.pb", "--input", "input").code == 0
    assert [n.name for n in open_model("whole.pb").graph.inputs] == ["input"]
    put("graphdoctor.toml", "selct = []")
    forget()
    assert "there is no key" in helped(call("fix", "mlp.pb", "--rules", "clean", "-o", "other.pb"))


def test_rule_options() -> None:
    assert "GDN002" not in codes("net.pb")
    put("graphdoctor.toml", "[rules.fp16-overflow]\nmax-abs = 0.5")
    assert "GDN002" in codes("net.pb")
    assert "GDN002" not in codes(
        "net.pb", "--config", "rules.GDN002.max-abs=1e9", "--config", "rules.fp16-overflow.max-abs=1e9"
    )


def test_settings_are_shown_and_say_the_same_when_read_again() -> None:
    put(
        "graphdoctor.toml", 'severity = {GDV = "info"}\n[rules.GDN002]\nmax-abs = 0.5\n[models."*.pb"]\ntarget = "trt5"'
    )
    put("net.gdignore.toml", '[[suppress]]\nrule = "GDU003"')
    shown = check("net.pb", "--show-settings", "--ignore", "GDS")
    assert (shown.code, shown.err) == (0, "")
    assert "# read: graphdoctor.toml\n# suppressions: net.gdignore.toml\n" in shown.out
    put("shown.toml", shown.out)
    again = check("net.pb", "--show-settings", "--config", "shown.toml").out
    assert again.replace("shown.toml", "graphdoctor.toml") == shown.out
    assert report("net.pb", "--ignore", "GDS") == report("net.pb", "--config", "shown.toml")
    put("graphdoctor.toml", 'ignore = ["GDZ"]')
    refused(check("net.pb", "--show-settings"))


def test_every_option_has_its_section() -> None:
    options = {p.name for p in command.params if isinstance(p, click.Option)}
    named = [name for names in SECTIONS.values() for name in names]
    assert sorted(named) == sorted(options)
    text = call("check", "--help").out
    assert [text.index(f"\n{heading}:") for heading in SECTIONS] == sorted(text.index(f"\n{h}:") for h in SECTIONS)


# Severities and ignores


def test_a_mistyped_severity_offers_the_nearest() -> None:
    assert "Did you mean 'warning'?" in refused(check("net.pb", "--severity", "GDU=warn"))


def test_severity_changes_findings_and_no_verdict() -> None:
    before = report("net.pb")
    after = report("net.pb", "--severity", "GDU=info", "--severity", "GDU003=warning,GDC=off")
    assert after["verdicts"] == before["verdicts"]
    severities = {f["code"]: f["severity"] for f in after["findings"]}
    assert severities["GDU003"] == "warning"
    assert severities["GDU013"] == "info"
    assert not [c for c in severities if c.startswith("GDC")]
    assert check("net.pb", "--severity", "ALL=info").code == 1
    assert check("net.pb", "--severity", "ALL=off").code == 1
    assert "blocker" in check("net.pb", "--severity", "ALL=info").out
    assert check("net.pb", "--target", "rtx1.7").code == 0
    assert check("net.pb", "--target", "rtx1.7", "--severity", "GDS003=error").code == 1
    helped(check("net.pb", "--severity", "GDU=loud"))
    helped(check("net.pb", "--severity", "GDZ=info"))


def test_scope_ignores_hide_there_alone() -> None:
    put("graphdoctor.toml", '[per-scope-ignores]\n"shapes_1/block1*" = ["GDU"]\n')
    nodes = [f["node"] for f in report("net.pb")["findings"] if f["code"].startswith("GDU")]
    assert nodes
    assert not [n for n in nodes if n.startswith("shapes_1/block1")]


def test_mandatory_rules_cannot_be_hidden() -> None:
    put("graphdoctor.toml", 'mandatory = ["GDU003"]\nignore = ["ALL"]\nseverity = {GDU = "off"}')
    put("net.gdignore.toml", '[[suppress]]\nrule = "GDU003"')
    assert codes("net.pb") == {"GDU003"}
    check("net.pb", "--write-baseline", "b.json")
    assert codes("net.pb", "--baseline", "b.json", "--select", "GDV") >= {"GDU003"}
    assert check("net.pb", "--baseline", "b.json").code == 1


# Suppressions


def test_a_suppression_hides_at_its_place() -> None:
    put("net.gdignore.toml", '[[suppress]]\nrule = "batch-norm-written-out"\nscope = "shapes_1/block1*"\nreason = "x"')
    model = report("net.pb")
    nodes = {f["node"] for f in model["findings"] if f["code"] == "GDU003"}
    assert nodes
    assert not [n for n in nodes if "block1" in n]
    assert {"reason": "by net.gdignore.toml", "findings": 2} in model["hidden"]


def test_unused_expired_and_unreasoned_suppressions_are_found() -> None:
    put(
        "net.gdignore.toml",
        '[[suppress]]\nrule = "GDU003"\nnode = "no/such/node"\nreason = "x"\n'
        '[[suppress]]\nrule = "GDU008"\nexpires = 2020-01-31\nreason = "x"\n'
        '[[suppress]]\nrule = "GDU013"\n',
    )
    put("graphdoctor.toml", "require-reason = true")
    found = {f["code"]: f["message"] for f in report("net.pb")["findings"]}
    assert "net.gdignore.toml, entry 1 (GDU003)" in found["GDF005"]
    assert "it ended on 2020-01-31" in found["GDF006"]
    assert "net.gdignore.toml, entry 3 (GDU013): it gives no reason" in found["GDF007"]
    assert {"GDU003", "GDU008", "GDU013"} <= set(found)
    assert not {"GDF005", "GDF006", "GDF007"} & codes("net.pb", "--ignore", "GDF")


def test_each_rule_of_a_suppression_must_answer_for_something() -> None:
    put("net.gdignore.toml", '[[suppress]]\nrule = ["GDU003", "GDN002", "add-v2", "GDC005"]\n')
    said = {f["code"]: f["message"] for f in report("net.pb", "--ignore", "GDC")["findings"]}
    assert "entry 1 (GDN002): nothing there breaks it" in said["GDF005"]
    assert "GDU003" not in said
    check("net.pb", "--prune-suppressions")
    assert "add-v2" in Path("net.gdignore.toml").read_text()


def test_a_suppression_that_another_run_needs_is_not_unused() -> None:
    """One for another target, and one of a rule that is not looked for now."""
    put("net.gdignore.toml", '[[suppress]]\nrule = "GDU003"\n[[suppress]]\nrule = "GDC005"\n')
    assert "GDF005" not in codes("net.pb")
    assert "GDF005" not in codes("net.pb", "--target", "rtx1.7")
    assert "GDF005" not in codes("net.pb", "--select", "GDF,GDN")
    put("net.gdignore.toml", '[[suppress]]\nrule = "GDU003"\ntarget = "trt5"\nnode = "none"')
    assert "GDF005" not in codes("net.pb")
    assert "GDF005" in codes("net.pb", "--target", "trt5")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[suppress]]\nrule = "GDU0033"', "net.gdignore.toml, entry 1: no rule has the code"),
        ('[[suppress]]\nrule = "GDU"\n[[suppress]]\nrule = "ad-v2"', "net.gdignore.toml, entry 2: no rule"),
        ('[[suppress]]\nrule = "GDU"\ntarget = "trt33"', "net.gdignore.toml, entry 1: there is no target"),
        ('[[suppress]]\nrules = "GDU"', "net.gdignore.toml:2: suppress.1: there is no key 'rules'"),
    ],
)
def test_wrong_suppressions_are_one_error(text: str, said: str) -> None:
    put("net.gdignore.toml", text)
    assert said in helped(check("net.pb"))
    assert check("net.pb", "--isolated").code == 1


def test_an_attribute_of_a_node_suppresses() -> None:
    graph = open_model("net.pb").graph
    node = next(f["node"] for f in report("net.pb")["findings"] if f["code"] == "GDU003")
    graph.set_attr(graph.node(node), "_graphdoctor_ignore", "GDU003 -- folded by the converter")
    graph.set_attr(graph.node("input"), "_graphdoctor_ignore", "GDX001, nosuch")
    save_graph(graph, "net.pb")
    found = report("net.pb")["findings"]
    assert node not in {f["node"] for f in found if f["code"] == "GDU003"}
    assert [f["node"] for f in found if f["code"] == "GDF005"] == ["input"]
    assert node in {f["node"] for f in report("net.pb", "--isolated")["findings"] if f["code"] == "GDU003"}


def test_a_graph_cannot_silence_findings_about_security() -> None:
    graph = open_model("net.pb").graph
    graph.add("PyFunc", "run", [graph.node("input").out()], {"_graphdoctor_ignore": "GDX002"})
    save_graph(graph, "net.pb")
    assert {"GDX002", "GDF005"} <= codes("net.pb")
    put("net.gdignore.toml", '[[suppress]]\nrule = "GDX002"\nnode = "run"')
    assert "GDX002" not in codes("net.pb")
