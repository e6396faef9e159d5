"""graphdoctor check: configuration, severities, suppressions, baselines, and what they never change."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphdoctor.cli.check import command
from graphdoctor.cli.choosing import SECTIONS
from graphdoctor.config import discovery
from graphdoctor.flows.opening import open_model
from graphdoctor.formats.tensorflow import save_graph
from tests.cli.program import Done, call, helped, refused
from tests.lint.reexport import reexported

GRAPHS = Path(__file__).parents[2] / "fixtures" / "graphs"
NAMES = ("demo", "every_fault", "lstm_unrolled", "cnn_tf1_nhwc")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with net.pb in it."""
    monkeypatch.chdir(tmp_path)
    forget()
    shutil.copy(GRAPHS / "demo.pb", "net.pb")
    return tmp_path


def forget() -> None:
    """Read configuration again, as another run does."""
    discovery.nearest_file.cache_clear()
    discovery._extended.cache_clear()


def check(*words: str | Path) -> Done:
    forget()
    return call("check", "--no-live", "--no-cache", *words)


def report(*words: str | Path) -> Any:
    """The only model of the JSON report."""
    (model,) = json.loads(check("--format", "json", *words).out)["models"]
    return model


def codes(*words: str | Path) -> set[str]:
    return {f["code"] for f in report(*words)["findings"]}


def put(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")


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
        ('target = "trt33"', "there is no target 'trt33'"),
        ('format = "jsn"', "Did you mean json?"),
        ('baseline = "missing.json"', "missing.json: cannot be read"),
    ],
)
def test_wrong_configuration_is_one_error(text: str, said: str) -> None:
    put("graphdoctor.toml", text)
    done = check("net.pb")
    assert said in helped(done)
    assert check("net.pb", "--isolated").code == 1


def test_each_model_has_its_own(here: Path) -> None:
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


# Baselines


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_hides_what_was_there(name: str) -> None:
    model = GRAPHS / f"{name}.pb"
    words = ["--target", "all"]
    before = report(model, *words)
    wrote = check(model, *words, "--write-baseline", "b.json")
    assert wrote.code == 0
    assert re.search(r"^wrote b.json: \d+ findings are accepted$", wrote.err, re.MULTILINE)
    after = report(model, *words, "--baseline", "b.json")
    assert after["findings"] == []
    assert after["verdicts"] == before["verdicts"]
    assert check(model, *words, "--baseline", "b.json").code == 0
    first = Path("b.json").read_bytes()
    check(model, *words, "--write-baseline", "b.json")
    assert Path("b.json").read_bytes() == first


def test_another_export_brings_nothing_back_and_a_new_fault_is_new() -> None:
    check("net.pb", "--write-baseline", "b.json")
    graph = reexported(open_model("net.pb").graph, 3)
    save_graph(graph, "net.pb")
    assert check("net.pb", "--baseline", "b.json", "--output", graph.outputs[0].name).code == 0
    relu = next(n for n in graph.order().nodes if n.op == "Relu6" and n in graph.live())
    graph.add("Digamma", "new", [relu.out()])
    save_graph(graph, "net.pb")
    words = ["--baseline", "b.json", "--output", graph.outputs[0].name, "--output", "new"]
    assert "new" in {f["node"] for f in report("net.pb", *words)["findings"]}
    assert check("net.pb", *words).code == 1


def test_an_older_model_is_a_baseline() -> None:
    shutil.copy("net.pb", "old.pb")
    assert check("net.pb", "--baseline", "old.pb").code == 0
    graph = open_model("net.pb").graph
    relu = next(n for n in graph.order().nodes if n.op == "Relu6" and n in graph.live())
    made = graph.add("Digamma", "new", [relu.out()])
    graph.outputs = (*graph.outputs, made.out())
    save_graph(graph, "net.pb")
    words = ["--output", "Identity", "--output", "new"]
    assert refused(check("net.pb", "--baseline", "old.pb", *words))
    fresh = report("net.pb", "--baseline", "old.pb")["findings"]
    assert {f["node"] for f in fresh} == {"new"}
    assert check("net.pb", "--baseline", "old.pb").code == 1


def test_a_fixed_model_leaves_entries_to_prune() -> None:
    check("net.pb", "--write-baseline", "b.json")
    call("fix", "net.pb", "--rules", "tf112,clean,fold", "--in-place")
    done = check("net.pb", "--baseline", "b.json")
    assert "--prune-baseline removes them" in done.err
    other = check("net.pb", "--baseline", "b.json", "--target", "rtx1.7")
    assert "trt3" in Path("b.json").read_text()
    before = len(Path("b.json").read_text().splitlines())
    pruned = check("net.pb", "--baseline", "b.json", "--prune-baseline")
    assert "b.json: removed" in pruned.err
    assert len(Path("b.json").read_text().splitlines()) < before
    assert check("net.pb", "--baseline", "b.json").err == ""
    assert other.code == 0
    assert "usage" not in refused(check("net.pb", "--prune-baseline")).lower()


def test_the_baseline_of_the_configuration() -> None:
    Path("deep").mkdir()
    shutil.copy("net.pb", "deep/net.pb")
    put("graphdoctor.toml", 'baseline = "accepted.json"')
    assert check("deep/net.pb", "--write-baseline", "accepted.json").code == 0
    assert check("deep/net.pb").code == 0
    assert list(json.loads(Path("accepted.json").read_text())["models"]) == ["deep/net.pb"]


def test_a_model_is_known_again_by_its_name_alone() -> None:
    """In another folder; among several models one that is not there is said to be missing."""
    for name in ("a", "b", "c"):
        Path(name).mkdir()
    shutil.copy("net.pb", "a/net.pb")
    shutil.copy(GRAPHS / "mlp.pb", "a/mlp.pb")
    check("a/net.pb", "a/mlp.pb", "--write-baseline", "b.json")
    shutil.copy("net.pb", "b/net.pb")
    shutil.copy("net.pb", "c/other.pb")
    assert check("b/net.pb", "--baseline", "b.json").code == 0
    done = check("c/other.pb", "--baseline", "b.json")
    assert done.code == 1
    assert "the baseline says nothing of c/other.pb" in done.err


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_what_nvidia_says_can_be_accepted() -> None:
    """By the builder's own findings, which no table has."""
    model = GRAPHS / "every_fault.pb"
    words = ["check", model, "--target", "rtx1.7", "--no-cache"]
    assert call(*words).code == 1
    assert call(*words, "--write-baseline", "b.json").code == 0
    assert call(*words, "--baseline", "b.json").code == 0


@pytest.mark.parametrize(
    "text",
    ['{"version": 2, "models": {}}', "{", '{"version": 1}', '{"version": 1, "models": {"net.pb": [{"code": 3}]}}'],
)
def test_a_damaged_baseline_is_one_error(text: str) -> None:
    put("b.json", text)
    assert "b.json: is no baseline" in helped(check("net.pb", "--baseline", "b.json"))


def test_nothing_is_written_where_something_is_wrong() -> None:
    put("b.json", "before")
    put("bad.pb", "Dear reader")
    assert check("net.pb", "bad.pb", "--write-baseline", "b.json").code == 2
    refused(check("net.pb", "--write-baseline", "net.pb"))
    refused(check("net.pb", "--write-baseline", "b.json", "--baseline", "old.json"))
    for place in ("missing/b.json", ".", "b\0.json"):
        helped(check("net.pb", "--write-baseline", place))
    helped(check("net.pb", "--write-baseline", "new.json", "--format", "json:new.json"))
    assert not Path("new.json").exists()
    assert Path("b.json").read_text() == "before"


def test_names_that_are_no_text_can_be_accepted() -> None:
    """A path with a byte that is no UTF-8, and a node with a quote and a line break."""
    odd = "n\udcff.pb"
    graph = open_model("net.pb").graph
    made = graph.add("Digamma", 'a"\nb\u202e', [graph.node("input").out()])
    graph.outputs = (*graph.outputs, made.out())
    save_graph(graph, odd)
    assert check(odd, "--write-baseline", "b.json").code == 0
    assert check(odd, "--baseline", "b.json").code == 0


@pytest.mark.parametrize("value", [3, True, "", ",", (), ("GDU003", "GDV"), ("GDU003", ""), 1.5, "--", "GDU003--"])
def test_any_value_of_the_attribute_is_taken(value: Any) -> None:
    """The graph is a file from outside: what stands there is never more than an unused suppression."""
    graph = open_model("net.pb").graph
    graph.set_attr(graph.node("input"), "_graphdoctor_ignore", value)
    save_graph(graph, "net.pb")
    assert "GDF005" in codes("net.pb")


# What no answer changes


def test_only_accepting_every_finding_behind_a_verdict_lets_it_pass() -> None:
    """A prefix hides and accepts nothing; naming all rules accepts; one that is left out fails the run."""
    put("net.gdignore.toml", '[[suppress]]\nrule = "GD"')
    assert report("net.pb")["findings"] == []
    assert check("net.pb").code == 1
    behind = sorted(codes("net.pb", "--isolated"))
    put("net.gdignore.toml", "\n".join(f'[[suppress]]\nrule = "{c}"' for c in behind))
    assert check("net.pb").code == 0
    put("net.gdignore.toml", "\n".join(f'[[suppress]]\nrule = "{c}"' for c in behind if c != "GDU003"))
    assert check("net.pb").code == 1


_HIDING = st.lists(
    st.sampled_from(
        [
            ("--ignore", "GD"),
            ("--ignore", "GDU003"),
            ("--select", "GDV"),
            ("--severity", "ALL=off"),
            ("--severity", "GDU=info"),
            ("--baseline", "b.json"),
            ("--config", 'per-scope-ignores={"**"=["ALL"]}'),
            ("--fail-on", "warning"),
        ]
    ),
    unique_by=lambda pair: pair[0],
)


@given(words=_HIDING, name=st.sampled_from(NAMES))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_answer_changes_a_verdict(words: list[tuple[str, str]], name: str) -> None:
    """Nor does the run pass while a target is not compatible, unless the baseline accepts what stands behind it."""
    model = GRAPHS / f"{name}.pb"
    check(model, "--write-baseline", "b.json")
    flat = [w for pair in words for w in pair]
    plain, chosen = report(model), report(model, *flat)
    assert chosen["verdicts"] == plain["verdicts"]
    assert plain["verdicts"]["trt3"]["verdict"] != "compatible"
    assert check(model, *flat).code == (0 if "--baseline" in flat and not chosen["findings"] else 1)
