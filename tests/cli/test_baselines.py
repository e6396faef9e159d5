"""graphdoctor check: baselines, and what no answer changes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphdoctor.flows.opening import open_model
from graphdoctor.formats.tensorflow import save_graph
from tests.cli.choosing import GRAPHS, NAMES, check, codes, forget, here, put, report  # noqa: F401 - a fixture
from tests.cli.program import call, helped, refused
from tests.lint.reexport import reexported

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
    ['{"version": "2", "models": {}}', "{", '{"version": 1}', '{"version": 1, "models": {"net.pb": [{"code": 3}]}}'],
)
def test_a_damaged_baseline_is_one_error(text: str) -> None:
    put("b.json", text)
    assert "b.json: is no baseline" in helped(check("net.pb", "--baseline", "b.json"))


def test_a_baseline_of_another_version_is_said_to_be_one() -> None:
    """Whatever else its form is by then."""
    put("b.json", '{"version": 2, "nets": []}')
    said = helped(check("net.pb", "--baseline", "b.json"))
    assert "b.json: is a baseline of version 2, and this graphdoctor reads version 1" in said
    assert "Write it again with --write-baseline b.json" in said


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
