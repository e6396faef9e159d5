"""The plugin files against the table of facts, where it is at hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from graphdoctor.lint.plugins import all_plugins
from graphdoctor.targets import all_target_names, load_target
from graphdoctor.types import Answer
from tests.test_targets_facts import FACTS, ROOT, needs_facts, tool


@needs_facts
def test_the_files_are_what_the_tool_derives(capsys: pytest.CaptureFixture[str]) -> None:
    derive = tool("plugins_from_facts")
    assert derive.main(["--check", "--facts", str(FACTS)]) == 0, capsys.readouterr().out


@needs_facts
def test_the_tool_notices_a_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(ROOT / "rules" / "plugins", tmp_path / "plugins")
    path = folder / "NMS_TRT.toml"
    path.write_text(path.read_text("utf-8").replace("length = 3", "length = 4"), "utf-8")
    options = ["--facts", str(FACTS), "--plugins", str(folder)]
    assert tool("plugins_from_facts").main(["--check", *options]) == 1
    assert "length = 4" in capsys.readouterr().out
    assert tool("plugins_from_facts").main(["--write", *options]) == 0
    assert tool("plugins_from_facts").main(["--check", *options]) == 0


def test_without_facts_the_tool_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool("plugins_from_facts").main(["--check", "--facts", str(tmp_path / "none")]) == 2
    assert "--facts" in capsys.readouterr().err


@needs_facts
def test_every_plugin_and_every_field_is_there() -> None:
    told = json.loads((FACTS / "plugins.json").read_text("utf-8"))["plugins"]
    assert {p["op"] for p in told} == set(all_plugins())
    for entry in told:
        plugin = all_plugins()[entry["op"]]
        assert [(f["name"], f["type"], f["length"], f["required"]) for f in entry["fields"]] == [
            (f.name, f.type, f.length, f.required) for f in plugin.fields
        ]
        for field, known in zip(entry["fields"], plugin.fields, strict=True):
            first = (known.releases or plugin.releases)[0]
            assert first == field["first_release"] or entry["oss_source_first"] == field["first_release"]
    assert (len(told), sum(len(p["fields"]) for p in told)) == (25, 134)


CHECKED = {"FlattenConcat_TRT", "GridAnchorRect_TRT", "GridAnchor_TRT", "NMS_TRT"}
"""Plugins of which rules look at every field and input, so that a node they let pass runs."""


def test_tables_of_targets_and_plugins_agree() -> None:
    for name in all_target_names():
        target = load_target(name)
        for plugin in all_plugins().values():
            if target.parser == "uff" and target.plugins:
                assert (plugin.name in target.ops) is plugin.is_in(target), (name, plugin.name)
                there = Answer.YES if plugin.name in CHECKED else Answer.UNKNOWN
                assert target.row(plugin.name).support is (there if plugin.is_in(target) else Answer.NO)


def test_releases_are_known_and_in_order() -> None:
    order = list(max((p.releases for p in all_plugins().values()), key=lambda releases: len(releases)))
    for plugin in all_plugins().values():
        assert plugin.releases == [r for r in order if r in plugin.releases]
        assert plugin.published in plugin.releases
        assert 1 <= len(plugin.inputs) <= 2
        for field in plugin.fields:
            assert {*field.releases, *field.optional_in} <= {*plugin.releases}
    assert {r for n in all_target_names() for r in load_target(n).plugins} <= {*order}
